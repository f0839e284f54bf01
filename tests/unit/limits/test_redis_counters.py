from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.support.servers import RedisServer

from phantom_gateway.config.redis_address import parse_redis_url
from phantom_gateway.limits.redis_counters import (
    EpochChanged,
    EpochClosed,
    RedisCounters,
    SpentUnknown,
    StaleWord,
    Taken,
    Wish,
    Word,
)
from phantom_gateway.limits.redis_link import LinkGarbage, RedisLink

KEY = ("budget:key:k:", 0.0)


@pytest.fixture
async def counters(redis_server: RedisServer) -> AsyncIterator[RedisCounters]:
    link = RedisLink(parse_redis_url(redis_server.url))
    yield RedisCounters(link, "i", "me")
    await link.close()


@pytest.fixture
async def epoch(counters: RedisCounters) -> str:
    await counters.begin("")
    state = await counters.state()
    assert state is not None
    assert not state.open
    await counters.open(state.epoch)
    return state.epoch


def word(amount: int | None = 0, spent: tuple[int, int] | None = (0, 0)) -> Word:
    return Word(key=KEY, amount=amount, spent=spent, ttl_ms=60_000)


def wish(need: int, **fields: Any) -> Wish:
    values: dict[str, Any] = {
        "need": need, "want": need, "debt": 0, "amount": 100, "kind": "budget", "sharers": 1, "dead_ms": 0,
        "window": (0.0, float("inf")), "before": 0.0,
    }  # fmt: skip
    return Wish(**values | fields)


async def take(counters: RedisCounters, epoch: str, seq: int, word: Word, wish: Wish) -> Taken:
    """As a node does: what is spent is read again where that is asked for."""
    try:
        return await counters.take(epoch, seq, word, wish)
    except SpentUnknown as unknown:
        return await counters.take(epoch, seq, word, wish, unknown.born)


async def test_an_epoch_begins_once_and_is_opened(counters: RedisCounters) -> None:
    assert await counters.state() is None
    await counters.begin("")
    first = await counters.state()
    await counters.begin("")  # somebody else was faster
    assert await counters.state() == first
    assert first is not None
    with pytest.raises(EpochClosed):
        await take(counters, first.epoch, 1, word(), wish(1))
    assert await counters.join(first.epoch) == {"me"}
    assert await counters.join("another") == frozenset()
    await counters.open("another")
    await counters.open(first.epoch)
    assert await take(counters, first.epoch, 1, word(), wish(1)) == Taken(1, 1, 0, 1, 0, ())
    await counters.begin(first.epoch)
    with pytest.raises(EpochChanged):
        await take(counters, first.epoch, 2, word(), wish(1))
    await counters.discard()
    assert await counters.state() is None


async def test_what_is_spent_has_to_be_known(counters: RedisCounters, epoch: str) -> None:
    with pytest.raises(SpentUnknown):
        await take(counters, epoch, 1, word(spent=None), wish(1))
    assert (await take(counters, epoch, 2, word(spent=(95, 3)), wish(6))).granted == 0
    assert (await take(counters, epoch, 3, word(spent=(10, 2)), wish(6))).granted == 0  # an older reading
    assert (await take(counters, epoch, 4, word(spent=None), wish(5))).used == 100


async def test_a_reading_from_before_the_counter_proves_nothing(counters: RedisCounters, epoch: str) -> None:
    other = RedisCounters(counters.link, "i", "other")
    await other.push(epoch, [(1, word(0, (100, 10)))])  # dropped: there is no counter
    with pytest.raises(SpentUnknown) as first:
        await counters.take(epoch, 1, word(spent=(0, 9)), wish(1))
    with pytest.raises(SpentUnknown) as again:
        await other.take(epoch, 2, word(spent=(0, 9)), wish(1), "another:life")
    assert again.value.born == first.value.born
    with pytest.raises(SpentUnknown):
        await counters.take(epoch, 2, word(spent=None), wish(1), first.value.born)
    await other.push(epoch, [(3, word(0, (100, 10)))])  # now it is heard, also before anybody is sure
    assert (await counters.take(epoch, 3, word(spent=(0, 9)), wish(1), first.value.born)).granted == 0
    assert (await other.take(epoch, 4, word(spent=(0, 9)), wish(1))).spent == 100


async def test_late_words_change_nothing(counters: RedisCounters, epoch: str) -> None:
    await take(counters, epoch, 10, word(), wish(60))
    with pytest.raises(StaleWord) as caught:
        await counters.push(epoch, [(9, word(0))])
    assert caught.value.seq == 10
    with pytest.raises(StaleWord):
        await take(counters, epoch, 10, word(), wish(1))
    other = RedisCounters(counters.link, "i", "other")
    assert await take(other, epoch, 1, word(), wish(41)) == Taken(0, 60, 0, 60, 0, ("me",))


async def test_what_is_said_is_found_again(counters: RedisCounters, epoch: str) -> None:
    await counters.push(epoch, [(1, word(7))])
    assert await counters.mine(epoch) == [KEY]
    await counters.push(epoch, [(2, word(0))])
    assert await counters.mine(epoch) == []
    await counters.push(epoch, [(3, word(None, (50, 9)))])
    assert (await take(counters, epoch, 4, word(spent=(0, 1)), wish(51))).granted == 0


async def test_nothing_is_made_for_nothing(counters: RedisCounters, epoch: str, redis_server: RedisServer) -> None:
    await counters.push(epoch, [(1, word(0)), (2, word(None, (5, 1)))])
    assert list(redis_server.client().scan_iter("*:c:*")) == []


async def test_silent_nodes_are_given_up(counters: RedisCounters, epoch: str, redis_server: RedisServer) -> None:
    await counters.push(epoch, [(1, word(60))])
    (counter,) = redis_server.client().scan_iter("*:c:*")
    redis_server.client().hset(counter, "n:me", "60:1:1000")
    other = RedisCounters(counters.link, "i", "other")
    assert (await take(other, epoch, 1, word(), wish(41))).granted == 0
    assert (await take(other, epoch, 2, word(), wish(41, dead_ms=1000))).granted == 41


async def test_a_debt_takes_nothing(counters: RedisCounters, epoch: str) -> None:
    assert await take(counters, epoch, 2, word(spent=(98, 1)), wish(7, debt=5)) == Taken(7, 100, 98, 2, 0, ())


async def test_nonsense_is_noticed(counters: RedisCounters, epoch: str, redis_server: RedisServer) -> None:
    await counters.push(epoch, [(1, word(7))])
    (counter,) = redis_server.client().scan_iter("*:c:*")
    for field, value in (("n:other", "x"), ("spent", "x"), ("n:me", "-5:1:1")):
        redis_server.client().hset(counter, field, value)
        with pytest.raises(LinkGarbage):
            await take(counters, epoch, 9, word(spent=None), wish(1))
        redis_server.client().hdel(counter, field)
