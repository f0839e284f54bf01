"""Redis' protocol: what comes in pieces, and what is none of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire.resp import MAX_DEPTH, MAX_LINE, RespError, RespFailure, RespReader, command

MAX = 1000
_VALUES = st.recursive(
    st.none() | st.integers(-(2**62), 2**62) | st.binary(max_size=40),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


def written(value: Any) -> bytes:
    if value is None:
        return b"$-1\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, bytes):
        return b"$%d\r\n%b\r\n" % (len(value), value)
    return b"*%d\r\n%b" % (len(value), b"".join(map(written, value)))


def deep(value: Any) -> int:
    return 1 + max(map(deep, value), default=0) if isinstance(value, list) else 0


@given(
    st.lists(_VALUES.filter(lambda value: deep(value) <= MAX_DEPTH), max_size=4),
    st.lists(st.integers(1, 9), max_size=40),
)
def test_wherever_it_is_cut(values: list[Any], sizes: list[int]) -> None:
    data, reader = b"".join(map(written, values)), RespReader(MAX)
    found: list[Any] = []
    for size in sizes:
        found += reader.feed(data[:size])
        data = data[size:]
    assert found + list(reader.feed(data)) == values


def test_simple_words_and_failures() -> None:
    found = list(RespReader(MAX).feed(b"+OK\r\n-ERR no\r\n*-1\r\n"))
    assert found[0] == b"OK"
    assert isinstance(found[1], RespFailure)
    assert found[1].message == "ERR no"
    assert found[2] is None


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\n", b"$1001\r\n", b"$-2\r\n", b"*10001\r\n", b"*-2\r\n", b":\r\n", b":1x\r\n",
        b":" + b"1" * 30 + b"\r\n",
        b"$1\r\nabc", b"*1\r\n" * (MAX_DEPTH + 1), b"+" + b"x" * MAX_LINE, b"$\r\n", b":--1\r\n",
    ],
)  # fmt: skip
def test_what_is_none_of_it(data: bytes) -> None:
    with pytest.raises(RespError):
        list(RespReader(MAX).feed(data))


@given(st.binary(max_size=200))
def test_anything_is_read_or_refused(data: bytes) -> None:
    reader = RespReader(MAX)
    try:
        for value in reader.feed(data):
            assert value is None or isinstance(value, bytes | int | list | RespFailure)
    except RespError:
        pass


def test_commands() -> None:
    assert command("SET", b"k\r\n", 12) == b"*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$2\r\n12\r\n"


def test_a_list_of_long_values_is_bounded_as_a_whole() -> None:
    reader = RespReader(1 << 16)
    piece = b"$65536\r\n" + b"x" * 65536 + b"\r\n"
    assert not list(reader.feed(b"*10000\r\n"))
    fitting = ((1 << 16) + (1 << 20)) // len(piece)
    for _ in range(fitting - 1):
        assert not list(reader.feed(piece))
    with pytest.raises(RespError, match="a reply is too long"):
        list(reader.feed(piece * 2))
