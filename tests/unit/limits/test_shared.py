from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from tests.support.servers import RedisServer
from tests.unit.limits.sharing import NOW, Node, Truth, limit, settle

from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.limits.lending import NeedRecall
from phantom_gateway.spine.messages import HeldLease, Limit, Over

KEY = ("budget:key:k:", 0.0)


@pytest.fixture
def truth() -> Truth:
    return Truth()


@pytest.fixture
async def pair(redis_server: RedisServer, truth: Truth) -> AsyncIterator[tuple[Node, Node]]:
    nodes = Node(redis_server, truth, "a"), Node(redis_server, truth, "b")
    await settle(*nodes)
    yield nodes
    for node in nodes:
        await node.link.close()


async def test_two_nodes_cannot_take_more_than_there_is(pair: tuple[Node, Node]) -> None:
    a, b = pair
    assert (await a.ask(limit(), 60)).granted == 60
    refused = await b.ask(limit(), 41)
    assert (refused.granted, refused.used, refused.remaining, refused.reason) == (0, 60, 40, "exhausted")
    last = await b.ask(limit(), 40)
    assert (last.granted, last.used, last.remaining) == (40, 100, 0)
    assert (await a.ask(limit(), 1)).granted == 0


async def test_slices_shrink_with_all_workers_of_all_nodes(pair: tuple[Node, Node]) -> None:
    a, b = pair
    assert (await a.ask(limit(), 1, 1000)).granted == 25
    taken = 25
    while got := (await b.ask(limit(), 1, 1000)).granted:
        taken += got
    assert taken == 100


async def test_what_another_node_holds_is_recalled_first(pair: tuple[Node, Node]) -> None:
    a, b = pair
    await a.ask(limit(), 100)
    assert await b.question(limit(), 1) == NeedRecall((), ("a",))
    a.authority.give_back("a-w", KEY[0], 0.0, 30)
    await a.authority.say()
    assert (await b.ask(limit(), 30)).granted == 30


async def test_what_is_spent_comes_from_the_database(pair: tuple[Node, Node], truth: Truth) -> None:
    a, b = pair
    truth.commit(KEY, 90)
    assert (await a.ask(limit(), 11)).granted == 0
    assert (await b.ask(limit(), 10)).granted == 10
    assert truth.reads == 1  # the copy in Redis serves both


async def test_a_lease_becomes_spend_in_one_word(pair: tuple[Node, Node], truth: Truth) -> None:
    a, b = pair
    await a.ask(limit(), 100)
    read = truth.commit(KEY, 70)
    a.authority.ingested("a-w", [(*KEY, 70)], read=read)
    assert (await b.ask(limit(), 1)).granted == 0
    await a.authority.say()
    assert (await b.ask(limit(), 1)).used == 100
    a.authority.give_back("a-w", *KEY, 30)
    await a.authority.say()
    assert (await b.ask(limit(), 31)).granted == 0
    assert (await b.ask(limit(), 30)).granted == 30


async def test_a_debt_of_who_was_refused_is_not_lent_again(pair: tuple[Node, Node], truth: Truth) -> None:
    a, b = pair
    await b.ask(limit(), 100)
    assert isinstance(await a.question(limit(), 1), NeedRecall)
    a.authority.give_back("stranger", *KEY, -50)
    a.authority.give_back("a-w", *KEY, -30)
    read = truth.commit(KEY, 30)
    a.authority.ingested("a-w", [(*KEY, 30)], read=read)
    await a.authority.say()
    assert (await a.ask(limit(amount=200), 71)).granted == 0
    assert (await a.ask(limit(amount=200), 70)).granted == 70


async def test_words_out_of_order_do_not_bring_old_spend_back(pair: tuple[Node, Node], truth: Truth) -> None:
    a, b = pair
    await a.ask(limit(), 50)
    await b.ask(limit(), 50)
    first, second = truth.commit(KEY, 50), truth.commit(KEY, 50)
    b.authority.ingested("b-w", [(*KEY, 50)], read=second)
    await b.authority.say()
    a.authority.ingested("a-w", [(*KEY, 50)], read=first)
    await a.authority.say()
    refused = await a.ask(limit(), 1)
    assert (refused.granted, refused.used) == (0, 100)


async def test_a_correction_downwards_is_believed(pair: tuple[Node, Node], truth: Truth) -> None:
    a, b = pair
    truth.commit(KEY, 100)
    assert (await a.ask(limit(), 1)).granted == 0
    b.authority.learn(truth.commit(KEY, -100))
    await b.authority.say()
    assert (await a.ask(limit(), 100)).granted == 100


async def test_an_overrun_is_counted_once(pair: tuple[Node, Node], truth: Truth) -> None:
    a, b = pair
    await a.ask(limit(), 10)
    a.authority.ingested("a-w", [(*KEY, 15)], read=truth.commit(KEY, 15))
    await a.authority.say()
    assert (await b.ask(limit(), 86)).granted == 0
    # the debt of 5 is part of what the worker asks for, and is spent already
    assert (await a.ask(limit(), 91)).granted == 0
    assert (await a.ask(limit(), 90)).granted == 90
    assert (await b.ask(limit(), 1)).granted == 0


async def test_rates_slide_over_nodes(pair: tuple[Node, Node]) -> None:
    a, b = pair
    rate = limit("requests", 60, "60s")
    now = time.time()  # Redis judges by its own clock how much of the window before counts
    start = now - now % 60
    assert (await a.ask(rate, 40, now=start - 30)).granted == 40
    used = (await b.ask(rate, 1, now=now)).used
    assert 1 <= used <= 41
    assert (await b.ask(rate, 60, now=now)).granted == 0 or used == 1
    a.authority.gone("a-w")
    await a.authority.say()
    assert (await b.ask(rate, 1, now=now)).used >= 2


async def test_a_worker_that_is_gone_keeps_its_rates_and_frees_its_slots(pair: tuple[Node, Node]) -> None:
    a, b = pair
    slots, tokens = limit("parallel", 3), limit("tokens", 60, "24h")
    await a.ask(slots, 3)
    await a.ask(tokens, 50)
    assert (await b.ask(slots, 1)).granted == 0
    a.authority.gone("a-w")
    await a.authority.say()
    assert (await b.ask(slots, 3)).granted == 3
    assert (await b.ask(tokens, 11)).granted == 0


async def test_a_worker_that_comes_back_says_what_it_holds(pair: tuple[Node, Node]) -> None:
    a, b = pair
    await a.ask(limit(), 50)
    held = HeldLease(scope=KEY[0], window_start=0.0, amount=20, limit=limit())
    a.authority.hello("a-w", (held,), NOW)
    await a.authority.say()
    assert (await b.ask(limit(), 81)).granted == 0
    assert (await b.ask(limit(), 80)).granted == 80


async def test_without_redis_budgets_wait_and_rates_have_a_share(
    redis_server: RedisServer, pair: tuple[Node, Node]
) -> None:
    a, b = pair
    await a.ask(limit(), 10)
    redis_server.stop()
    refused = await a.ask(limit(), 1)
    assert (refused.granted, refused.reason) == (0, "unavailable")
    rate = limit("requests", 60, "24h")
    assert (await a.ask(rate, 30)).granted == 30
    assert (await a.ask(rate, 1)).reason == "exhausted"
    assert (await b.ask(rate, 30)).granted == 30


async def test_an_emptied_redis_is_filled_before_anything_is_granted(
    redis_server: RedisServer, pair: tuple[Node, Node], truth: Truth
) -> None:
    a, b = pair
    truth.commit(KEY, 20)
    await a.ask(limit(), 30)
    await b.ask(limit(), 40)
    redis_server.client().flushall()
    assert (await a.ask(limit(), 1)).reason == "recovering"
    await a.keeper.step()
    assert (await a.ask(limit(), 1)).reason == "recovering"  # b has not said what it holds
    await settle(b, a)
    assert (await a.ask(limit(), 11)).granted == 0
    assert (await a.ask(limit(), 10)).granted == 10


async def test_spend_told_to_nobody_in_an_emptied_redis_is_found_by_who_read_before(
    pair: tuple[Node, Node], truth: Truth, redis_server: RedisServer
) -> None:
    a, b = pair
    budget = limit()
    assert (await b.ask(budget, 1)).granted == 1
    b.authority.give_back("b-w", budget.scope, 0.0, 1, NOW)
    assert (await a.ask(budget, 60)).granted == 60
    redis_server.client().flushall()
    await b.keeper.step()  # begins anew, and reads that nothing is spent
    a.authority.ingested("a-w", [(budget.scope, 0.0, 60)], read=truth.commit((budget.scope, 0.0), 60))
    await settle(a, b)  # a holds nothing: there is no counter to say so to, nor what is spent
    assert (await b.ask(budget, 41)).granted == 0
    assert (await b.ask(budget, 40)).granted == 40


async def test_a_redis_that_starts_again_is_filled_too(
    redis_server: RedisServer, pair: tuple[Node, Node], truth: Truth
) -> None:
    a, b = pair
    await a.ask(limit(), 60)
    redis_server.stop()
    assert (await b.ask(limit(), 41)).granted == 0
    redis_server.start()
    await settle(a, b)
    assert (await b.ask(limit(), 41)).granted == 0
    assert (await b.ask(limit(), 40)).granted == 40


async def test_an_old_copy_of_redis_is_not_believed(
    redis_server: RedisServer, pair: tuple[Node, Node], truth: Truth
) -> None:
    """Its memory comes back from a file of before: the epoch is the same, the run is not."""
    a, b = pair
    client = redis_server.client()
    meta = client.hgetall("phantom:{test}:meta")
    await a.ask(limit(), 60)
    redis_server.stop()
    redis_server.start()
    redis_server.client().hset("phantom:{test}:meta", mapping=meta)
    assert (await b.ask(limit(), 41)).granted == 0
    await settle(a, b)
    assert (await b.ask(limit(), 41)).granted == 0
    assert (await b.ask(limit(), 40)).granted == 40


@pytest.mark.parametrize("kind", ["meta", "counter", "field"])
async def test_garbage_is_thrown_away_and_made_anew(
    redis_server: RedisServer, pair: tuple[Node, Node], truth: Truth, kind: str
) -> None:
    a, b = pair
    await a.ask(limit(), 60)
    client = redis_server.client()
    counter = next(client.scan_iter("*:c:*"))
    if kind == "meta":
        client.set("phantom:{test}:meta", "nonsense")
    elif kind == "counter":
        client.set(counter, "nonsense")
    else:
        client.hset(counter, "n:a", "nonsense")
    assert (await b.ask(limit(), 1)).granted == 0
    await b.keeper.step()
    await settle(a, b)
    assert (await b.ask(limit(), 41)).granted == 0
    assert (await b.ask(limit(), 40)).granted == 40


async def test_after_a_restart_of_control_what_was_said_stands_until_all_is_known(
    redis_server: RedisServer, pair: tuple[Node, Node], truth: Truth
) -> None:
    """Killed after a commit and before the word about it: neither the lease nor the spend is lost."""
    a, b = pair
    await a.ask(limit(), 60)
    truth.commit(KEY, 25)
    again = Node(redis_server, truth, "a", awaiting=("a-w",))
    await again.keeper.step()
    assert (await again.ask(limit(), 1)).reason == "recovering"
    assert (await b.ask(limit(), 41)).granted == 0
    held = HeldLease(scope=KEY[0], window_start=0.0, amount=35, limit=limit())
    again.authority.hello("a-w", (held,), NOW)
    await settle(again)
    assert (await b.ask(limit(), 41)).granted == 0
    assert (await b.ask(limit(), 40)).granted == 40
    await again.link.close()


async def test_what_a_former_life_held_is_given_up_when_its_journals_are_done(
    redis_server: RedisServer, pair: tuple[Node, Node], truth: Truth
) -> None:
    a, b = pair
    await a.ask(limit(), 60)
    truth.commit(KEY, 25)
    again = Node(redis_server, truth, "a", awaiting=("a-w",))
    await again.keeper.step()
    again.authority.gone("a-w")
    await settle(again)
    assert (await b.ask(limit(), 76)).granted == 0
    assert (await b.ask(limit(), 75)).granted == 75
    await again.link.close()


async def test_without_the_database_an_unknown_budget_is_not_granted(pair: tuple[Node, Node], truth: Truth) -> None:
    a, _ = pair
    truth.down = True
    with pytest.raises(TruthUnavailable):
        await a.ask(limit(), 1)
    truth.down = False
    assert (await a.ask(limit(), 1)).granted == 1
    truth.down = True
    assert (await a.ask(limit(), 1)).granted == 1  # known now


async def test_news_of_spend_outlive_a_database_that_does_not_answer(pair: tuple[Node, Node], truth: Truth) -> None:
    a, b = pair
    assert (await b.ask(limit(), 1)).granted == 1
    # spent on node a by calls that held nothing of it
    a.authority.ingested("a-w", [], [(*KEY, 60)], truth.commit(KEY, 60))
    other = Limit(scope="budget:key:other:", kind="budget", entity="key:other", amount=5, window="")
    a.authority.hello("a-w", (HeldLease(scope=other.scope, window_start=0.0, amount=1, limit=other),), NOW)
    truth.down = True
    with pytest.raises(TruthUnavailable):
        await a.authority.say()
    truth.down = False
    await a.authority.say()
    assert (await b.ask(limit(), 40)).granted == 0
    assert (await b.ask(limit(), 39)).granted == 39


async def test_amounts_beyond_what_lua_counts_are_capped(pair: tuple[Node, Node]) -> None:
    a, b = pair
    huge = limit(amount=2**62)
    assert (await a.ask(huge, 2**53 - 1)).granted == 2**53 - 1
    assert (await b.ask(huge, 1)).granted == 0


async def test_idle_counters_are_dropped_and_held_ones_renewed(pair: tuple[Node, Node]) -> None:
    a, _ = pair
    await a.ask(limit(), 1)
    assert a.authority.expire(NOW + 1000) == 1
    a.authority.give_back("a-w", *KEY, 1)
    await a.authority.say()
    assert a.authority.expire(NOW + 10_000) == 0
    assert a.authority.workers() == {"a-w"}


async def test_a_share_binds_when_all_nodes_together_saturate_the_model(pair: tuple[Node, Node]) -> None:
    entity = "priority:batch/model:m"
    whole = Limit(scope="requests:model:m:24h", kind="requests", entity="model:m", amount=20, window="24h")
    over = (Over(scope=whole.scope, amount=10),)
    share = Limit(scope=f"requests:{entity}:24h", kind="requests", entity=entity, amount=2, window="24h", over=over)
    for turn in range(12):
        node = pair[turn % 2]
        assert (await node.ask(whole, 1)).granted == 1
        assert (await node.ask(share, 1)).granted == (turn < 10)
    question = await pair[0].question(share, 1)
    assert isinstance(question, NeedRecall)
    assert question.scopes == (whole.scope,), "what is leased of the model and not used does not count"
    assert question.nodes == ("b",)
