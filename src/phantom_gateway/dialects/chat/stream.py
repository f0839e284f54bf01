"""Streams of chat completion chunks: into neutral events and from them.

OpenAI's parts have no beginning and no end of their own: a part begins with its first piece and ends where another begins.
Calls of tools have an index; a piece of a call that has ended is an error, because nobody could put it in its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from phantom_gateway.dialects.chat import errors
from phantom_gateway.dialects.chat.response import (
    REASONS,
    read_stop,
    read_tokens,
    shown_image,
    thinking_block,
    write_tokens,
)
from phantom_gateway.dialects.neutral import (
    Ended,
    Failed,
    Grew,
    Image,
    Opened,
    Part,
    Redacted,
    Shut,
    Started,
    Stopped,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    Untranslatable,
)
from phantom_gateway.dialects.problem import Problem

DONE = b"[DONE]"
_encode = msgspec.json.Encoder().encode


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: Any = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    id: str | None = None
    choices: list[_Choice] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_chunk = msgspec.json.Decoder(_Chunk)


class Reader:
    """Reads the data of one event after the other. One per stream."""

    def __init__(self) -> None:
        self.usage: dict[str, Any] | None = None
        """As the upstream last reported it."""
        self._id = ""
        self._started = False
        self._open: Part | None = None
        self._index = -1
        self._call = -1
        """Which of the upstream's calls is open."""
        self._calls: set[int] = set()
        self._reason: str | None = None
        self._stopped = False

    @property
    def complete(self) -> bool:
        """Whether the upstream has said why the answer ended."""
        return self._reason is not None

    def read(self, data: bytes) -> list[StreamEvent]:
        """The events in one event's data. Raises Untranslatable."""
        if data == DONE:
            return [*self.close(), Ended()]
        try:
            chunk = _chunk.decode(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Untranslatable("An event of the stream was not understood.") from error
        if chunk.error is not None:
            return [_failed(chunk.error)]
        events: list[StreamEvent] = []
        if not self._started:
            self._started = True
            self._id = chunk.id or ""
            events.append(Started(self._id, read_tokens(chunk.usage)))
        if chunk.usage is not None:
            self.usage = chunk.usage
        for choice in chunk.choices or ():
            if choice.index == 0:
                self._choice(choice, events)
        if chunk.usage is not None and not chunk.choices:
            events += self.close()
        return events

    def close(self) -> list[StreamEvent]:
        """The end of the answer, once its reason is known."""
        if self._stopped or self._reason is None:
            return []
        self._stopped = True
        stop = read_stop(self._reason, called=bool(self._calls))
        return [Stopped(stop, tokens=read_tokens(self.usage))]

    def _choice(self, choice: _Choice, events: list[StreamEvent]) -> None:
        delta = choice.delta
        if delta is not None:
            reasoning = delta.reasoning_content or delta.reasoning
            if reasoning:
                self._grow(Thinking, "", "thinking", reasoning, events)
            for said in (delta.content, delta.refusal):
                if isinstance(said, str) and said:
                    self._grow(Text, "", "text", said, events)
                elif said and not isinstance(said, str):
                    raise Untranslatable("An event of the stream was not understood.")
            for call in delta.tool_calls or ():
                self._called(call, events)
        if choice.finish_reason is not None:
            self._reason = choice.finish_reason
            self._shut(events)

    def _grow(self, kind: Any, first: str, name: Any, text: str, events: list[StreamEvent]) -> None:
        if type(self._open) is not kind:
            self._begin(kind(first), events)
        events.append(Grew(self._index, name, text))

    def _begin(self, part: Part, events: list[StreamEvent]) -> None:
        self._shut(events)
        self._open = part
        self._index += 1
        events.append(Opened(self._index, part))

    def _shut(self, events: list[StreamEvent]) -> None:
        if self._open is not None:
            events.append(Shut(self._index))
        self._open = None
        self._call = -1

    def _called(self, call: _Call, events: list[StreamEvent]) -> None:
        function = call.function or _Function()
        index = call.index
        if index is None:
            # a server that numbers nothing sends whole calls
            index = self._call if function.name is None and self._call >= 0 else len(self._calls)
        if index != self._call:
            if index in self._calls:
                raise Untranslatable("The upstream mixed the pieces of several tool calls.")
            if function.name is None:
                raise Untranslatable("The upstream called a tool without a name.")
            self._calls.add(index)
            self._begin(ToolCall(call.id or f"call_{self._id}_{index}", function.name, ""), events)
            self._call = index
        if function.arguments:
            events.append(Grew(self._index, "arguments", function.arguments))


def _failed(error: Any) -> Failed:
    described = error if isinstance(error, dict) else {"message": error}
    message = described.get("message")
    return Failed(str(described.get("type") or "upstream_error"), message if isinstance(message, str) else "")


class Writer:
    """Writes chunks. One per stream."""

    def __init__(self, model: str, created: int, wants_usage: bool, renamed: Mapping[str, str]) -> None:
        self._model = model
        self._created = created
        self._wants_usage = wants_usage
        self._renamed = renamed
        self._prefix = b""
        self._calls: dict[int, int] = {}
        self._bare: set[int] = set()
        """Calls without arguments so far."""
        self._thoughts: dict[int, Thinking] = {}

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event; empty for what the format does not say."""
        if isinstance(event, Grew):
            return self._grew(event)
        if isinstance(event, Opened):
            return self._opened(event)
        if isinstance(event, Shut):
            return self._shut(event)
        if isinstance(event, Started):
            head = _encode(
                {"id": event.id, "object": "chat.completion.chunk", "created": self._created, "model": self._model}
            )
            self._prefix = b"data: " + head[:-1] + b',"choices":['
            return self._delta(b'{"role":"assistant","content":"","refusal":null}')
        if isinstance(event, Stopped):
            return self._stopped(event)
        if isinstance(event, Ended):
            return b"data: " + DONE + b"\n\n"
        return errors.event(Problem(502, "upstream_error", event.message or "The upstream broke off its answer."))

    def unsaid(self) -> bytes:
        """What ends an answer whose upstream gave the reason to end, but not the end: nothing, clients do without."""
        return b""

    def _delta(self, delta: bytes) -> bytes:
        return b'%b{"index":0,"delta":%b,"logprobs":null,"finish_reason":null}]}\n\n' % (self._prefix, delta)

    def _grew(self, event: Grew) -> bytes:
        if event.kind == "text":
            return self._delta(b'{"content":%b}' % _encode(event.text))
        if event.kind == "arguments":
            position = self._calls.get(event.index)
            if position is None or not event.text:
                return b""
            self._bare.discard(event.index)
            return self._arguments(position, event.text)
        thought = self._thoughts.get(event.index)
        if event.kind == "thinking":
            if thought is not None:
                thought.text += event.text
            return self._delta(b'{"reasoning_content":%b}' % _encode(event.text))
        if event.kind == "signature" and thought is not None:
            thought.signature += event.text
        if event.kind == "logprobs":
            return self._likely(event.value)
        if event.kind == "citation":
            return self._delta(_encode({"provider_specific_fields": {"citation": event.value}}))
        return b""

    def _likely(self, tokens: Any) -> bytes:
        likely = _encode({"content": tokens, "refusal": None})
        return b'%b{"index":0,"delta":{},"logprobs":%b,"finish_reason":null}]}\n\n' % (self._prefix, likely)

    def _arguments(self, position: int, text: str) -> bytes:
        return self._delta(b'{"tool_calls":[{"index":%d,"function":{"arguments":%b}}]}' % (position, _encode(text)))

    def _opened(self, event: Opened) -> bytes:
        part = event.part
        if isinstance(part, ToolCall):
            position = self._calls[event.index] = len(self._calls)
            if not part.arguments:
                self._bare.add(event.index)
            function = {"name": self._renamed.get(part.name, part.name), "arguments": part.arguments}
            call = {"index": position, "id": part.id, "type": "function", "function": function}
            return self._delta(_encode({"tool_calls": [call]}))
        if isinstance(part, Thinking):
            self._thoughts[event.index] = Thinking("")
        elif isinstance(part, Image):
            return self._delta(_encode({"images": [shown_image(part, 0)]}))
        elif isinstance(part, Redacted):
            return self._delta(_encode({"thinking_blocks": [thinking_block(part)]}))
        return b""

    def _shut(self, event: Shut) -> bytes:
        if event.index in self._bare:
            self._bare.discard(event.index)
            return self._arguments(self._calls[event.index], "{}")
        thought = self._thoughts.pop(event.index, None)
        if thought is None or not thought.signature:
            return b""
        return self._delta(_encode({"thinking_blocks": [thinking_block(thought)]}))

    def _stopped(self, event: Stopped) -> bytes:
        reason = REASONS.get(event.stop, "stop").encode()
        written = b'%b{"index":0,"delta":{},"logprobs":null,"finish_reason":"%b"}]}\n\n' % (self._prefix, reason)
        if self._wants_usage and event.tokens is not None:
            written += b'%b],"usage":%b}\n\n' % (self._prefix, _encode(write_tokens(event.tokens)))
        return written
