from __future__ import annotations

import os
from pathlib import Path

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.security import secret_file
from phantom_gateway.security.keyring import Keyring, KeyringError, Purpose
from phantom_gateway.security.root_key import open_root

ROOT = "0f" * 32
DERIVED = Keyring(Secret(ROOT)).derive(Purpose.KEY_DIGEST)


def test_the_default_is_made_on_the_first_start_only(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match=r"sealed: .*root\.key is missing"):
        open_root(None, tmp_path, {}, may_create=False)
    assert not (tmp_path / "keys").exists()
    made = open_root(None, tmp_path, {}, may_create=True).derive(Purpose.KEY_DIGEST)
    assert open_root(None, tmp_path, {}, may_create=False).derive(Purpose.KEY_DIGEST) == made


def test_a_file_of_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "kek"
    secret_file.create(path, Secret(ROOT))
    (tmp_path / "link").symlink_to(path)
    for name in ("kek", "link"):
        opened = open_root(f"file:{tmp_path}/{name}", tmp_path / "data", {}, may_create=True)
        assert opened.derive(Purpose.KEY_DIGEST) == DERIVED
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_file_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "kek"
    secret_file.create(path, Secret(ROOT))
    path.chmod(mode)
    with pytest.raises(KeyringError, match=f"sealed: .*{mode:04o}"):
        open_root(f"file:{path}", tmp_path, {}, may_create=True)


def test_a_named_key_is_never_made(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="cannot be reached"):
        open_root(f"file:{tmp_path}/missing", tmp_path, {}, may_create=True)
    for environment in ({}, {"KEK": " "}):
        with pytest.raises(KeyringError, match="the variable KEK is not set"):
            open_root("env:KEK", tmp_path, dict(environment), may_create=True)
    assert list(tmp_path.iterdir()) == []


def test_a_variable_is_gone_once_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PHANTOM_TEST_KEK", ROOT)
    environment = dict(os.environ)
    opened = open_root("env:PHANTOM_TEST_KEK", tmp_path, environment, may_create=True)
    assert opened.derive(Purpose.KEY_DIGEST) == DERIVED
    assert "PHANTOM_TEST_KEK" not in environment
    assert "PHANTOM_TEST_KEK" not in os.environ


@pytest.mark.parametrize("value", ["zz", "ab", "ab" * 33])
def test_a_damaged_key_is_refused_without_being_quoted(tmp_path: Path, value: str) -> None:
    with pytest.raises(KeyringError, match="sealed: env:KEK") as caught:
        open_root("env:KEK", tmp_path, {"KEK": value}, may_create=True)
    assert value not in str(caught.value).replace("env:KEK", "")


def test_other_places_do_not_exist(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="file:/path or env:NAME"):
        open_root("vault:x", tmp_path, {}, may_create=True)
