from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.usage.what_if import repriced, what_if
from phantom_gateway.ledger.money import MILLION, NANO, cost
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.spine.snapshot import Prices, PriceTier
from phantom_gateway.store.rollups import Metrics, Sum

PRICES = Prices(version="t", input=2 * NANO, output=10 * NANO, cache_read=NANO // 5, request=7)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6)), max_size=20))
def test_the_same_model_costs_the_same_but_for_rounding(calls: list[tuple[int, int, int]]) -> None:
    each = [cost(Usage(input=a, cache_read=b, output=c), PRICES).total for a, b, c in calls]
    sums = [sum(column) for column in zip(*calls, strict=True)] or [0, 0, 0]
    found = Metrics(successes=len(calls), input=sums[0], cache_read=sums[1], output=sums[2])
    assert abs(repriced(found, PRICES) - sum(each)) <= len(calls)


def test_what_came_from_the_cache_or_failed_pays_no_request() -> None:
    assert repriced(Metrics(requests=9, successes=5, cache_hits=2), PRICES) == 21
    tiered = Prices(version="t", input=MILLION, tiers=(PriceTier(above=10, prices=Prices(input=9 * MILLION)),))
    assert repriced(Metrics(input=1_000_000), tiered) == 1_000_000, "prices of short inputs"


def test_models_are_told_apart_and_add_up() -> None:
    sums = [
        Sum(("a",), Metrics(requests=1, successes=1, input=1_000_000, cost_nano=NANO)),
        Sum(("b",), Metrics(requests=1, successes=1, output=1_000_000, cost_nano=NANO)),
        Sum(("refused",), Metrics(requests=5, failures=5)),
    ]
    found = what_if(sums, PRICES)
    assert [each["model"] for each in found["groups"]] == ["a", "b"]
    assert found["spend"] == 2.0
    assert found["spend_then"] == sum(each["spend_then"] for each in found["groups"])
    assert round(found["spend_then"], 6) == 12.0
