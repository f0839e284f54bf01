"""How one of several is chosen: shares as exact counts, drawn from a seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.test_table import deployment, table

from phantom_gateway.gateway.strategies import (
    STRATEGIES,
    Wanted,
    least_busy,
    lowest_cost,
    lowest_latency,
    most_headroom,
    simple_shuffle,
    stick,
)
from phantom_gateway.gateway.table import Target
from phantom_gateway.spine.snapshot import Prices

NOW = Wanted(now=0.0, tokens_in=100, tokens_out=50)


def targets(*fields: dict[str, Any]) -> Sequence[Target]:
    """Deployments ``a``, ``b``, ... of one group."""
    return table(*(deployment(chr(97 + n), **each) for n, each in enumerate(fields))).groups["g"].targets


def drawn(choose: Callable[[random.Random], Target], count: int = 4000) -> Counter[str]:
    """Whom ``count`` choices from one seed fall on."""
    draw = random.Random(7)
    return Counter(choose(draw).id for _ in range(count))


def test_shares_follow_the_weights() -> None:
    some = targets({"weight": 3.0}, {"weight": 1.0}, {"weight": 0.0})
    assert drawn(lambda draw: simple_shuffle(some, draw, NOW)) == {"a": 2989, "b": 1011}
    none = targets({"weight": 0.0}, {"weight": 0.0})
    assert drawn(lambda draw: simple_shuffle(none, draw, NOW)).keys() == {"a", "b"}
    assert simple_shuffle(some[2:], random.Random(1), NOW).id == "c"


def test_the_least_busy_is_chosen_and_equals_share_by_weight() -> None:
    some = targets({}, {}, {"weight": 3.0})
    some[0].health.in_flight = 5
    some[1].health.in_flight = some[2].health.in_flight = 2
    found = drawn(lambda draw: least_busy(some, draw, NOW))
    assert found == {"c": 2962, "b": 1038}


def test_requests_that_end_at_the_same_time_are_spread_evenly_by_least_busy() -> None:
    some, draw = targets({}, {}, {}), random.Random(7)
    for _ in range(300):
        least_busy(some, draw, NOW).health.in_flight += 1
    assert [target.health.in_flight for target in some] == [100, 100, 100]


def test_the_faster_of_two_is_chosen() -> None:
    some = targets({}, {}, {})
    for target, seconds in zip(some, (0.1, 1.0, 5.0), strict=True):
        target.health.took(seconds, 0.0)
    found = drawn(lambda draw: lowest_latency(some, draw, NOW))
    # the fastest wins both of its pairs of three, the slowest none
    assert found == {"a": 2709, "b": 1291}
    some[0].health.in_flight = 99
    assert drawn(lambda draw: lowest_latency(some, draw, NOW)).keys() == {"b", "c"}


def test_the_one_with_the_most_headroom_is_chosen() -> None:
    some = targets({"rpm": 10}, {"rpm": 100}, {"rpm": 10, "tpm": 1000})
    order = []
    for _ in range(110):
        chosen = most_headroom(some, random.Random(7), NOW)
        chosen.health.use.add(0.0, 1, 90)
        order.append(chosen.id)
    found = Counter(order)
    assert found["a"] + found["b"] + found["c"] == 110
    assert found["a"] in (9, 10), "ten times smaller, a tenth of the share"
    assert found["c"] in (8, 9), "its tokens are used up before its requests"
    assert set(order[:3]) <= {"b"}, "where one request more is the smallest share"


def test_who_has_no_limit_always_has_room_and_equals_share_by_tokens() -> None:
    some = targets({"rpm": 10}, {}, {})
    some[1].health.use.add(0.0, 1, 500)
    assert drawn(lambda draw: most_headroom(some, draw, NOW), 50) == {"c": 50}


def test_the_cheapest_is_chosen_for_this_request() -> None:
    some = targets(
        {"prices": Prices(input=1_000, output=10_000)},
        {"prices": Prices(input=5_000, output=1_000)},
        {"prices": Prices(input=1_000, output=1_000, request=9)},
    )
    draw = random.Random(7)
    long, chatty = Wanted(0.0, tokens_in=10_000, tokens_out=1), Wanted(0.0, tokens_in=1, tokens_out=10_000)
    assert [lowest_cost(some, draw, each).id for each in (long, chatty)] == ["a", "b"]
    huge = Wanted(0.0, tokens_in=10**8, tokens_out=10**8)
    assert lowest_cost(some, draw, huge).id == "c"


def test_a_wildcard_without_a_known_price_counts_as_dear() -> None:
    from phantom_gateway.gateway.table import Table
    from phantom_gateway.spine.snapshot import PricedModel, Snapshot

    known = {"openai": {"known": PricedModel(prices=Prices(input=9))}}
    wild = deployment("a", "w/*", model="*")
    routes = Table(Snapshot(revision=1, deployments=(wild,), price_lists=known))
    other = targets({}, {"prices": Prices(input=10**9)})[1]
    both = [routes.groups["w/*"].targets[0], other]
    assert lowest_cost(both, random.Random(1), NOW._replace(model="w/unheard-of")).id == "b"
    assert lowest_cost(both, random.Random(1), NOW._replace(model="w/known")).id == "a"


@pytest.mark.parametrize("name", STRATEGIES)
@given(count=st.integers(1, 5), weights=st.lists(st.floats(0, 10), min_size=5, max_size=5), seed=st.integers(0, 99))
def test_every_strategy_chooses_a_candidate(name: str, count: int, weights: list[float], seed: int) -> None:
    some = targets(*({"weight": weight} for weight in weights[:count]))
    assert STRATEGIES[name](some, random.Random(seed), NOW) in some


def test_the_same_identity_sticks_and_identities_share_by_weight() -> None:
    some = targets({"weight": 3.0}, {"weight": 1.0}, {"weight": 0.0})
    found = Counter(stick(some, b"conversation %d" % n).id for n in range(4000))
    assert found == {"a": 2991, "b": 1009}
    assert {stick(some[::-1], b"x").id for _ in range(5)} == {stick(some, b"x").id}


def test_when_one_rests_only_what_went_there_moves() -> None:
    some = targets({}, {}, {})
    for n in range(500):
        before = stick(some, b"%d" % n)
        rest = [target for target in some if target.id != "b"]
        after = stick(rest, b"%d" % n)
        assert (after is before) == (before.id != "b")
