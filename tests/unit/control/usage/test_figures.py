from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.usage import figures
from phantom_gateway.store.rollups import Metrics, Sum
from phantom_gateway.store.spread import Spread


def test_costs_and_classes_add_up() -> None:
    found = Metrics(
        requests=4, cost_nano=10_000_000_000, cost_input=3_000_000_000, cost_cache_read=1_000_000_000, input=300,
        cache_read=1_000, output=50, duration_us=8_000_000, saved_nano=2_000_000_000, cache_hits=1,
    )  # fmt: skip
    shown = figures.figures(found, Spread({40: 4}, {}))
    assert sum(shown["costs"].values()) == shown["spend"] == 10.0
    assert shown["tokens"] == sum(shown["classes"].values()) == 1350
    assert (shown["saved_by_cache"], shown["saved_by_providers"], shown["mean_ms"]) == (2.0, 9.0, 2_000)
    assert 860 < shown["p50_ms"] < shown["p95_ms"] < 1_024
    assert (shown["first_p50_ms"], figures.figures(found, None)["p50_ms"]) == (None, None)


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**12))
def test_free_cached_input_saves_at_most_what_it_would_have_cost(given_in: int, read: int, paid: int) -> None:
    saved = figures.saved_by_providers(Metrics(input=given_in, cache_read=read, cost_input=paid))
    assert saved >= 0
    assert saved * max(given_in, 1) <= read * paid


def test_each_day_has_its_place() -> None:
    days = [Sum((), Metrics(requests=2, cost_nano=10**9), 12), Sum((), Metrics(failures=1), 14)]
    assert figures.by_day(days, 11, 14) == {
        "spend": [0, 1.0, 0, 0], "requests": [0, 2, 0, 0], "tokens": [0, 0, 0, 0], "failures": [0, 0, 0, 1],
    }  # fmt: skip
