"""Providers whose formats nothing here speaks: Cohere's chat, Bedrock's Converse, a ranking, pictures, speech and recordings; and
Google's tokens.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COHERE = {
    "id": "c-1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "Bonjour from Cohere"}]},
    "usage": {
        "billed_units": {"input_tokens": 11, "output_tokens": 5},
        "tokens": {"input_tokens": 11, "output_tokens": 5},
    },
}
BEDROCK = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hello from Bedrock"}]}},
    "stopReason": "end_turn",
    "usage": {"inputTokens": 7, "outputTokens": 3, "totalTokens": 10},
    "metrics": {"latencyMs": 1},
}
CUT = b"".join(
    b"data: %b\n\n"
    % json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
        {"index": 0, "delta": {"role": "assistant", "content": text}, "finish_reason": None}]}).encode()
    for text in ("half", " an answer")
)  # fmt: skip
"""A stream whose connection is closed properly before it has said its end."""
GEMINI = {
    "candidates": [
        {"content": {"role": "model", "parts": [{"text": "Hello from Vertex"}]}, "finishReason": "STOP", "index": 0}
    ],
    "usageMetadata": {"promptTokenCount": 6, "candidatesTokenCount": 4, "totalTokenCount": 10},
}
HEARD = {
    "metadata": {"duration": 3.5},
    "results": {"channels": [{"alternatives": [{"transcript": "so be it", "words": []}]}]},
}
PICTURE = {"created": 1, "data": [{"b64_json": "aGVsbG8="}]}
TOKEN = {"access_token": "ya29.google-token-canary", "expires_in": 3600, "token_type": "Bearer"}
SOUND = b"ID3\x04sound"
RANKING = {"id": "r-1", "results": [{"index": 1, "relevance_score": 0.9}], "meta": {}}


class Stranger(ThreadingHTTPServer):
    """Remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, dict[str, str], dict[str, Any]]] = []


class _Handler(BaseHTTPRequestHandler):
    server: Stranger

    def do_POST(self) -> None:
        """Answer by the path."""
        raw = self.rfile.read(int(self.headers["content-length"]))
        body = json.loads(raw) if raw[:1] == b"{" else {"raw": raw}
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        path = self.path.partition("?")[0]
        if "/cut/" in path:
            self._send("text/event-stream", CUT)
        elif "/text-to-speech/" in path:
            self._send("audio/mpeg", SOUND)
        else:
            answers = {
                "rerank": RANKING, "converse": BEDROCK, "chat": COHERE, "generations": PICTURE, "listen": HEARD, "token": TOKEN,
                "gemini-2.5-flash:generateContent": GEMINI,
            }  # fmt: skip
            self._send("application/json", json.dumps(answers[path.rsplit("/", 1)[-1]]).encode())

    def _send(self, kind: str, answer: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@contextmanager
def running_stranger() -> Iterator[Stranger]:
    """One on a free port, as long as it is needed."""
    with Stranger() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(5)
