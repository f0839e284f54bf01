from __future__ import annotations

import asyncio

from tests.unit.control.rig import Rig

from phantom_gateway.spine.messages import (
    LeaseAsk,
    LeaseAsks,
    LeaseGrant,
    LeaseGrants,
    LeaseReturn,
    LeaseReturns,
    Limit,
    Recall,
)

LIMIT = Limit(scope="parallel:key:k:", kind="parallel", entity="key:k", amount=10)
BUDGET = Limit(scope="budget:key:k:", kind="budget", entity="key:k", amount=100, window="")


async def test_a_lease_is_granted_and_returned(control: Rig) -> None:
    async with control.worker() as worker:
        worker.send(LeaseAsk(seq=1, limit=BUDGET, need=1, want=40))
        grant = await worker.expect(LeaseGrant)
        assert (grant.seq, grant.granted, grant.remaining) == (1, 40, 60)
        worker.send(LeaseReturn(scope=BUDGET.scope, window_start=grant.window_start, amount=40))
        worker.send(LeaseAsk(seq=2, limit=BUDGET, need=100, want=100))
        assert (await worker.expect(LeaseGrant)).granted == 100
        worker.send(LeaseAsk(seq=3, limit=BUDGET, need=1, want=1))
        refused = await worker.expect(LeaseGrant)
        assert (refused.granted, refused.reason, refused.used) == (0, "exhausted", 100)


async def test_what_others_hold_is_recalled(control: Rig) -> None:
    async with control.worker("w1") as rich, control.worker("w2") as poor:
        rich.send(LeaseAsk(seq=1, limit=LIMIT, need=10, want=10))
        await rich.expect(LeaseGrant)
        poor.send(LeaseAsk(seq=7, limit=LIMIT, need=3, want=3))
        recall = await rich.expect(Recall)
        assert recall.scope == LIMIT.scope
        rich.send(LeaseReturn(scope=LIMIT.scope, window_start=0.0, amount=4, seq=recall.seq))
        grant = await poor.expect(LeaseGrant)
        assert (grant.seq, grant.granted, grant.used) == (7, 3, 9)


async def test_others_hear_of_it_before_a_worker_gets_more_than_its_share(control: Rig) -> None:
    async with control.worker("w1") as rich, control.worker("w2") as other:
        rich.send(LeaseAsk(seq=1, limit=LIMIT, need=6, want=6))
        notice = await other.expect(Recall)
        assert (notice.scope, notice.notice, notice.window_start) == (LIMIT.scope, True, 0.0)
        other.send(LeaseReturn(scope=LIMIT.scope, window_start=0.0, amount=0, seq=notice.seq))
        assert (await rich.expect(LeaseGrant)).granted == 6


async def test_who_does_not_answer_a_recall_is_not_waited_for(control: Rig) -> None:
    async with control.worker("w1") as silent, control.worker("w2") as poor:
        silent.send(LeaseAsk(seq=1, limit=LIMIT, need=10, want=10))
        await silent.expect(LeaseGrant)
        poor.send(LeaseAsk(seq=2, limit=LIMIT, need=1, want=1))
        assert (await poor.expect(LeaseGrant)).granted == 0


async def test_a_holder_that_leaves_ends_the_wait(control: Rig) -> None:
    async with control.worker("w1") as leaving, control.worker("w2") as poor:
        leaving.send(LeaseAsk(seq=1, limit=LIMIT, need=10, want=10))
        await leaving.expect(LeaseGrant)
        poor.send(LeaseAsk(seq=2, limit=LIMIT, need=1, want=1))
        await leaving.expect(Recall)
        await leaving.close()
        assert (await poor.expect(LeaseGrant)).granted == 0, "it may live on without us: what it holds stays counted"


async def test_asks_for_one_scope_share_a_recall(control: Rig) -> None:
    async with control.worker("w1") as rich, control.worker("w2") as poor:
        rich.send(LeaseAsk(seq=1, limit=LIMIT, need=10, want=10))
        await rich.expect(LeaseGrant)
        for seq in range(5):
            poor.send(LeaseAsk(seq=seq, limit=LIMIT, need=1, want=1))
        recall = await rich.expect(Recall)
        rich.send(LeaseReturn(scope=LIMIT.scope, window_start=0.0, amount=10, seq=recall.seq))
        assert sum([(await poor.expect(LeaseGrant)).granted for _ in range(5)]) == 5


async def test_a_crowd_never_gets_more_than_the_limit(control: Rig) -> None:
    """Four workers ask at once and give nothing back."""
    limit = Limit(scope="parallel:key:c:", kind="parallel", entity="key:c", amount=25)
    names = ("w1", "w2", "w3", "w4")
    granted = 0

    async def run(name: str) -> None:
        nonlocal granted
        async with control.worker(name, revision=1) as worker:
            for seq in range(1, 30):
                worker.send(LeaseAsk(seq=seq, limit=limit, need=1, want=4))
                more = (await worker.expect(LeaseGrant)).granted
                granted += more
                assert granted <= limit.amount
            await barrier.wait()

    barrier = asyncio.Barrier(len(names))
    async with asyncio.TaskGroup() as group:
        for name in names:
            group.create_task(run(name))
    assert granted == limit.amount


async def test_nonsense_is_disconnected(control: Rig) -> None:
    for ask in (
        LeaseAsk(seq=1, limit=LIMIT, need=-1, want=1),
        LeaseAsk(
            seq=1,
            limit=Limit(scope="budget:key:k:never", kind="budget", entity="key:k", amount=1, window="never"),
            need=1,
            want=1,
        ),
    ):
        async with control.worker() as worker:
            worker.send(ask)
            assert await worker.closed()


async def test_several_limits_are_granted_in_one_answer(control: Rig) -> None:
    async with control.worker("w1") as one, control.worker("w2") as other:
        asks = (LeaseAsk(seq=0, limit=BUDGET, need=1, want=40), LeaseAsk(seq=0, limit=LIMIT, need=1, want=2))
        one.send(LeaseAsks(seq=5, asks=asks))
        answer = await one.expect(LeaseGrants)
        assert (answer.seq, [each.granted for each in answer.grants]) == (5, [25, 2])
        other.send(LeaseAsks(seq=6, asks=(LeaseAsk(seq=0, limit=LIMIT, need=9, want=9),)))
        (refused,) = (await other.expect(LeaseGrants)).grants
        assert (refused.granted, refused.reason) == (0, "recall"), "nobody is asked to give up anything for that"
        one.send(LeaseReturns(returns=(LeaseReturn(scope=LIMIT.scope, window_start=0.0, amount=2),)))
        one.send(LeaseAsk(seq=7, limit=LIMIT, need=1, want=1))
        await one.expect(LeaseGrant)
        other.send(LeaseAsks(seq=8, asks=(LeaseAsk(seq=0, limit=LIMIT, need=5, want=5),)))
        assert (await other.expect(LeaseGrants)).grants[0].granted == 5


async def test_a_negative_lease_among_several_ends_the_connection(control: Rig) -> None:
    async with control.worker() as worker:
        worker.send(LeaseAsks(seq=1, asks=(LeaseAsk(seq=0, limit=LIMIT, need=-1, want=1),)))
        await worker.closed()
