from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.security import secret_file


def test_what_is_created_is_read_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "a.key"
    secret_file.create(path, Secret("s3cret"))
    assert secret_file.read(path).reveal() == "s3cret"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["a.key"]


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    secret_file.create(path, Secret("first"))
    with pytest.raises(FileExistsError):
        secret_file.create(path, Secret("second"))
    assert secret_file.read(path).reveal() == "first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o777, 0o601])
def test_a_looser_mode_is_refused_by_name(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    secret_file.create(path, Secret("s3cret"))
    path.chmod(mode)
    with pytest.raises(secret_file.SecretFileError, match=f"mode {mode:04o}") as caught:
        secret_file.read(path)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 5000])
def test_damaged_content_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(secret_file.SecretFileError):
        secret_file.read(path)


def test_links_and_directories_are_refused(tmp_path: Path) -> None:
    secret_file.create(tmp_path / "real", Secret("s3cret"))
    (tmp_path / "link").symlink_to(tmp_path / "real")
    (tmp_path / "directory").mkdir(mode=0o700)
    for name in ("link", "directory"):
        with pytest.raises(secret_file.SecretFileError):
            secret_file.read(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        secret_file.read(tmp_path / "missing")


def test_of_many_first_starts_one_wins(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    outcomes: list[bool] = []

    def create(number: int) -> None:
        try:
            secret_file.create(path, Secret(f"key {number}"))
        except FileExistsError:
            outcomes.append(False)
        else:
            outcomes.append(True)

    threads = [threading.Thread(target=create, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count(True) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.key"]
