"""Faults in the events of a stream. Of an unstreamed answer they spoil the body where that makes sense."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phantom_gateway.simulator import gemini, messages, responses
from phantom_gateway.simulator.answers import Answer, Event, error
from phantom_gateway.simulator.script import Piece, Script
from phantom_gateway.simulator.staging import (
    AT,
    DONE,
    before,
    billed,
    chunked,
    lengthed,
    named,
    normal,
    payload,
    recut,
    sse,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from phantom_gateway.simulator.reading import Ask

BOM = b"\xef\xbb\xbf"
LONG_LINE = 1 << 20


def restyled(render: Callable[[Event], bytes], done: bytes = DONE) -> Callable[[Ask, Answer], Script]:
    """A builder whose events are written by ``render``; unstreamed answers stay honest."""

    def build(_ask: Ask, answer: Answer) -> Script:
        return chunked(answer, payload(answer, render, done)) if answer.events else normal(answer)

    return build


def cr_only(event: Event) -> bytes:
    return named(event, b"\r") + b"data: " + event.data + b"\r\r"


def crlf(event: Event) -> bytes:
    return named(event, b"\r\n") + b"data: " + event.data + b"\r\n\r\n"


def data_no_space(event: Event) -> bytes:
    return named(event).replace(b": ", b":") + b"data:" + event.data + b"\n\n"


def event_only(event: Event) -> bytes:
    return b"event: ping\n\n" + sse(event)


def comments(event: Event) -> bytes:
    return named(event) + b": a comment\n:\ndata: " + event.data + b"\n: another: comment\n\n"


def pings(event: Event) -> bytes:
    return b": ping\n\n" * 3 + sse(event)


def no_done(_ask: Ask, answer: Answer) -> Script:
    if answer.events and (answer.anthropic or answer.responses):
        answer = replace(answer, events=answer.events[:-1])
    return chunked(answer, payload(answer, done=b"")) if answer.events else normal(answer)


def error_event(ask: Ask, answer: Answer) -> Script:
    message = "The server had an error while processing your request."
    data = error(500, message, code="server_error")
    if answer.anthropic or answer.gemini:
        data = messages.error(500, message) if answer.anthropic else gemini.error(500, message)
    if not answer.events:
        return normal(Answer(body=data))
    last = Event(data, name="error" if answer.anthropic else "")
    pieces = before(answer, ask.controls.at)
    if answer.responses:
        last = responses.error_event(message, len(pieces))
    return chunked(answer, [*pieces, Piece(sse(last))])


def bom(_ask: Ask, answer: Answer) -> Script:
    pieces = payload(answer)
    pieces[0] = replace(pieces[0], data=BOM + pieces[0].data)
    return chunked(answer, pieces) if answer.events else lengthed(answer, pieces)


def nul(ask: Ask, answer: Answer) -> Script:
    return _spoiled(ask, answer, lambda data: data.replace(b'"', b'"\x00', 1))


def invalid_json_chunk(ask: Ask, answer: Answer) -> Script:
    return _spoiled(ask, answer, lambda data: data[: len(data) // 2])


def _spoiled(ask: Ask, answer: Answer, spoil: Callable[[bytes], bytes]) -> Script:
    """Spoil the JSON of the chunk after ``at`` chunks, or of the whole body."""
    if not answer.events:
        return lengthed(answer, [Piece(spoil(answer.body), answer.bill.completion)])
    contents = [i for i, event in enumerate(answer.events) if event.content]
    at = AT if ask.controls.at is None else ask.controls.at
    target = contents[min(at, len(contents) - 1)] if contents else 0
    events = list(answer.events)
    events[target] = replace(events[target], data=spoil(events[target].data))
    return normal(replace(answer, events=tuple(events)))


def split_utf8(_ask: Ask, answer: Answer) -> Script:
    pieces = recut(payload(answer), _inside_characters)
    script = chunked(answer, pieces) if answer.events else lengthed(answer, pieces)
    return replace(script, pace_ms=1)


def _inside_characters(data: bytes) -> list[int]:
    return [i + 1 for i, byte in enumerate(data) if byte >= 0xC0]


def long_line(ask: Ask, answer: Answer) -> Script:
    if not answer.events:
        return normal(answer)
    size = LONG_LINE if ask.controls.size is None else ask.controls.size
    event = next((event for event in answer.events if event.content), answer.events[0])
    padded = replace(event, data=event.data[:-1] + b',"padding":"' + b"x" * size + b'"}')
    position = answer.events.index(event)
    opening = b"".join(map(sse, answer.events[: max(position, 1)]))
    closing = b"".join(map(sse, [each for each in answer.events[position + 1 :] if not each.content]))
    pieces = [Piece(opening), Piece(sse(padded), 1), Piece(closing + (DONE if answer.marked else b""))]
    return chunked(answer, billed(answer, pieces))
