from __future__ import annotations

import asyncio
import errno
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.ledger.samples import FaultyDisk, closed, opened

from phantom_gateway.ledger import journal as module
from phantom_gateway.ledger.files import OsLayer
from phantom_gateway.ledger.frames import HEADER, MAX_PAYLOAD
from phantom_gateway.ledger.journal import Journal, JournalInUseError, StorageFullError, SyncFailedError
from phantom_gateway.ledger.record import Record
from phantom_gateway.ledger.replay import Reader, scan


@asynccontextmanager
async def running(directory: Path, **options: Any) -> AsyncIterator[Journal]:
    journal = Journal(directory, directory.name, **{"reserve_bytes": 64 * 1024, **options})
    journal.open()
    try:
        yield journal
    finally:
        await journal.close()


def replay(directory: Path) -> list[Record]:
    records: list[Record] = []
    reader = Reader(directory)
    while batch := reader.read(final=True):
        records += batch
    return records


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  the state of another thread
        await asyncio.sleep(0.005)


@contextmanager
def small_file_system(mount: Path) -> Iterator[Path]:
    """A real file system of 512 KiB."""
    mount.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(mount)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no tmpfs can be mounted here: the full disk is only tested by injection")
    try:
        yield mount
    finally:
        subprocess.run(["umount", str(mount)], check=True)


def enlarge(mount: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=4m", str(mount)], check=True)


@pytest.fixture
def quick_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PROBE_SECONDS", 0.02)


async def test_records_are_numbered_and_readable_at_once(tmp_path: Path) -> None:
    async with running(tmp_path / "w") as journal:
        assert journal.accepting
        assert [journal.append(opened("a")), journal.append(closed("a", 1))] == [1, 2]
        assert [record.n for record in Reader(tmp_path / "w").read()] == [1, 2]
        assert journal.position == 2
    assert scan(tmp_path / "w").damage == ()
    assert sorted(path.name for path in (tmp_path / "w").iterdir()) == ["00000001.seg", "lock"]


async def test_modes_and_lock(tmp_path: Path) -> None:
    directory = tmp_path / "w"
    async with running(directory):
        assert directory.stat().st_mode & 0o777 == 0o700
        assert all(path.stat().st_mode & 0o777 == 0o600 for path in directory.iterdir())
        with pytest.raises(JournalInUseError):
            Journal(directory, "w").open()
    with pytest.raises(JournalInUseError):
        Journal(directory, "w").open()


@pytest.mark.parametrize("sync", ["group", "strict"])
async def test_synced_returns_when_it_is_on_the_disk(tmp_path: Path, sync: str) -> None:
    disk = FaultyDisk()
    async with running(tmp_path / "w", sync=sync, os_layer=disk) as journal:
        numbers = [journal.append(closed(str(index))) for index in range(20)]
        await asyncio.gather(*(journal.synced(number) for number in numbers))
        assert journal.synced_position == 20
        assert 0 < disk.syncs <= 20
        await journal.synced(5)


async def test_rotation(tmp_path: Path) -> None:
    async with running(tmp_path / "w", segment_bytes=1000) as journal:
        for index in range(50):
            journal.append(closed(str(index)))
    assert len(list((tmp_path / "w").glob("*.seg"))) > 5
    assert [record.n for record in replay(tmp_path / "w")] == list(range(1, 51))


async def test_a_monstrous_record_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path / "w") as journal:
        large = closed("large")
        large.end_user = "x" * (MAX_PAYLOAD + 1)
        mad = closed("mad")
        mad.end_user = "\ud800"
        huge = closed("huge")
        huge.cost = huge.cost._replace(total=1 << 70)
        for record in (large, mad, huge):
            journal.append(record)
    assert [record.id for record in replay(tmp_path / "w")] == ["large", "mad", "huge"]


@pytest.mark.parametrize("failing", range(1, 51))
async def test_a_failed_sync_loses_nothing(tmp_path: Path, failing: int) -> None:
    """EIO on the n-th fdatasync: never again on that file, the records go on in a new segment."""
    disk = FaultyDisk()
    disk.sync_fails = lambda n: n == failing
    acknowledged: list[int] = []
    async with running(tmp_path / "w", sync="strict", os_layer=disk) as journal:
        for index in range(failing + 3):
            number = journal.append(closed(str(index)))
            await journal.synced(number)
            acknowledged.append(number)
        assert disk.syncs >= failing
        assert journal.degraded == ""
        assert journal.accepting
    assert [record.n for record in replay(tmp_path / "w")] == acknowledged
    assert scan(tmp_path / "w").damage == ()


@pytest.mark.usefixtures("quick_probe")
async def test_a_disk_that_never_syncs_refuses_requests_but_loses_nothing(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.sync_fails = lambda _: True
    async with running(tmp_path / "w", os_layer=disk) as journal:
        number = journal.append(closed("a"))
        with pytest.raises(SyncFailedError):
            await journal.synced(number)
        await until(lambda: not journal.accepting)
        assert journal.degraded == "fsync_failed"
        with pytest.raises(StorageFullError):
            journal.append(opened("b"))
        journal.append(closed("c"))
        assert len(list((tmp_path / "w").glob("*.seg"))) <= 2
        disk.sync_fails = lambda _: False
        await until(lambda: journal.accepting)
        assert journal.degraded == ""
        await journal.synced(journal.position)
    assert [record.id for record in replay(tmp_path / "w")] == ["a", "c"]


@pytest.mark.usefixtures("quick_probe")
@pytest.mark.parametrize("room", [*range(0, 900, 37), 1000, 2000])
@pytest.mark.parametrize("short", [False, True])
async def test_a_full_disk_refuses_new_and_settles_running_requests(tmp_path: Path, room: int, short: bool) -> None:
    disk = FaultyDisk()
    written: list[str] = []
    running_requests: list[tuple[str, int]] = []
    async with running(tmp_path / "w", os_layer=disk) as journal:
        disk.capacity, disk.short = room, short
        for index in range(50):
            try:
                running_requests.append((f"r{index}", journal.append(opened(f"r{index}"))))
                written.append(f"r{index}")
            except StorageFullError:
                break
        assert journal.degraded == "storage_full"
        assert not journal.accepting
        for name, number in running_requests or [("late", 0)]:
            journal.append(closed(name, number))
            written.append(name)
        with pytest.raises(StorageFullError):
            journal.append(opened("refused"))
        disk.capacity = None
        await until(lambda: journal.accepting)
        assert journal.degraded == ""
        journal.append(opened("again"))
        written.append("again")
        await journal.synced(journal.position)
    records = replay(tmp_path / "w")
    assert [record.id for record in records] == written
    assert [record.n for record in records] == list(range(1, len(written) + 1))
    assert scan(tmp_path / "w").damage == ()


async def test_even_the_reserve_ends(tmp_path: Path) -> None:
    disk = FaultyDisk()
    async with running(tmp_path / "w", os_layer=disk, reserve_bytes=2048) as journal:
        disk.capacity = 0
        written = 0
        with pytest.raises(StorageFullError):  # noqa: PT012
            for index in range(1000):
                journal.append(closed(str(index)))
                written += 1
        assert written > 5
        assert journal.position == written
    assert len(replay(tmp_path / "w")) == written


@pytest.mark.usefixtures("quick_probe")
async def test_without_room_for_a_reserve_nothing_is_accepted_until_there_is(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.capacity = 1000
    async with running(tmp_path / "w", os_layer=disk) as journal:
        assert not journal.accepting
        assert journal.degraded == "storage_full"
        disk.capacity = None
        await until(lambda: journal.accepting)


async def test_no_room_at_all_is_an_error_at_the_start_and_it_may_be_tried_again(tmp_path: Path) -> None:
    disk = FaultyDisk()
    disk.capacity = HEADER.size - 1
    journal = Journal(tmp_path / "w", "w", os_layer=disk)
    for _ in range(2):
        with pytest.raises(StorageFullError):
            journal.open()
        assert (journal.accepting, journal.degraded) == (False, "storage_full")
        with pytest.raises(StorageFullError, match="storage_full"):
            journal.append(opened("a"))
    disk.capacity = None
    journal.open()
    assert (journal.accepting, journal.append(opened("a"))) == (True, 1)
    await journal.close()


async def test_a_write_error_moves_on_to_a_new_segment(tmp_path: Path) -> None:
    class Once(OsLayer):
        countdown = 5

        def write(self, fd: int, data: bytes) -> int:
            self.countdown -= 1
            if self.countdown == 0:
                super().write(fd, data[:7])
                raise OSError(errno.EIO, "injected")
            return super().write(fd, data)

    async with running(tmp_path / "w", os_layer=Once()) as journal:
        for index in range(8):
            journal.append(opened(str(index)))
        await journal.synced(8)
        assert journal.degraded == ""
    assert [record.n for record in replay(tmp_path / "w")] == list(range(1, 9))
    assert scan(tmp_path / "w").damage == ()


@pytest.mark.usefixtures("quick_probe")
async def test_a_real_full_file_system(tmp_path: Path) -> None:
    with small_file_system(tmp_path / "small") as mount:
        async with running(mount / "w", reserve_bytes=128 * 1024) as journal:
            open_requests: list[int] = []
            with pytest.raises(StorageFullError):  # noqa: PT012
                while True:
                    open_requests.append(journal.append(opened("x")))
            (mount / "ballast").touch()
            for number in open_requests[-300:]:
                journal.append(closed("x", number))
            count = journal.position
            assert count == len(open_requests) + 300
            assert [record.n for record in replay(mount / "w")] == list(range(1, count + 1))
            enlarge(mount)
            await until(lambda: journal.accepting)
            journal.append(opened("y"))
            await journal.synced(journal.position)
        summary = scan(mount / "w")
        assert (summary.records, summary.damage) == (count + 1, ())


async def test_closing_twice_and_unopened_is_harmless(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "w", "w", reserve_bytes=4096)
    await journal.close()
    journal.open()
    await journal.close()
    await journal.close()
    assert not journal.accepting
    with pytest.raises(StorageFullError):
        journal.append(opened("a"))
