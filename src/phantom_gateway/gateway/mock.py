"""``mock_response`` of a deployment: the configured text as an answer, without calling anybody.

It stands where an upstream's response would stand, so that everything around it (limits, usage, ledger, streams) is the real
thing. Usage is 10 and 20 tokens, as LiteLLM 1.106.2 (November 2026) counts mocked answers.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.dialects.operations import COUNT_TOKENS, INPUT_TOKENS

if TYPE_CHECKING:
    from phantom_gateway.dialects.operations import Operation
    from phantom_gateway.wire.client import Sink

_USAGE = {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30}
_encode = msgspec.json.Encoder().encode


class CountedResponse:
    """The answer to a count of tokens that no upstream is asked for: by size, as everything that nobody counted."""

    __slots__ = ("_answer", "headers", "status")

    def __init__(self, tokens: int, operation: Operation = COUNT_TOKENS) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self._answer: dict[str, Any] = {"totalTokens" if operation.configured else "input_tokens": tokens}
        if operation is INPUT_TOKENS:
            self._answer["object"] = "response.input_tokens"

    def get(self, _name: bytes) -> bytes | None:
        """No header is sent by nobody."""
        return None

    async def read(self, _limit: int) -> bytes:
        """The whole answer."""
        return _encode(self._answer)

    async def relay(self, sink: Sink) -> None:
        """The whole answer: a count is never streamed."""
        sink.data(await self.read(0))

    def pause(self) -> None:
        """Everything is said already."""

    def resume(self) -> None:
        """See ``pause``."""

    def hasten(self, _seconds: float) -> None:
        """Nothing is waited for."""

    def close(self) -> None:
        """Nothing is open."""


class MockedResponse:
    """An answer made here. Has the part of ``wire.response.Response`` that the attempt loop uses."""

    __slots__ = ("_call_id", "_chat", "_model", "_text", "headers", "status")

    def __init__(self, text: str, model: str, call_id: str, *, chat: bool) -> None:
        self.status = 200
        self.headers: list[tuple[bytes, bytes]] = []
        self._text = text
        self._model = model
        self._call_id = call_id
        self._chat = chat

    def get(self, _name: bytes) -> bytes | None:
        """No header is sent by nobody."""
        return None

    async def read(self, _limit: int) -> bytes:
        """The whole answer."""
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop", "logprobs": None}
        choice |= {"message": {"role": "assistant", "content": self._text}} if self._chat else {"text": self._text}
        return _encode(
            self._envelope("chat.completion" if self._chat else "text_completion", [choice]) | {"usage": _USAGE}
        )

    async def relay(self, sink: Sink) -> None:
        """The answer word by word."""
        kind = "chat.completion.chunk" if self._chat else "text_completion"
        if self._chat:
            self._event(
                sink, kind, [{"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}]
            )
        for word in self._text.split(" "):
            content = {"delta": {"content": word + " "}} if self._chat else {"text": word + " "}
            self._event(sink, kind, [{"index": 0, "finish_reason": None} | content])
        last: dict[str, Any] = {"delta": {}} if self._chat else {"text": ""}
        self._event(sink, kind, [{"index": 0, "finish_reason": "stop"} | last])
        sink.data(b"data: " + _encode(self._envelope(kind, []) | {"usage": _USAGE}) + b"\n\n")
        sink.data(b"data: [DONE]\n\n")

    def pause(self) -> None:
        """Everything is said already."""

    def resume(self) -> None:
        """See ``pause``."""

    def hasten(self, _seconds: float) -> None:
        """Nothing is waited for."""

    def close(self) -> None:
        """Nothing is open."""

    def _envelope(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self._call_id}", "object": kind, "created": int(time.time()), "model": self._model,
            "choices": choices,
        }  # fmt: skip

    def _event(self, sink: Sink, kind: str, choices: list[dict[str, Any]]) -> None:
        sink.data(b"data: " + _encode(self._envelope(kind, choices)) + b"\n\n")
