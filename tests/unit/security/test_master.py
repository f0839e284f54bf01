from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.security import key_format, master
from phantom_gateway.security.master import MasterKeyError, load, weakness

GOOD = "sk-f3a9c1d27be84460a5c0e7"


def test_the_order_of_sources(tmp_path: Path) -> None:
    environment = {"PHANTOM_MASTER_KEY": GOOD + "1", "LITELLM_MASTER_KEY": GOOD + "2"}
    assert load(Secret(GOOD), environment, tmp_path).secret.reveal() == GOOD
    found = load(None, environment, tmp_path)
    assert (found.secret.reveal(), found.source) == (GOOD + "1", "PHANTOM_MASTER_KEY")
    del environment["PHANTOM_MASTER_KEY"]
    assert load(None, environment, tmp_path).source == "LITELLM_MASTER_KEY"
    assert not (tmp_path / "keys").exists()


def test_without_any_one_is_made_and_kept(tmp_path: Path) -> None:
    first = load(None, {"LITELLM_MASTER_KEY": " "}, tmp_path)
    assert first.generated
    assert key_format.checksum_ok(first.secret.reveal()) is True
    again = load(None, {}, tmp_path)
    assert not again.generated
    assert again.secret.reveal() == first.secret.reveal()


@pytest.mark.parametrize(
    "key",
    [
        "sk-1234",
        "sk-12345678901234567890",
        "sk-aaaaaaaaaaaaaaaaaaaaaaaa",
        "sk-abcdefghijklmnopqrstuvwxyz",
        "sk-my-super-secret-master-key",
        "sk-change-me-change-me",
        "f3a9c1d27be84460a5c0e7f3a9c1d2",
        "sk-short",
    ],
)
def test_weak_keys_are_refused_without_being_quoted(tmp_path: Path, key: str) -> None:
    with pytest.raises(MasterKeyError, match=r"general_settings\.master_key is refused") as caught:
        load(Secret(key), {}, tmp_path)
    assert key not in str(caught.value)
    allowed = load(Secret(key), {master.PERMIT_WEAK: "true"}, tmp_path)
    assert allowed.secret.reveal() == key


@pytest.mark.parametrize("size", [9, 12, 16, 24, 32])
def test_random_hex_keys_are_good(size: int) -> None:
    for _ in range(100):
        assert weakness(Secret("sk-" + secrets.token_hex(size))) is None


def test_a_random_key_may_contain_1234() -> None:
    assert weakness(Secret("sk-c00d9f11d05a0a595d123497")) is None


def test_an_unreadable_stored_key_is_refused(tmp_path: Path) -> None:
    load(None, {}, tmp_path)
    (tmp_path / "keys" / "master.key").chmod(0o644)
    with pytest.raises(MasterKeyError, match="0644"):
        load(None, {}, tmp_path)
