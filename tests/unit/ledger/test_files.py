from __future__ import annotations

import errno
from pathlib import Path

import pytest
from tests.unit.ledger.samples import FaultyDisk

from phantom_gateway.ledger.files import OsLayer, SegmentFile
from phantom_gateway.ledger.frames import HEADER, frame


def test_a_refused_frame_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    disk = FaultyDisk()
    segment = SegmentFile(disk, tmp_path / "s", 1)
    segment.append(b"first", 1)
    disk.capacity, disk.short = 5, True
    with pytest.raises(OSError, match="injected"):
        segment.append(b"does not fit", 2)
    assert (tmp_path / "s").read_bytes()[HEADER.size :] == frame(b"first", segment.seed)
    disk.capacity = None
    segment.append(b"third", 3)
    segment.finish()
    assert (tmp_path / "s").read_bytes()[HEADER.size :] == frame(b"first", segment.seed) + frame(b"third", segment.seed)
    assert segment.first == 1


def test_a_file_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.capacity = 3
    with pytest.raises(OSError, match="injected") as caught:
        SegmentFile(disk, tmp_path / "s", 1)
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_what_was_allocated_ahead_is_cut_off_at_the_end(tmp_path: Path) -> None:
    segment = SegmentFile(OsLayer(), tmp_path / "reserve", 0, 4096)
    assert (tmp_path / "reserve").stat().st_size == 4096
    segment.adopt(tmp_path, 2)
    segment.append_many([b"a", b"b"], 7)
    segment.finish()
    data = (tmp_path / "00000002.seg").read_bytes()
    assert data[HEADER.size :] == frame(b"a", segment.seed) + frame(b"b", segment.seed)
    assert (segment.number, segment.first) == (2, 7)


def test_files_are_for_the_owner_only(tmp_path: Path) -> None:
    SegmentFile(OsLayer(), tmp_path / "s", 1).finish()
    assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
