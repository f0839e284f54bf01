from __future__ import annotations

import asyncio

import pytest
from tests.unit.control.rig import SNAPSHOT, Rig, TestWorker
from tests.unit.store.samples import closed

from phantom_gateway.spine.messages import (
    PROTOCOL_VERSION,
    Ack,
    Heartbeat,
    HeldLease,
    Hello,
    Invalidate,
    LeaseAsk,
    LeaseGrant,
    Load,
    NewSnapshot,
    Resolve,
    Resolved,
)
from phantom_gateway.spine.snapshot import Snapshot
from phantom_gateway.wire.tasks import TaskGroup


async def connect(control: Rig) -> TestWorker:
    return await TestWorker.connect(control.path / "spine.sock")


async def test_a_worker_is_welcomed_with_the_snapshot(control: Rig) -> None:
    async with control.worker() as worker:
        assert worker.welcome.snapshot == SNAPSHOT
        assert worker.welcome.revision == 1
        assert control.spine.ready_workers == 1
    async with control.worker("w2", revision=1) as worker:
        assert worker.welcome.snapshot is None


@pytest.mark.parametrize(
    "first",
    [
        b"\xff\xff\xff\xff",
        b"\x00\x00\x00\x03abc",
        b"GET / HTTP/1.1\r\n\r\n" + b"x" * 100,
        bytes(range(64)),
    ],
)
async def test_garbage_is_disconnected(control: Rig, first: bytes) -> None:
    worker = await connect(control)
    worker.send_bytes(b"\x7f" + first[1:])
    assert await worker.closed()
    async with control.worker():
        assert control.spine.ready_workers == 1


@pytest.mark.parametrize(
    "messages",
    [
        [Resolve(seq=1, digest="x")],
        [Hello(version=PROTOCOL_VERSION + 1, worker="w", slot=0, pid=1)],
        [Hello(version=PROTOCOL_VERSION, worker="../../etc", slot=0, pid=1)],
        [Hello(version=PROTOCOL_VERSION, worker="", slot=0, pid=1)],
        [
            Hello(version=PROTOCOL_VERSION, worker="w", slot=0, pid=1),
            Hello(version=PROTOCOL_VERSION, worker="w", slot=0, pid=1),
        ],
    ],
)
async def test_whoever_does_not_keep_to_the_protocol_is_disconnected(
    control: Rig, messages: list[Hello | Resolve]
) -> None:
    worker = await connect(control)
    for message in messages:
        worker.send(message)
    assert await worker.closed()
    assert control.spine.ready_workers == 0


async def test_keys_are_resolved(control: Rig) -> None:
    made = await control.generate(key_alias="mine", models=["demo"], rpm_limit=3, max_budget=2)
    async with control.worker() as worker:
        worker.send(Resolve(seq=1, digest=made["token"]))
        worker.send(Resolve(seq=2, digest="0" * 64))
        worker.send(Resolve(seq=3, digest=control.services.master().id))
        answers = {answer.seq: answer for answer in [await worker.expect(Resolved) for _ in range(3)]}
    record = answers[1].key
    assert record is not None
    assert (record.id, record.alias, record.models) == (made["token"], "mine", ("demo",))
    assert [limit.scope for limit in record.limits] == [f"requests:key:{record.id}:60s", f"budget:key:{record.id}:"]
    assert (answers[2].key, answers[2].unavailable) == (None, False)
    assert answers[3].key is not None
    assert answers[3].key.kind == "master"


async def test_a_dead_database_is_unavailable_and_not_unknown(control: Rig) -> None:
    made = await control.generate()
    control.directory.forget(())
    path = control.path / "phantom.db"
    path.rename(control.path / "gone.db")
    path.mkdir()
    control.services.database.database.engine.dispose()
    async with control.worker(revision=1) as worker:
        worker.send(Resolve(seq=1, digest=made["token"]))
        answer = await worker.expect(Resolved)
        assert (answer.key, answer.unavailable) == (None, True)
        path.rmdir()
        (control.path / "gone.db").rename(path)
        worker.send(Resolve(seq=2, digest=made["token"]))
        assert (await worker.expect(Resolved)).key is not None


async def test_messages_behind_the_hello_wait_for_the_welcome(control: Rig) -> None:
    worker = await connect(control)
    worker.send(Hello(version=PROTOCOL_VERSION, worker="w1", slot=0, pid=1))
    worker.send(Resolve(seq=1, digest="0" * 64))
    assert (await worker.expect(Resolved)).seq == 1
    await worker.close()


async def test_a_hello_counts_after_its_journal(control: Rig) -> None:
    """What the journal says was spent and what the worker still holds add up; neither is missing, neither counts twice."""
    made = await control.generate(max_budget=0.00000002)
    record = await control.directory.find(made["token"])
    assert record is not None
    (limit,) = record.limits
    journal = control.journal("w1")
    journal.append(closed(0, cost=5, key_id=made["token"]))
    held = HeldLease(scope=limit.scope, window_start=0.0, amount=12, limit=limit)
    async with control.worker(journal_position=1, held=(held,)) as worker:
        worker.send(LeaseAsk(seq=1, limit=limit, need=4, want=4))
        assert (await worker.expect(LeaseGrant)).granted == 0
        worker.send(LeaseAsk(seq=2, limit=limit, need=3, want=3))
        grant = await worker.expect(LeaseGrant)
        assert (grant.granted, grant.used, grant.remaining) == (3, 20, 0)
    await journal.close()


async def test_invalidations_wait_for_all_and_not_for_ever(control: Rig) -> None:
    tasks = TaskGroup()
    async with control.worker("w1") as one, control.worker("w2") as two:
        done = tasks.spawn(control.spine.invalidate(("k",)), "invalidate")
        assert (await one.obey(Invalidate)).entities == ("k",)
        await asyncio.sleep(0.02)
        assert not done.done()
        await two.obey(Invalidate)
        await done
        silent = tasks.spawn(control.spine.invalidate(("k",)), "invalidate")
        await one.obey(Invalidate)
        async with asyncio.timeout(4):
            await silent
        gone = tasks.spawn(control.spine.invalidate(("k",)), "invalidate")
        await one.obey(Invalidate)
        await two.close()
        await gone


async def test_heartbeats_carry_the_epochs(control: Rig) -> None:
    async with control.worker() as worker:
        beat = await worker.expect(Heartbeat)
        assert (beat.revision, beat.database_ok) == (1, True)
        tasks = TaskGroup()
        done = tasks.spawn(control.spine.invalidate(("k",)), "invalidate")
        await worker.obey(Invalidate)
        await done
        async with asyncio.timeout(5):
            while (await worker.expect(Heartbeat)).key_epoch != beat.key_epoch + 1:
                pass


async def test_heartbeats_name_all_workers_at_once(control: Rig) -> None:
    async with control.worker("w1") as worker, asyncio.timeout(5):
        async with control.worker("w2"):
            while (await worker.expect(Heartbeat)).workers != ("w1", "w2"):
                pass
        while (beat := await worker.expect(Heartbeat)).workers != ("w1",):
            pass
        assert (beat.nodes, beat.node) == (1, 0)


async def test_snapshots_reach_every_worker(control: Rig) -> None:
    tasks = TaskGroup()
    async with control.worker("w1") as one, control.worker("w2") as two:
        done = tasks.spawn(control.spine.broadcast_snapshot(Snapshot(revision=2)), "broadcast")
        for worker in (one, two):
            assert (await worker.obey(NewSnapshot)).snapshot.revision == 2
        assert await done


async def test_load_is_kept_while_the_worker_is_there(control: Rig) -> None:
    async with control.worker() as worker:
        worker.send(Load(in_flight=3, journal_degraded="storage_full"))
        worker.send(Ack(seq=999))
        worker.send(Resolve(seq=1, digest="0" * 64))
        await worker.expect(Resolved)
        assert control.spine.loads["w1"].in_flight == 3
        await worker.close()
        async with asyncio.timeout(5):
            while control.spine.loads:  # noqa: ASYNC110 # the test looks from outside
                await asyncio.sleep(0.01)


async def test_a_second_connection_of_a_worker_replaces_the_first(control: Rig) -> None:
    async with control.worker("w1") as old, control.worker("w1") as new:
        assert await old.closed()
        assert control.spine.ready_workers == 1
        new.send(Resolve(seq=1, digest="0" * 64))
        await new.expect(Resolved)
