"""The request parser under mutation: requests or one named error, the same for every split."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.http.request_cases import CASES, get, post

from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire.errors import BadRequest
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.request_parser import RequestParser

LIMITS = HttpLimits(max_target=256, max_header_line=512, max_header_bytes=2048, max_headers=20, max_body=4096)
SEEDS = [case.raw for case in CASES if len(case.raw) < 2000]
ACCEPTED = (400, 405, 408, 413, 414, 417, 421, 431, 501, 505)


def run(stream: bytes, cuts: list[int], limits: HttpLimits = LIMITS) -> tuple[list[Request], int | None, bool]:
    """Requests, status of the refusal, and whether the parser waits between requests."""
    parser = RequestParser(limits)
    seen: list[Request] = []
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    try:
        for start, end in pairwise(places):
            data = stream[start:end]
            while data and (request := parser.feed(data)) is not None:
                seen.append(request)
                data = parser.rest
    except BadRequest as error:
        return seen, error.status, False
    return seen, None, parser.idle


def check(stream: bytes, cuts: list[int]) -> None:
    seen, status, idle = run(stream, cuts)
    whole, whole_status, whole_idle = run(stream, [])
    assert [(r.method, r.path, r.query, r.headers, r.body) for r in seen] == [
        (r.method, r.path, r.query, r.headers, r.body) for r in whole
    ]
    assert (status is None) == (whole_status is None)
    assert status is None or status in ACCEPTED
    assert idle == whole_idle
    for request in seen:
        assert request.path.startswith(b"/")
        assert len(request.body) <= LIMITS.max_body
        assert not any(byte in value for _, value in request.headers for byte in (b"\r", b"\n", b"\0"))


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_random_bytes(stream: bytes, cuts: list[int]) -> None:
    check(stream, cuts)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """Known cases joined, with bytes replaced, inserted and removed."""
    stream = bytearray(b"".join(draw(st.lists(st.sampled_from(SEEDS), min_size=1, max_size=3))))
    snippets = [
        b"\r\n",
        b"\n",
        b"\r",
        b"\0",
        b" ",
        b":",
        b"0",
        b"5",
        b"chunked",
        b"Content-Length: 3\r\n",
        b"\r\n\r\n",
        b";",
        b"\xff",
    ]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(stream)))
        drop = draw(st.integers(0, 3))
        stream[at : at + drop] = draw(st.sampled_from(snippets) | st.binary(max_size=3))
    return bytes(stream)


@given(mutated(), st.lists(st.integers(0, 2000), max_size=6))
def test_mutations(stream: bytes, cuts: list[int]) -> None:
    check(stream, cuts)


@given(st.lists(st.binary(max_size=300), max_size=4), st.booleans(), st.lists(st.integers(0, 3000), max_size=6))
def test_bodies_survive_any_framing_and_split(bodies: list[bytes], chunked: bool, cuts: list[int]) -> None:
    stream = b""
    for body in bodies:
        if chunked:
            halves = [part for part in (body[:150], body[150:]) if part]
            raw = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in halves) + b"0\r\n\r\n"
            stream += post(b"Transfer-Encoding: chunked", body=raw)
        else:
            stream += post(b"Content-Length: %d" % len(body), body=body)
    seen, status, idle = run(stream, cuts)
    assert status is None
    assert idle
    assert [request.body for request in seen] == bodies


def test_request_fields() -> None:
    raw = get(b"/v1/a%2Fb?x=1?&y", b"X-A:  one \t", b"X-A: two", b"Connection: close")
    ((request,), status, _) = run(raw, [])
    assert status is None
    assert (request.method, request.path, request.query) == ("GET", b"/v1/a%2Fb", b"x=1?&y")
    assert request.headers[1:3] == [(b"x-a", b"one"), (b"x-a", b"two")]
    assert request.get(b"x-a") == b"one"
    assert request.get(b"none") is None
    assert not request.keep_alive


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (get(b"/" + b"a" * 255), None),
        (get(b"/" + b"a" * 256), 414),
        (get(b"/", b"X: " + b"a" * 507), None),
        (get(b"/", b"X: " + b"a" * 508), 431),
        (get(b"/", *(b"X%d: %b" % (i, b"a" * 300) for i in range(7))), 431),
        (get(b"/", *(b"X: y",) * 19), None),
        (get(b"/", *(b"X: y",) * 20), 431),
        (post(b"Content-Length: 4096", body=b"a" * 4096), None),
        (post(b"Content-Length: 4097"), 413),
        (post(b"Transfer-Encoding: chunked", body=b"1001\r\n"), 413),
    ],
)
def test_each_limit_at_its_edge(raw: bytes, status: int | None) -> None:
    assert run(raw, [])[1] == status
    assert run(raw, list(range(len(raw))))[1] == status


@pytest.mark.parametrize(
    ("raw", "old"),
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", False),
        (b"\r\nGET / HTTP/1.1\r\nhost: a\r\n\r\n", False),
        (b"GET / HTTP/1.0\r\nx: HTTP/1.1\r\nhost: a\r\n\r\n", True),
        (b"GET / HTTP/1.0\r\n HTTP/1.1\r\n\r\n", None),
    ],
)
def test_the_version_is_that_of_the_request_line_alone(raw: bytes, old: bool | None) -> None:
    """Wherever a read ends: a header line at the start of one must not pass for the request line."""
    for cut in range(len(raw)):
        seen, status, _ = run(raw, [cut])
        if old is None:
            assert (seen, status) == ([], 400)
        else:
            assert [request.version_10 for request in seen] == [old]
