from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.gateway.rig import eventually, running

from phantom_gateway.gateway import subjects as module
from phantom_gateway.spine.messages import Heartbeat, Invalidate, Limit, ResolveSubject

LIMIT = Limit(scope="requests:customer:c:60s", kind="requests", entity="customer:c", amount=100)


async def test_nobody_is_asked_for_where_there_are_none(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key(tags=("t",))
        assert (await rig.chat(key, user="c", tags=["x"])).status == 200
        assert rig.control.told(ResolveSubject) == []


async def test_one_question_for_each_also_for_those_without_a_record(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.subject("customer:c", limits=(LIMIT,))
        for _ in range(2):
            for customer in ("c", "d"):
                assert (await rig.chat(rig.key(), user=customer, tags=["t"])).status == 200
        assert [ask.entity for ask in rig.control.told(ResolveSubject)] == ["customer:c", "customer:d"]


@pytest.mark.parametrize("entities", [("customer:c",), (), ("budget:b",)])
async def test_what_has_changed_is_asked_for_again(tmp_path: Path, entities: tuple[str, ...]) -> None:
    async with running(tmp_path) as rig:
        await rig.subject("customer:c", limits=(LIMIT,))
        assert (await rig.chat(rig.key(), user="c")).status == 200
        await rig.subject("customer:c", blocked=True)
        generation = rig.worker.subjects.generation
        rig.control.send(Invalidate(seq=1, entities=entities, key_epoch=1))
        await eventually(lambda: rig.worker.subjects.generation > generation)
        assert (await rig.chat(rig.key(), user="c")).status == 403


async def test_a_missed_change_is_noticed_by_the_epoch(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.subject("customer:c", limits=(LIMIT,))
        assert (await rig.chat(rig.key(), user="c")).status == 200
        rig.control.subjects.clear()
        rig.control.send(Heartbeat(revision=1, key_epoch=2, subjects=("customer",)))
        rig.control.send(Heartbeat(revision=1, key_epoch=3, subjects=("customer",)))
        await eventually(lambda: rig.worker.subjects.generation > 1)
        assert (await rig.chat(rig.key(), user="c")).status == 200
        assert len(rig.control.told(ResolveSubject)) == 2


async def test_without_control_the_known_go_on_and_the_unknown_wait(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.subject("customer:c", limits=(LIMIT,))
        key = rig.key()
        assert (await rig.chat(key, user="c")).status == 200
        rig.control.unavailable = True
        refused = await rig.chat(key, user="e")
        assert (refused.status, refused.error["type"]) == (503, "limiter_unavailable")
        rig.control.silent = True
        rig.control.hang_up()
        await eventually(lambda: not rig.worker.spine.connected)
        assert (await rig.chat(key, user="c")).status == 200
        assert (await rig.chat(key, user="f")).status == 503
        assert (await rig.chat(key)).status == 200


async def test_only_so_many_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_CACHED", 2)
    async with running(tmp_path) as rig:
        await rig.subject("customer:c")
        for customer in ("a", "b", "a", "c", "a", "b"):
            assert (await rig.chat(rig.key(), user=customer)).status == 200
        asked = [ask.entity.removeprefix("customer:") for ask in rig.control.told(ResolveSubject)]
        assert asked == ["a", "b", "c", "b"]
