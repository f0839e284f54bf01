"""Each request case over a real connection: whole, in pieces, byte by byte, and followed by a clean request."""

from __future__ import annotations

import pytest
from tests.contract.http.raw import LIMITS, Recorder, serving, statuses, talk
from tests.contract.http.request_cases import CASES, Case

from phantom_gateway.wire.errors import BadRequest
from phantom_gateway.wire.request_parser import RequestParser

CANARY = b"GET /canary HTTP/1.1\r\nHost: localhost\r\n\r\n"
CANARY_ANSWER = b"answer to /canary"
BYTEWISE_LIMIT = 800
"""Longer cases go over the socket in pieces of a third and a thousandth instead of bytes; the parser sees all by bytes."""


def pieces(raw: bytes, way: str) -> list[bytes]:
    """``raw`` cut in one of the ways."""
    if way == "whole":
        return [raw]
    size = 1 if way == "bytes" and len(raw) <= BYTEWISE_LIMIT else len(raw) // (3 if way == "thirds" else 1000) + 1
    return [raw[i : i + size] for i in range(0, len(raw), size)]


@pytest.mark.parametrize("way", ["whole", "thirds", "bytes"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.number}-{case.name}")
async def test_case(case: Case, way: str) -> None:
    handler = Recorder()
    async with serving(handler) as (server, port):
        if case.eof:
            got, closed = await talk(port, pieces(case.raw, way), eof=True)
        else:
            until = CANARY_ANSWER if case.accepted else b""
            got, closed = await talk(port, pieces(case.raw + CANARY, way), until=until)
        codes = [code for code in statuses(got) if code != 100]
        if case.accepted:
            assert codes == [200, 200]
            assert not closed
            assert [request.path for request in handler.seen] == [b"/v1", b"/canary"]
            assert handler.seen[0].body == case.body
            assert handler.seen[0].get(b"authorization") is None
        else:
            assert closed
            assert len(codes) == 1
            assert codes[0] in case.statuses
            assert not handler.seen
            assert b"\r\nconnection: close\r\n" in got
            assert b"/canary" not in got
        assert b"HTTP/1.1 101" not in got
        assert b"\r\nserver:" not in got.lower()
    assert server.in_flight == 0


def outcome(raw: bytes, size: int) -> tuple[list[tuple[bytes, bytes]], int | None]:
    """Requests and refusal of the bare parser, fed ``size`` bytes at a time."""
    parser = RequestParser(LIMITS)
    seen: list[tuple[bytes, bytes]] = []
    try:
        for start in range(0, len(raw), size):
            data = raw[start : start + size]
            while data and (request := parser.feed(data)) is not None:
                seen.append((request.path, request.body))
                data = parser.rest
    except BadRequest as error:
        return seen, error.status
    return seen, None


@pytest.mark.parametrize(
    "case", [case for case in CASES if not case.eof], ids=lambda case: f"{case.number}-{case.name}"
)
def test_parser_is_indifferent_to_splits(case: Case) -> None:
    whole_seen, whole_status = outcome(case.raw + CANARY, len(case.raw) + len(CANARY))
    for size in (1, 2, 3, 7, 1000):
        seen, status = outcome(case.raw + CANARY, size)
        assert seen == whole_seen
        if case.accepted:
            assert status is None
        else:
            assert status in case.statuses
            assert whole_status in case.statuses
