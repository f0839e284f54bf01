"""From an answer to a script: the honest ways to send it, and the tools with which the modes spoil it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from phantom_gateway.simulator.script import JSON, LAST_CHUNK, SSE, End, Piece, Script, framed, head, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from phantom_gateway.simulator.answers import Answer, Event

DONE = b"data: [DONE]\n\n"
AT = 3
"""After how many chunks a fault in the middle of a stream happens unless the control ``at`` says otherwise."""


def named(event: Event, end: bytes = b"\n") -> bytes:
    """The ``event:`` line, if the event has a name."""
    return b"event: " + event.name.encode() + end if event.name else b""


def sse(event: Event) -> bytes:
    """One event as its provider writes it."""
    return named(event) + b"data: " + event.data + b"\n\n"


def content_type(answer: Answer) -> bytes:
    """The honest content type of ``answer``."""
    return SSE if answer.events else answer.kind or JSON


def payload(answer: Answer, render: Callable[[Event], bytes] = sse, done: bytes = DONE) -> list[Piece]:
    """The unframed bytes of the body with their tokens: one piece, or one per event and ``done``."""
    if not answer.events:
        return [Piece(answer.body, answer.bill.completion)]
    pieces = [Piece(render(event), int(event.content)) for event in answer.events]
    if done and answer.marked:
        pieces.append(Piece(done))
    return billed(answer, gathered(pieces))


def billed(answer: Answer, pieces: list[Piece]) -> list[Piece]:
    """Put reasoning tokens on the first piece and what is left of the bill on the last."""
    pieces[0] = replace(pieces[0], tokens=pieces[0].tokens + answer.bill.reasoning)
    rest = answer.bill.completion - sum(piece.tokens for piece in pieces)
    pieces[-1] = replace(pieces[-1], tokens=pieces[-1].tokens + rest)
    return pieces


def gathered(pieces: list[Piece]) -> list[Piece]:
    """Send what follows the last content in one piece, as providers do."""
    last = max((i for i, piece in enumerate(pieces) if piece.tokens), default=0)
    tail = b"".join(piece.data for piece in pieces[last + 1 :])
    return [*pieces[: last + 1], Piece(tail)] if tail else pieces


def normal(answer: Answer, *fields: bytes, kind: bytes | None = None) -> Script:
    """The honest script: with its length, or chunked when streamed. ``fields`` are further header lines."""
    if answer.events:
        return chunked(answer, payload(answer), *fields, kind=kind)
    whole = plain(200, answer.body, kind or content_type(answer), *fields)
    return Script((Piece(whole, answer.bill.completion),), answer.bill)


def chunked(answer: Answer, pieces: Sequence[Piece], *fields: bytes, kind: bytes | None = None) -> Script:
    """``pieces`` in the chunked coding, the head with the first, the end with the last."""
    kind = kind or content_type(answer)
    lines = (b"content-type: " + kind, b"transfer-encoding: chunked", *fields)
    sent = [Piece(framed(piece.data), piece.tokens) for piece in pieces if piece.data]
    return ended(prefixed(Script(tuple(sent), answer.bill), head(200, *lines)), LAST_CHUNK)


def lengthed(answer: Answer, pieces: Sequence[Piece], error: int = 0) -> Script:
    """``pieces`` behind a Content-Length that is wrong by ``error``."""
    length = sum(len(piece.data) for piece in pieces) + error
    lines = (b"content-type: " + content_type(answer), b"content-length: %d" % max(length, 0))
    return prefixed(Script(tuple(pieces), answer.bill), head(200, *lines))


def broken(answer: Answer, at: int | None, end: End) -> Script:
    """The honest start of an answer up to ``at`` chunks (half of an unstreamed body), then ``end``."""
    if not answer.events:
        whole = plain(200, answer.body, content_type(answer))
        cut = len(whole) - len(answer.body) // 2
        return Script((Piece(whole[:cut]),), answer.bill, end=end, whole=False)
    script = chunked(answer, before(answer, at))
    kept = (*script.pieces[:-1], replace(script.pieces[-1], data=script.pieces[-1].data.removesuffix(LAST_CHUNK)))
    return replace(script, pieces=kept, end=end, whole=False)


def before(answer: Answer, at: int | None) -> list[Piece]:
    """The events up to and with the ``at``-th chunk of content."""
    at = AT if at is None else at
    pieces: list[Piece] = []
    seen = 0
    for event in answer.events:
        if (event.content and seen == at) or (seen and not event.content):
            break
        seen += event.content
        pieces.append(Piece(sse(event), int(event.content)))
    pieces = pieces or [Piece(b": \n\n")]
    pieces[0] = replace(pieces[0], tokens=pieces[0].tokens + answer.bill.reasoning)
    return pieces


def prefixed(script: Script, data: bytes) -> Script:
    """``data`` before everything, in the same write as the first piece."""
    first = replace(script.pieces[0], data=data + script.pieces[0].data)
    return replace(script, pieces=(first, *script.pieces[1:]))


def ended(script: Script, data: bytes) -> Script:
    """``data`` after everything, in the same write as the last piece."""
    last = replace(script.pieces[-1], data=script.pieces[-1].data + data)
    return replace(script, pieces=(*script.pieces[:-1], last))


def recut(pieces: Iterable[Piece], cuts: Callable[[bytes], Iterable[int]]) -> list[Piece]:
    """Cut every piece at the offsets ``cuts`` gives; its tokens stay with its end."""
    result: list[Piece] = []
    for piece in pieces:
        start = 0
        for cut in cuts(piece.data):
            if start < cut < len(piece.data):
                result.append(Piece(piece.data[start:cut]))
                start = cut
        result.append(Piece(piece.data[start:], piece.tokens))
    return result
