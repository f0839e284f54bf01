"""Sealed entries open under their own name and key only."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.sealed_entry import OVERHEAD, PREFIX, EntrySealer

ONE, OTHER = EntrySealer(Secret("ab" * 32)), EntrySealer(Secret("cd" * 32))


@given(st.binary(max_size=40), st.binary(max_size=200))
def test_there_and_back(name: bytes, content: bytes) -> None:
    value = ONE.seal(name, content)
    assert ONE.open(name, value) == content
    assert len(value) == len(content) + OVERHEAD
    assert ONE.seal(name, content) != value
    assert OTHER.open(name, value) is None
    assert ONE.open(name + b"x", value) is None


@given(st.binary(max_size=60), st.data())
def test_one_bit_is_enough(content: bytes, data: st.DataObject) -> None:
    value = bytearray(ONE.seal(b"n", content))
    value[data.draw(st.integers(0, len(value) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert ONE.open(b"n", bytes(value)) is None


def test_places_of_installations_are_apart() -> None:
    assert ONE.place("a") == ONE.prefix + "a"
    assert ONE.prefix.startswith(PREFIX)
    assert ONE.prefix != OTHER.prefix


@given(st.binary(max_size=100))
def test_garbage(value: bytes) -> None:
    assert ONE.open(b"n", value) is None
    assert ONE.open(b"n", ONE.seal(b"n", b"c")[: len(value) % (OVERHEAD + 1)]) is None
