"""One cached answer: what is kept of it, and whether it is worth keeping."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.ledger.usage import Usage
from phantom_gateway.wire.sse import SseSplitter, event_data

if TYPE_CHECKING:
    from phantom_gateway.dialects.operations import Operation
    from phantom_gateway.gateway.ways import Tap

OVERHEAD = 1024
"""Bytes an entry takes beside its answer, roughly."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """An answer as the caller was sent it. Part of what lies in Redis: fields are only ever added, at the end, with a default."""

    at: float
    """When it was given, Unix seconds."""
    until: float
    deployment_id: str
    upstream_model: str
    usage: Usage
    cost: int
    """Nano-dollars it cost, and the next one does not."""
    body: bytes
    """The whole answer, or all events of a stream."""

    @property
    def size(self) -> int:
        """Bytes of memory, roughly."""
        return len(self.body) + OVERHEAD


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Entry).decode
_check = msgspec.json.Decoder(dict[str, Any]).decode
_NO_JSON = (b"", b"[DONE]")

# JSON escapes quotation marks inside of strings, so that these find members and never what somebody says.
_FILTERED = re.compile(
    rb'"(?:finish_reason|stop_reason|finishReason)"\s*:\s*"(?:content_filter|refusal|SAFETY|RECITATION|BLOCKLIST|'
    rb'PROHIBITED_CONTENT|SPII|IMAGE_SAFETY|error|OTHER|pause_turn)"|"blockReason"\s*:\s*"'
    rb'|"status"\s*:\s*"(?:failed|cancelled|queued)"'
)
_CUT = re.compile(
    rb'"(?:finish_reason|stop_reason|finishReason)"\s*:\s*"(?:length|max_tokens|MAX_TOKENS|model_context_window_exceeded)"'
    rb'|"status"\s*:\s*"incomplete"'
)
_CALLS = re.compile(
    rb'"(?:tool_calls|toolCalls)"\s*:\s*\[\s*[^\]\s]|"(?:function_call|functionCall)"\s*:\s*\{|"type"\s*:\s*"[a-z_]*(?:tool_use|_call)"'
)


def is_worth(body: bytes, *, bounded: bool, shared: bool) -> bool:
    """Whether an answer may be given again.

    Not one that a filter has withheld or cut; not one that ended for want of room, unless the caller (``bounded``) set that room
    and so would get the same again; and not one that calls tools, where others than its own key would be given it (``shared``).
    """
    if _FILTERED.search(body) or (not bounded and _CUT.search(body)):
        return False
    return not (shared and _CALLS.search(body))


def is_sound(stream: bytes) -> bool:
    """Whether every event of a stream can be read: a broken one is passed on, but not twice."""
    splitter = SseSplitter(max_event=len(stream))
    for raw in splitter.feed(stream):
        data = event_data(raw).strip()
        if data in _NO_JSON:
            continue
        try:
            _check(data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
    return not splitter.pending.strip()


def is_counted(usage: Usage, operation: Operation) -> bool:
    """Whether the provider itself has said all that it counted, and nothing odd."""
    whole = usage.input is not None and (usage.output is not None or not operation.output_fields)
    return whole and usage.source == "provider" and not usage.flags


class Recorder:
    """A tap that keeps what passes the tap within, up to ``limit`` bytes."""

    __slots__ = ("_limit", "_parts", "_size", "_tap")

    def __init__(self, tap: Tap, limit: int) -> None:
        self._tap = tap
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def heard(self) -> bytes | None:
        """All that the caller was sent, when the stream has ended; ``None`` when it was too much."""
        size = self._size + len(self._tap.tail)
        return None if size > self._limit else b"".join(self._parts) + self._tap.tail

    def feed(self, data: bytes) -> bytes:
        """See ``Tap``."""
        out = self._tap.feed(data)
        if out and self._size <= self._limit:
            self._size += len(out)
            if self._size <= self._limit:
                self._parts.append(out)
            else:
                self._parts.clear()
        return out

    @property
    def done(self) -> bool:
        """See ``Tap``."""
        return self._tap.done

    @property
    def error(self) -> Any:
        """See ``Tap``."""
        return self._tap.error

    @property
    def events(self) -> int:
        """See ``Tap``."""
        return self._tap.events

    @property
    def octets(self) -> int:
        """See ``Tap``."""
        return self._tap.octets

    @property
    def tail(self) -> bytes:
        """See ``Tap``."""
        return self._tap.tail

    @property
    def usage(self) -> dict[str, Any] | None:
        """See ``Tap``."""
        return self._tap.usage

    @property
    def complete(self) -> bool:
        """See ``Tap``."""
        return self._tap.complete

    @property
    def sequence(self) -> int:
        """See ``Tap``."""
        return self._tap.sequence

    def produced(self) -> int:
        """See ``Tap``."""
        return self._tap.produced()

    def finish(self) -> None:
        """See ``Tap``."""
        self._tap.finish()
