from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from phantom_gateway.config.errors import ConfigError, Position, Problem
from phantom_gateway.control.reload import Reloader, stamp
from phantom_gateway.control.running import Difference
from phantom_gateway.control.services import Configuration
from phantom_gateway.spine.snapshot import Routing, Snapshot
from phantom_gateway.store.database import DatabaseError


class FileLoader:
    """Reads the number of retries from a file; anything else in it is a problem."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.loads = 0
        self.refreshed = 0
        self.away = False
        self.differences: tuple[Difference, ...] = ()
        self.more = 0

    def load(self, revision: int) -> tuple[Snapshot, tuple[str, ...]]:
        self.loads += 1
        text = self.path.read_text()
        if not text.isdigit():
            raise ConfigError([Problem(Position(str(self.path), 1), ("retries",), "must be a number")])
        self.differences = (Difference("retries", None, text),)
        return Snapshot(revision=revision, routing=Routing(num_retries=int(text))), (f"note {text}",)

    def refresh(self, revision: int) -> tuple[Snapshot, tuple[str, ...]]:
        if self.away:
            raise DatabaseError("away")
        self.refreshed += 1
        return Snapshot(revision=revision, routing=Routing(num_retries=100 + self.refreshed)), ("from the database",)

    def files(self) -> Sequence[Path]:
        return (self.path,)


class Stage:
    """A reloader with a list of what it has installed."""

    def __init__(self, path: Path) -> None:
        path.write_text("1")
        self.loader = FileLoader(path)
        self.configuration = Configuration(self.loader.load(1)[0], 1.0)
        self.installed: list[int | None] = []
        self.reloader = Reloader(self.loader, self.configuration, self._install, lambda: 7.0)

    async def _install(self, snapshot: Snapshot | None) -> None:
        self.installed.append(None if snapshot is None else snapshot.routing.num_retries)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path / "config")
    yield made
    await made.reloader.stop()


async def test_a_new_configuration_gets_the_next_revision(stage: Stage) -> None:
    stage.loader.path.write_text("2")
    assert await stage.reloader.reload()
    assert stage.installed == [2]
    assert (stage.configuration.snapshot.revision, stage.configuration.loaded_at) == (2, 7.0)
    assert stage.configuration.notes == ("note 2",)


async def test_a_broken_one_changes_nothing_but_the_status(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    stage.loader.path.write_text("broken")
    for _ in range(3):
        assert not await stage.reloader.reload()
    assert stage.installed == []
    assert stage.configuration.snapshot.revision == 1
    problem, failed_at = stage.configuration.problems[0], stage.configuration.failed_at
    assert failed_at == 7.0
    assert "retries: must be a number" in problem
    assert [record.levelname for record in caplog.records].count("ERROR") == 1, "one clear message, not one a second"
    stage.loader.path.write_text("1")
    assert await stage.reloader.reload()
    after: Configuration = stage.configuration
    assert [(each.revision, each.problems == (problem,), each.differences) for each in after.reloads] == [
        (1, True, ()),
        (1, False, (Difference("retries", None, "1"),)),
    ], "each broken state once"
    assert (len(after.problems), after.failed_at is None) == (0, True)


async def test_the_same_configuration_is_not_sent_again(stage: Stage) -> None:
    stage.loader.path.touch()
    assert await stage.reloader.reload()
    assert (stage.installed, stage.configuration.snapshot.revision) == ([None], 1)


async def test_a_changed_file_is_noticed(stage: Stage) -> None:
    stage.reloader.start()
    stage.loader.path.write_text("33")
    async with asyncio.timeout(10):
        while stage.installed != [33]:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.02)
    loads = stage.loader.loads
    stage.reloader.request()
    async with asyncio.timeout(10):
        while stage.loader.loads == loads:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.02)


def test_replacing_a_file_changes_its_stamp(tmp_path: Path) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    assert stamp([path]) == (None,)
    path.write_text("1")
    first = stamp([path])
    other.write_text("1")
    other.rename(path)
    assert stamp([path]) != first


async def test_a_broken_file_does_not_stand_in_the_way_of_the_database(stage: Stage) -> None:
    stage.loader.path.write_text("broken")
    assert not await stage.reloader.reload()
    problems = stage.configuration.problems
    assert await stage.reloader.refresh()
    assert stage.installed == [101]
    assert (stage.configuration.snapshot.revision, stage.configuration.notes) == (2, ("from the database",))
    assert stage.configuration.problems == problems != ()


async def test_what_could_not_be_read_is_read_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phantom_gateway.control.reload.WATCH_SECONDS", 0.01)
    stage.loader.away = True
    assert not await stage.reloader.refresh()
    assert stage.installed == []
    stage.reloader.start()
    await asyncio.sleep(0.05)
    assert stage.installed == []
    stage.loader.away = False
    for _ in range(500):
        await asyncio.sleep(0.01)
        if stage.installed:
            break
    assert stage.installed == [101]
