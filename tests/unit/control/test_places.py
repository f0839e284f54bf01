from __future__ import annotations

import socket
import stat
from pathlib import Path

import pytest

from phantom_gateway.control.places import DataDirectory, DataDirectoryError, listen


def test_everything_belongs_to_one_user(tmp_path: Path) -> None:
    places = DataDirectory(tmp_path / "data")
    places.take()
    for path in (places.root, places.run, places.journal):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    for path in (places.spine_socket, places.control_socket):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    places.release()
    assert not places.spine_socket.exists()


def test_one_control_at_a_time(tmp_path: Path) -> None:
    first, second = DataDirectory(tmp_path), DataDirectory(tmp_path)
    first.take()
    with pytest.raises(DataDirectoryError, match="another instance"):
        second.take()
    assert first.spine_socket.exists(), "the second has not touched the sockets of the first"
    first.release()
    second.take()
    second.release()


def test_stale_sockets_are_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    listen(path).close()
    listener = listen(path)
    with socket.socket(socket.AF_UNIX) as caller:
        caller.connect(str(path))
    listener.close()


def test_a_run_directory_open_to_others_is_closed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir(mode=0o755)
    places = DataDirectory(tmp_path)
    places.take()
    assert stat.S_IMODE(places.run.stat().st_mode) == 0o700
    places.release()


def test_what_cannot_be_used_says_why(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirectoryError, match="file"):
        DataDirectory(tmp_path / "file").take()
    with pytest.raises(DataDirectoryError, match="too long"):
        DataDirectory(tmp_path / ("x" * 100)).take()
