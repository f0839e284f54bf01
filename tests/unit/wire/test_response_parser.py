"""The response parser under mutation: a response or BadResponse, the same for every split."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.contract.http.test_response_cases import ANSWERS

from phantom_gateway.wire.errors import BadResponse
from phantom_gateway.wire.response_parser import ResponseParser

SEEDS = [answer.raw for answer in ANSWERS if len(answer.raw) < 2000]


def run(stream: bytes, cuts: list[int], *, head_request: bool = False) -> tuple[bool, int, bytes, bool]:
    """Failed, status, body and completeness."""
    parser = ResponseParser()
    parser.begin(head_request=head_request)
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    body = b""
    failed = False
    for start, end in pairwise(places):
        try:
            parser.feed(stream[start:end])
        except BadResponse:
            failed = True
        body += b"".join(parser.pieces)
        parser.pieces.clear()
        if failed or parser.surplus:
            break
    return failed, parser.status, body, parser.complete


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_random_bytes(stream: bytes, cuts: list[int]) -> None:
    assert run(b"HTTP/1.1 200 OK\r\n" + stream, cuts) == run(b"HTTP/1.1 200 OK\r\n" + stream, [])
    assert run(stream, cuts)[0] == run(stream, [])[0]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """A known answer with bytes replaced, inserted and removed."""
    stream = bytearray(draw(st.sampled_from(SEEDS)))
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
        b"content-length: 3\r\n",
        b"\r\n\r\n",
        b";",
        b"\xff",
    ]
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(stream)))
        stream[at : at + draw(st.integers(0, 3))] = draw(st.sampled_from(snippets) | st.binary(max_size=3))
    return bytes(stream)


@given(mutated(), st.lists(st.integers(0, 1000), max_size=6), st.booleans())
def test_mutations(stream: bytes, cuts: list[int], head_request: bool) -> None:
    assert run(stream, cuts, head_request=head_request) == run(stream, [], head_request=head_request)


@given(st.lists(st.binary(min_size=1, max_size=50), max_size=5), st.lists(st.integers(0, 500), max_size=6))
def test_chunks_come_out_whole(chunks: list[bytes], cuts: list[int]) -> None:
    stream = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
    stream += b"".join(b"%X;x=y\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n\r\n"
    assert run(stream, cuts) == (False, 200, b"".join(chunks), True)


def test_one_parser_serves_many_responses() -> None:
    parser = ResponseParser()
    for number in range(3):
        parser.begin(head_request=False)
        parser.feed(b"HTTP/1.1 200 OK\r\nX-N: %d \r\nX-N: z\r\ncontent-length: 1\r\n\r\n%d" % (number, number))
        assert parser.complete
        assert parser.keep_alive
        assert parser.headers[0] == (b"x-n", b"%d" % number)
        assert parser.index[b"x-n"] == b"%d" % number
        assert parser.pieces == [b"%d" % number]
        parser.pieces.clear()
