"""The store in memory, against a model of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.gateway.caching.entry import Entry
from phantom_gateway.gateway.caching.memory import MemoryStore
from phantom_gateway.ledger.usage import Usage

LARGE = 1 << 30


def entry(until: float = 100.0, size: int = 10) -> Entry:
    return Entry(at=0.0, until=until, deployment_id="d", upstream_model="m", usage=Usage(), cost=0, body=b"x" * size)


async def test_least_recently_used_goes_first() -> None:
    store = MemoryStore(LARGE, 2)
    for name in ("a", "b"):
        store.put(name, entry(), 1.0)
    assert await store.get("a", 1.0) is not None
    store.put("c", entry(), 1.0)
    assert [await store.get(name, 1.0) is not None for name in "abc"] == [True, False, True]


async def test_time_goes_by() -> None:
    store = MemoryStore(LARGE, 10)
    store.put("a", entry(until=5.0), 1.0)
    assert await store.get("a", 4.9) is not None
    assert await store.get("a", 5.0) is None
    assert (len(store), store.size) == (0, 0)
    store.put("b", entry(until=5.0), 6.0)
    store.put("c", entry(until=5.0), 1.0)
    store.sweep(5.0)
    assert (len(store), store.size) == (0, 0)


async def test_too_large_for_all_of_it() -> None:
    store = MemoryStore(3000, 10)
    store.put("a", entry(size=100), 1.0)
    store.put("b", entry(size=4000), 1.0)
    assert await store.get("a", 1.0) is not None
    assert await store.get("b", 1.0) is None


async def test_other_bounds() -> None:
    store = MemoryStore(LARGE, 10)
    for name in "abcde":
        store.put(name, entry(), 1.0)
    store.resize(LARGE, 2)
    assert [await store.get(name, 1.0) is not None for name in "abcde"] == [False, False, False, True, True]
    store.resize(0, 2)
    assert store.size == 0


_STEP = st.tuples(st.sampled_from("pgfcs"), st.sampled_from("abcdef"), st.integers(0, 3000), st.integers(1, 20))


@given(st.lists(_STEP, max_size=60), st.integers(0, 10_000), st.integers(0, 5))
async def test_within_its_bounds(steps: list[tuple[str, str, int, int]], max_bytes: int, max_entries: int) -> None:
    store, known = MemoryStore(max_bytes, max_entries), dict[str, Entry]()
    for now, (kind, name, size, lives) in enumerate(steps):
        if kind == "p":
            known[name] = entry(until=float(now + lives), size=size)
            store.put(name, known[name], now)
        elif kind == "g":
            found = await store.get(name, now)
            assert found is None or (found is known[name] and found.until > now)
        elif kind == "f":
            store.forget([name])
            assert await store.get(name, now) is None
        elif kind == "c":
            store.clear()
        else:
            store.sweep(now)
        assert len(store) <= max_entries
        assert 0 <= store.size <= max_bytes
        assert (store.size == 0) == (len(store) == 0)
    await store.close()
    assert len(store) == 0
