from __future__ import annotations

import hashlib
import hmac

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.digest import KeyHasher, derived


def test_the_digest_is_hmac_sha256_under_the_pepper() -> None:
    hasher = KeyHasher(Secret("0b" * 32))
    assert hasher.digest(b"sk-x") == hmac.new(b"\x0b" * 32, b"sk-x", hashlib.sha256).hexdigest()


def test_pepper_and_key_both_matter() -> None:
    one, other = KeyHasher(Secret("0b" * 32)), KeyHasher(Secret("0c" * 32))
    assert one.digest(b"sk-x") != other.digest(b"sk-x")
    assert one.digest(b"sk-x") != one.digest(b"sk-y")


def test_the_fingerprint_names_the_pepper_and_is_no_digest() -> None:
    one, same, other = KeyHasher(Secret("0b" * 32)), KeyHasher(Secret("0b" * 32)), KeyHasher(Secret("0c" * 32))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert "0b0b" not in one.fingerprint


def test_a_derived_key_is_of_its_pepper_and_purpose_and_digests_no_key() -> None:
    pepper = Secret("0b" * 32)
    assert derived(pepper, b"a") == derived(pepper, b"a") != derived(pepper, b"b")
    assert derived(pepper, b"a") != derived(Secret("0c" * 32), b"a")
    assert derived(pepper, b"a").hex() != KeyHasher(pepper).digest(b"a")
