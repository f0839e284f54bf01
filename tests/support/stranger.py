"""Providers whose formats nothing here speaks: Cohere's chat, Bedrock's Converse, and a ranking."""

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
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        answers = {"rerank": RANKING, "converse": BEDROCK, "chat": COHERE}
        answer = json.dumps(answers[self.path.rsplit("/", 1)[-1]]).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
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
