from __future__ import annotations

from phantom_gateway.gateway.meter import BUCKETS_S, Meter


def test_one_series_per_group_and_outcome() -> None:
    meter = Meter()
    first = meter.closed("gpt", "success", 0.02, 1500)
    assert meter.closed("gpt", "success", 0.3, 500) is first
    meter.closed("gpt", "failure", 1.0, 0)
    meter.closed("other", "success", 1.0, 0)
    assert meter.series.keys() == {("gpt", "success"), ("gpt", "failure"), ("other", "success")}
    assert (first.count, first.cost_nano) == (2, 2000)
    assert abs(first.seconds - 0.32) < 1e-9


def test_buckets_hold_what_is_at_most_their_bound() -> None:
    meter = Meter()
    for seconds in (0.0, BUCKETS_S[0], BUCKETS_S[0] + 1e-9, BUCKETS_S[-1], BUCKETS_S[-1] + 1, 1e9):
        meter.closed("g", "success", seconds, 0)
    series = meter.series["g", "success"]
    assert series.buckets[0] == 2
    assert series.buckets[1] == 1
    assert series.buckets[len(BUCKETS_S) - 1] == 1
    assert series.buckets[len(BUCKETS_S)] == 2
    assert sum(series.buckets) == series.count == 6
