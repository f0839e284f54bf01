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


MADE = key_format.generate().reveal()


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        (MADE[:-1] + ("a" if MADE[-1] != "a" else "b"), "checksum"),
        (MADE[:-5], "checksum"),
        (MADE + "x", "checksum"),
        (GOOD + "\u00e9", "no header"),
        (GOOD + "\udcff", "no header"),
        (GOOD + "\n" + GOOD, "no header"),
        (GOOD + " ", "no header"),
        ("sk-" + secrets.token_hex(256), "longer than 512"),
    ],
    ids=["mistyped", "cut", "longer", "accent", "no text", "line end", "blank", "too long"],
)
def test_a_key_that_would_open_nothing_is_refused_whatever_is_permitted(tmp_path: Path, key: str, reason: str) -> None:
    for environment in ({}, {master.PERMIT_WEAK: "true"}):
        with pytest.raises(MasterKeyError, match=reason) as caught:
            load(Secret(key), environment, tmp_path)
        assert key not in str(caught.value)
        with pytest.raises(MasterKeyError, match=reason):
            master.check(Secret(key), environment)
    assert reason in (weakness(Secret(key)) or "")


def test_the_longest_key_and_one_made_here_are_good(tmp_path: Path) -> None:
    longest = ("sk-" + secrets.token_hex(256))[: master.MAX_LENGTH]
    for key in (longest, MADE):
        assert load(Secret(key), {}, tmp_path).secret.reveal() == key


def test_judging_alone_makes_nothing(tmp_path: Path) -> None:
    master.check(None, {})
    master.check(Secret(GOOD), {})
    with pytest.raises(MasterKeyError, match="PHANTOM_MASTER_KEY is refused"):
        master.check(None, {"PHANTOM_MASTER_KEY": "sk-1234"})
    assert not list(tmp_path.iterdir())


def test_a_running_gateway_makes_no_key_and_takes_no_other_for_one_that_went_missing(tmp_path: Path) -> None:
    written = load(Secret(GOOD), {}, tmp_path)
    with pytest.raises(MasterKeyError, match="not there any more"):
        load(None, {}, tmp_path, written)
    assert not (tmp_path / "keys").exists()
    with pytest.raises(MasterKeyError, match="is missing now"):
        load(None, {"PHANTOM_MASTER_KEY": GOOD + "1"}, tmp_path, written)
    assert load(None, {"PHANTOM_MASTER_KEY": GOOD}, tmp_path, written).secret.reveal() == GOOD, "the same key elsewhere"
    assert load(Secret(GOOD + "2"), {}, tmp_path, written).secret.reveal() == GOOD + "2", "another that is written"


def test_a_key_of_the_file_that_goes_missing_is_not_made_again(tmp_path: Path) -> None:
    made = load(None, {}, tmp_path)
    path = tmp_path / "keys" / "master.key"
    assert load(None, {}, tmp_path, made).secret == made.secret
    path.write_text(GOOD)
    assert load(None, {}, tmp_path, made).secret.reveal() == GOOD, "changed where it is kept"
    path.unlink()
    with pytest.raises(MasterKeyError, match="not there any more"):
        load(None, {}, tmp_path, made)
    assert not path.exists()


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
