from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.security.passwords import MAX_LENGTH, Passwords, weakness

CHEAP = Passwords(memory_kib=64, passes=1, lanes=1)


def test_the_parameters_are_those_of_rfc_9106() -> None:
    stored = Passwords().hash("correct horse battery")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert not Passwords().needs_upgrade(stored)
    assert Passwords().needs_upgrade(CHEAP.hash("x"))


@given(st.text(max_size=MAX_LENGTH))
def test_a_password_is_recognised_and_no_other(password: str) -> None:
    stored = CHEAP.hash(password)
    assert CHEAP.verify(stored, password)
    assert not CHEAP.verify(stored, password + "x")
    assert stored != CHEAP.hash(password), "salted"


def test_what_is_never_right() -> None:
    assert not CHEAP.verify(None, "x")
    assert not CHEAP.verify("", "x")
    assert not CHEAP.verify("plain", "plain")
    assert not CHEAP.verify("$argon2id$v=19$m=64,t=1,p=1$AAAA", "x")
    long = "x" * (MAX_LENGTH + 1)
    assert not CHEAP.verify(CHEAP.hash(long), long), "longer than any password that was accepted"


@pytest.mark.parametrize(
    "password",
    ["", "elevenchars", "aaaaaaaaaaaa", "abababababab", "password1234", "Passwort!!!!", "qwertyqwerty", "123456123456",
     "admin-admin-1", "x" * 257, "lovelace1234", "ada@example.com"],
)  # fmt: skip
def test_weak_ones(password: str) -> None:
    assert weakness(password, ["ada@example.com", "lovelace"]) is not None


@pytest.mark.parametrize(
    "password", ["correct horse battery", "Tr0ub4dor&3xyz", "grüße aus dem norden", "1q4Zt9uW0pLkM"]
)
def test_good_ones(password: str) -> None:
    assert weakness(password, ["ada@example.com", "ada", "abc"]) is None
