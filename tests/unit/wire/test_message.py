"""Header blocks and heads: nothing a value carries can end a line early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire.message import check_block, header_block, render_head

BAD = [
    (b"a", b"x\r\ny: z"),
    (b"a", b"x\ny"),
    (b"a", b"x\ry"),
    (b"a\r\nb", b"x"),
    (b"a", b"x\0"),
    (b"", b"x"),
    (b" a", b"x"),
    (b"\ta", b"x"),
]


@pytest.mark.parametrize("pair", BAD)
def test_line_breaks_and_blank_names_are_refused(pair: tuple[bytes, bytes]) -> None:
    for headers in ([pair], [(b"x-good", b"1"), pair], [pair, (b"x-good", b"1")]):
        with pytest.raises(ValueError, match="header"):
            header_block(headers)


def test_framing_headers_are_left_out() -> None:
    headers = [
        (b"Content-Length", b"5"),
        (b"connection", b"x"),
        (b"server", b"x"),
        (b"date", b"x"),
        (b"x-a", b"1"),
        (b"X-A", b"2"),
    ]
    assert header_block(headers) == b"x-a: 1\r\nX-A: 2\r\n"
    assert header_block([]) == b""


@given(st.lists(st.tuples(st.binary(max_size=5), st.binary(max_size=8)), max_size=4))
def test_a_block_is_refused_or_has_its_lines(headers: list[tuple[bytes, bytes]]) -> None:
    try:
        block = header_block(headers)
    except ValueError:
        return
    assert check_block(block) == block
    assert block.count(b"\n") <= len(headers)


@pytest.mark.parametrize(
    "block", [b"a: b", b"a: b\r\n\r\n", b"\r\na: b\r\n", b"a: b\nc: d\r\n", b"a: b\rc\r\n", b"a: \0\r\n"]
)
def test_malformed_blocks(block: bytes) -> None:
    with pytest.raises(ValueError, match="block"):
        check_block(block)
    with pytest.raises(ValueError, match="block"):
        render_head("GET", b"/", b"host", block, None)


def test_render_head() -> None:
    head = render_head("POST", b"/v1?x=%20", b"api.example:8443", b"x-a: 1\r\n", 5)
    assert head == b"POST /v1?x=%20 HTTP/1.1\r\nhost: api.example:8443\r\nx-a: 1\r\ncontent-length: 5\r\n\r\n"
    assert render_head("GET", b"/", b"a", b"", None) == b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"


@pytest.mark.parametrize(
    ("method", "target", "host"),
    [
        ("GET", b"/a b", b"h"),
        ("GET", b"/a\r\n", b"h"),
        ("GET", b"a", b"h"),
        ("GET", b"", b"h"),
        ("GET", b"/\xff", b"h"),
        ("GET", b"/", b""),
        ("GET", b"/", b"h\r\nx: y"),
        ("GET /", b"/", b"h"),
        ("get", b"/", b"h"),
        ("GÉT", b"/", b"h"),
    ],
)
def test_malformed_lines(method: str, target: bytes, host: bytes) -> None:
    with pytest.raises(ValueError, match="malformed"):
        render_head(method, target, host, b"", None)
