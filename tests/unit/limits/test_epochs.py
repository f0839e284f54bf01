from __future__ import annotations

import asyncio

from tests.support.servers import RedisServer
from tests.unit.limits.sharing import Node, Truth, limit, settle

from phantom_gateway.wire.tasks import TaskGroup


async def test_nothing_is_granted_before_all_that_live_have_spoken(redis_server: RedisServer) -> None:
    truth = Truth()
    a, b = Node(redis_server, truth, "a"), Node(redis_server, truth, "b")
    assert not await a.keeper.step()
    assert (await a.ask(limit(), 1)).reason == "recovering"
    await settle(b, a)
    assert (await a.ask(limit(), 1)).granted == 1
    assert a.authority.nodes == b.authority.nodes == 2
    for node in (a, b):
        await node.link.close()


async def test_nobody_waits_for_the_dead(redis_server: RedisServer) -> None:
    truth = Truth(living={"dead"})
    a = Node(redis_server, truth, "a")
    assert not await a.keeper.step()
    truth.living.discard("dead")
    assert await a.keeper.step()
    await a.link.close()


async def test_without_the_database_an_epoch_is_not_opened(redis_server: RedisServer) -> None:
    truth = Truth(down=True)
    a = Node(redis_server, truth, "a")
    assert not await a.keeper.step()
    truth.down = False
    assert await a.keeper.step()
    truth.down = True
    assert await a.keeper.step()  # what is granted goes on
    await a.link.close()


async def test_a_node_that_comes_later_joins_what_is_open(redis_server: RedisServer) -> None:
    truth = Truth()
    a = Node(redis_server, truth, "a")
    await settle(a)
    late = Node(redis_server, truth, "late")
    assert await late.keeper.step()
    assert late.authority.epoch == a.authority.epoch
    for node in (a, late):
        await node.link.close()


async def test_the_keeper_goes_on_by_itself(redis_server: RedisServer) -> None:
    truth = Truth()
    a = Node(redis_server, truth, "a")
    tasks = TaskGroup()
    tasks.spawn(a.keeper.run(), "keeper")
    async with asyncio.timeout(10):
        while not (await a.ask(limit(), 1)).granted:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
        redis_server.client().flushall()
        while (await a.ask(limit(), 1)).granted:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
        while not (await a.ask(limit(), 1)).granted:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
        redis_server.stop()
        while (await a.ask(limit(), 1)).reason != "unavailable":  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
        redis_server.start()
        while not (await a.ask(limit(), 1)).granted:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
    await tasks.cancel()
    await a.link.close()
