"""Answers in another format than the caller's: whole, and as they stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from dataclasses import fields as fields_of
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from phantom_gateway.dialects.chat import compose as chat_compose
from phantom_gateway.dialects.chat import request as chat_request
from phantom_gateway.dialects.chat import response as chat_response
from phantom_gateway.dialects.chat import stream as chat_stream
from phantom_gateway.dialects.gemini import compose as gemini_compose
from phantom_gateway.dialects.gemini import embeddings
from phantom_gateway.dialects.gemini import request as gemini_request
from phantom_gateway.dialects.gemini import response as gemini_response
from phantom_gateway.dialects.gemini import stream as gemini_stream
from phantom_gateway.dialects.messages import compose as messages_compose
from phantom_gateway.dialects.messages import request as messages_request
from phantom_gateway.dialects.messages import response as messages_response
from phantom_gateway.dialects.messages import stream as messages_stream
from phantom_gateway.dialects.neutral import (
    Answer,
    Ask,
    Ended,
    Failed,
    Grew,
    StreamEvent,
    Terms,
    Untranslatable,
    Written,
)
from phantom_gateway.dialects.openai import hidden
from phantom_gateway.dialects.responses import compose as responses_compose
from phantom_gateway.dialects.responses import reader as responses_reader
from phantom_gateway.dialects.responses import request as responses_request
from phantom_gateway.dialects.responses import response as responses_response
from phantom_gateway.dialects.responses import stream as responses_stream
from phantom_gateway.wire.errors import BadResponse
from phantom_gateway.wire.sse import SseSplitter, event_data

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret

CHARS_PER_TOKEN = 4


class Reader(Protocol):
    """Reads an upstream's stream."""

    usage: dict[str, Any] | None

    @property
    def complete(self) -> bool:
        """Whether the upstream has said why the answer ended."""

    def read(self, data: bytes) -> list[StreamEvent]:
        """The events in one event's data."""

    def close(self) -> list[StreamEvent]:
        """What is still to be said when nothing follows."""


class Writer(Protocol):
    """Writes a caller's stream. One whose events are numbered has the next number in ``sequence``."""

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event."""

    def unsaid(self) -> bytes:
        """The end of a complete answer whose end the upstream did not mark."""


@dataclass(frozen=True, slots=True)
class Format:
    """How one API format is read and written; the functions are those of its folder."""

    name: str
    read_request: Callable[[dict[str, Any]], Ask]
    write_request: Callable[[Ask, Terms], Written]
    read_answer: Callable[[bytes], Answer]
    write_answer: Callable[[Answer, str, int, Mapping[str, str]], bytes]
    reader: Callable[[], Reader]
    writer: Callable[[str, int, bool, Mapping[str, str]], Writer]
    answering: Callable[[dict[str, Any]], Format] | None = None
    """The format for the answers to one request, where they depend on what was asked."""


CHAT = Format(
    "chat",
    chat_request.read_request,
    chat_compose.write_request,
    chat_response.read_answer,
    chat_response.write_answer,
    chat_stream.Reader,
    chat_stream.Writer,
)
MESSAGES = Format(
    "messages",
    messages_request.read_request,
    messages_compose.write_request,
    messages_response.read_answer,
    messages_response.write_answer,
    messages_stream.Reader,
    messages_stream.Writer,
)
GENERATE = Format(
    "generate",
    gemini_request.read_request,
    gemini_compose.write_request,
    gemini_response.read_answer,
    gemini_response.write_answer,
    gemini_stream.Reader,
    gemini_stream.Writer,
)


def _of_vectors(asked: dict[str, Any]) -> Format:
    if asked.get("encoding_format") != "base64":
        return EMBEDDINGS
    return replace(EMBEDDINGS, write_answer=partial(embeddings.write_answer, packed=True))


EMBEDDINGS = Format(
    "embeddings",
    embeddings.read_request,
    embeddings.write_request,
    embeddings.read_answer,
    embeddings.write_answer,
    embeddings.unstreamed,
    embeddings.unstreamed,
    answering=_of_vectors,
)
"""OpenAI's embeddings for callers, Google's for upstreams: only that way round are they translated."""


def _answering(asked: dict[str, Any]) -> Format:
    shape = responses_response.Shape(asked)
    return replace(
        RESPONSES,
        write_answer=partial(responses_response.write_answer, shape=shape),
        writer=partial(responses_stream.Writer, shape=shape),
    )


RESPONSES = Format(
    "responses",
    responses_request.read_request,
    responses_compose.write_request,
    responses_response.read_answer,
    responses_response.write_answer,
    responses_reader.Reader,
    responses_stream.Writer,
    answering=_answering,
)
FORMATS: Mapping[str, Format] = MappingProxyType(
    {each.name: each for each in (CHAT, MESSAGES, GENERATE, RESPONSES, EMBEDDINGS)} | {embeddings.NAME: EMBEDDINGS}
)
"""By the name of their operation."""


TRANSLATED = (
    ("chat", "messages"), ("chat", "generate"), ("chat", "responses"),
    ("messages", "chat"), ("messages", "generate"), ("messages", "responses"),
    ("generate", "chat"), ("generate", "messages"), ("generate", "responses"),
    ("responses", "chat"), ("responses", "messages"), ("responses", "generate"),
    ("embeddings", "embed_contents"),
)  # fmt: skip
"""What callers ask, and what it is translated to where the upstream does not have it; what comes first is preferred."""
DEFAULTS_SPEAK = CHAT.name
"""Deployments set request fields in OpenAI's words, whatever the provider."""


def rewritten(asked: tuple[Format, Format], fields: dict[str, Any], defaults: dict[str, Any], terms: Terms) -> Written:
    """A caller's fields in the words of an upstream: formats of both, and what the deployment sets where the caller is silent.

    Raises Untranslatable.
    """
    caller, upstream = asked
    if defaults and caller.name == DEFAULTS_SPEAK:
        fields = {**defaults, **fields}
    ask = caller.read_request(fields)
    if defaults and DEFAULTS_SPEAK not in (caller.name, upstream.name):
        _fill(ask, CHAT.read_request({"messages": [], **defaults}))
    written = upstream.write_request(ask, terms)
    written.dropped += ask.left_out
    if defaults and upstream.name == DEFAULTS_SPEAK:
        written.body = {**defaults, **written.body}
    return written


def _fill(ask: Ask, silent: Ask) -> None:
    """What a deployment sets where the caller said nothing."""
    for each in fields_of(ask.settings):
        if getattr(ask.settings, each.name) is None:
            setattr(ask.settings, each.name, getattr(silent.settings, each.name))
    ask.extra = {**silent.extra, **ask.extra}


class TranslatingTap:
    """Stands in a stream whose caller speaks another format; plays the part of ``dialects.openai.StreamTap``.

    What cannot be read ends the stream with an error: a piece left out would be a hole in the answer.
    """

    __slots__ = (
        "_chars", "_grown", "_key", "_reader", "_splitter", "_writer", "done", "error", "events", "octets", "tail",
    )  # fmt: skip

    def __init__(self, reader: Reader, writer: Writer, max_event: int, upstream_key: Secret | None = None) -> None:
        self._reader = reader
        self._writer = writer
        self._splitter = SseSplitter(max_event)
        self._key = upstream_key
        self._grown = 0
        self._chars = 0
        self.error: Any = None
        self.done = False
        self.events = 0
        self.octets = 0
        self.tail = b""

    @property
    def usage(self) -> dict[str, Any] | None:
        """As the upstream reported it, in its words."""
        return self._reader.usage

    @property
    def sequence(self) -> int:
        """Number of the caller's next event, where they are numbered."""
        return getattr(self._writer, "sequence", 0)

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, give the caller's bytes. Raises BadResponse for what is too large or cannot be read."""
        self.octets += len(data)
        written = []
        for raw in self._splitter.feed(data):
            text = event_data(raw)
            if not text or self.done:
                continue
            self.events += 1
            try:
                events = self._reader.read(text)
                written += [self._write(event) for event in events]
            except Untranslatable as error:
                self.events -= 1
                self._grown += 1  # whatever it was, the upstream made it
                raise BadResponse(error.message, sent=True, received=True) from error
        return b"".join(written)

    @property
    def complete(self) -> bool:
        """Whether the upstream said its end, or at least why the answer ended."""
        return self.done or self._reader.complete

    def produced(self) -> int:
        """Tokens so far, for a stream without usage: a piece carries at least one."""
        return max(self._grown, self._chars // CHARS_PER_TOKEN)

    def finish(self) -> None:
        """The response has ended cleanly, and the answer is complete: say what the upstream left unsaid."""
        if not self.done and self.error is None:
            events = self._reader.close()
            self.tail += b"".join([self._writer.write(event) for event in events])
            if not any(isinstance(event, Ended) for event in events):
                self.tail += self._writer.unsaid()

    def _write(self, event: StreamEvent) -> bytes:
        if isinstance(event, Grew):
            self._grown += 1
            self._chars += len(event.text)
        elif isinstance(event, Failed):
            self.error = event
            event.message = hidden(event.message.encode("utf-8", "replace"), self._key).decode()
        elif isinstance(event, Ended):
            self.done = True
            self.tail += self._writer.write(event)
            return b""
        return self._writer.write(event)
