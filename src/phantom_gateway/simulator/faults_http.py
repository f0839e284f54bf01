"""Faults below the body: statuses, lengths, codings, connections. Each builder makes the script of one mode."""

from __future__ import annotations

import time
import zlib
from dataclasses import replace
from email.utils import formatdate
from typing import TYPE_CHECKING

from phantom_gateway.simulator import gemini, messages
from phantom_gateway.simulator.answers import Answer, error
from phantom_gateway.simulator.script import JSON, LAST_CHUNK, End, Piece, Script, head, plain
from phantom_gateway.simulator.staging import (
    billed,
    broken,
    chunked,
    content_type,
    ended,
    lengthed,
    normal,
    payload,
    prefixed,
    recut,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from phantom_gateway.simulator.reading import Ask

MIB = 1 << 20
BLOCK = b"x" * 65536
POISON = b'{"poison":"bytes after the end of the response before"}'
FLOOD = 1000
ERRORS = {
    400: ("The simulator refuses this request.", "simulated_bad_request"),
    401: ("Incorrect API key provided.", "invalid_api_key"),
    402: ("Insufficient Balance", "insufficient_balance"),
    403: ("You are not allowed to use this model.", "permission_denied"),
    404: ("The model does not exist or you do not have access to it.", "model_not_found"),
    408: ("The request timed out.", "request_timeout"),
    413: ("The request is too large.", "request_too_large"),
    429: ("Rate limit reached for requests.", "rate_limit_exceeded"),
    500: ("The server had an error while processing your request.", "server_error"),
    502: ("Bad gateway.", "bad_gateway"),
    503: ("The engine is currently overloaded, please try again later.", "service_unavailable"),
    529: ("Overloaded.", "overloaded"),
}
HTML = b"<!doctype html><html><head><title>%s</title></head><body><h1>%s</h1></body></html>\n"


def status(code: int, retry: str | None = None) -> Callable[[Ask, Answer], Script]:
    """A builder of the error ``code`` with ``retry`` as its default Retry-After."""

    def build(ask: Ask, answer: Answer) -> Script:
        message, name = ERRORS[code]
        value = retry_after(ask.controls.retry_after or retry)
        fields = (b"retry-after: " + value,) if value else ()
        body = error(code, message, code=name)
        if answer.anthropic or answer.gemini:
            body = messages.error(code, message) if answer.anthropic else gemini.error(code, message)
        return Script((Piece(plain(code, body, JSON, *fields)),))

    return build


def too_long(_ask: Ask, answer: Answer) -> Script:
    """As each provider says it (November 2026)."""
    body = error(
        400,
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens. Please reduce "
        "the length of the messages.",
        "messages",
        "context_length_exceeded",
    )
    if answer.anthropic:
        body = messages.error(400, "prompt is too long: 200001 tokens > 200000 maximum")
    elif answer.gemini:
        body = gemini.error(
            400, "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576)."
        )
    return Script((Piece(plain(400, body)),))


def retry_after(wanted: str | None) -> bytes:
    """The value of Retry-After: as given, a date 5 seconds ahead, an absurd one, or empty for none."""
    if wanted is None or wanted == "none":
        return b""
    if wanted == "date":
        return formatdate(time.time() + 5, usegmt=True).encode()
    if wanted == "absurd":
        return b"99999999999999999999"
    return "".join(c for c in wanted if c.isprintable()).encode("latin-1", "replace")


def ok(ask: Ask, answer: Answer) -> Script:
    """The honest answer, padded with a member ``padding`` to ``size`` bytes when asked."""
    size = ask.controls.size
    if size is None or answer.events:
        return normal(answer)
    return _padded(answer, size)


def huge_body(ask: Ask, answer: Answer) -> Script:
    return _padded(answer, 64 * MIB if ask.controls.size is None else ask.controls.size)


def _padded(answer: Answer, size: int) -> Script:
    body = answer.body or answer.events[0].data
    opening, closing = body[:-1] + b',"padding":"', b'"}'
    blocks, rest = divmod(max(size - len(opening) - len(closing), 0), len(BLOCK))
    # the same piece many times: a huge body costs the simulator nothing
    pieces = [Piece(opening), *[Piece(BLOCK)] * blocks, Piece(BLOCK[:rest] + closing)]
    return lengthed(Answer(body=body, bill=answer.bill), billed(answer, pieces))


def slow_first_byte(_ask: Ask, answer: Answer) -> Script:
    return replace(normal(answer), first_ms=1000)


def slow_drip(ask: Ask, answer: Answer) -> Script:
    step = ask.controls.size or 16
    script = normal(answer)
    return replace(script, pieces=tuple(recut(script.pieces, lambda data: range(step, len(data), step))), pace_ms=20)


def stall(ask: Ask, answer: Answer) -> Script:
    return broken(answer, ask.controls.at, End.HOLD)


def fin(ask: Ask, answer: Answer) -> Script:
    return broken(answer, ask.controls.at, End.CLOSE)


def rst(ask: Ask, answer: Answer) -> Script:
    return broken(answer, ask.controls.at, End.RESET)


def wrong_content_type(_ask: Ask, answer: Answer) -> Script:
    return normal(answer, kind=b"text/plain; charset=utf-8")


def gzip(_ask: Ask, answer: Answer) -> Script:
    packer = zlib.compressobj(wbits=31)
    pieces = [
        Piece(packer.compress(piece.data) + packer.flush(zlib.Z_SYNC_FLUSH), piece.tokens) for piece in payload(answer)
    ]
    pieces[-1] = replace(pieces[-1], data=pieces[-1].data + packer.flush())
    return chunked(answer, pieces, b"content-encoding: gzip")


def gzip_bomb(ask: Ask, answer: Answer) -> Script:
    packer = zlib.compressobj(9, wbits=31)
    blocks = min(64 * MIB if ask.controls.size is None else ask.controls.size, 256 * MIB) // len(BLOCK)
    packed = [
        packer.compress(b'{"padding":"'),
        *(packer.compress(BLOCK) for _ in range(blocks)),
        packer.compress(b'"}'),
    ]
    body = b"".join((*packed, packer.flush()))
    return Script((Piece(plain(200, body, content_type(answer), b"content-encoding: gzip")),))


def html(_ask: Ask, _answer: Answer) -> Script:
    return Script((Piece(plain(200, HTML % (b"Welcome", b"Welcome"), b"text/html")),))


def html_502(_ask: Ask, _answer: Answer) -> Script:
    return Script((Piece(plain(502, HTML % (b"502 Bad Gateway", b"502 Bad Gateway"), b"text/html")),))


def huge_header(ask: Ask, answer: Answer) -> Script:
    size = MIB if ask.controls.size is None else ask.controls.size
    return normal(answer, b"x-huge: " + b"h" * size)


def redirect(_ask: Ask, _answer: Answer) -> Script:
    return Script((Piece(plain(307, b"", JSON, b"location: /sim/redirected")),))


def continue_100(_ask: Ask, answer: Answer) -> Script:
    return prefixed(normal(answer), b"HTTP/1.1 100 Continue\r\n\r\n")


def http10(_ask: Ask, answer: Answer) -> Script:
    opening = head(200, b"content-type: " + content_type(answer), version=b"HTTP/1.0")
    return prefixed(Script(tuple(payload(answer)), answer.bill, end=End.CLOSE), opening)


def two_status_lines(_ask: Ask, answer: Answer) -> Script:
    return prefixed(normal(answer), b"HTTP/1.1 200 OK\r\n")


def flood_1xx(ask: Ask, answer: Answer) -> Script:
    times = FLOOD if ask.controls.size is None else min(ask.controls.size, 100 * FLOOD)
    return prefixed(normal(answer), b"HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n" * times)


def length_short(_ask: Ask, answer: Answer) -> Script:
    return lengthed(answer, payload(answer), error=-10)


def length_long(_ask: Ask, answer: Answer) -> Script:
    return replace(lengthed(answer, payload(answer), error=10), end=End.CLOSE, whole=False)


def both_cl_te(_ask: Ask, answer: Answer) -> Script:
    pieces = payload(answer)
    length = sum(len(piece.data) for piece in pieces)
    return chunked(answer, pieces, b"content-length: %d" % length)


def bytes_after_end(_ask: Ask, answer: Answer) -> Script:
    return ended(normal(answer), plain(200, POISON))


def body_of_204(_ask: Ask, answer: Answer) -> Script:
    return Script((Piece(head(204, b"content-type: " + JSON) + (answer.body or b"{}")),))


def empty_body(_ask: Ask, answer: Answer) -> Script:
    return Script((Piece(plain(200, b"", content_type(answer))),))


def bad_chunk_size(_ask: Ask, answer: Answer) -> Script:
    script = chunked(answer, payload(answer))
    last = script.pieces[-1]
    spoiled = replace(last, data=last.data.removesuffix(LAST_CHUNK) + b"zz\r\nnonsense\r\n" + LAST_CHUNK)
    return replace(script, pieces=(*script.pieces[:-1], spoiled), end=End.CLOSE, whole=False)


def chunk_no_end(_ask: Ask, answer: Answer) -> Script:
    script = chunked(answer, payload(answer))
    last = script.pieces[-1]
    kept = replace(last, data=last.data.removesuffix(LAST_CHUNK))
    return replace(script, pieces=(*script.pieces[:-1], kept), end=End.HOLD, whole=False)
