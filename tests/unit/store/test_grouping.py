from __future__ import annotations

from tests.unit.store.samples import closed

from phantom_gateway.ledger.usage import Usage
from phantom_gateway.store.grouping import CALLED, OWNED, WIDTH, grouped, owned
from phantom_gateway.store.rollup_tables import HOUR_US, METRICS
from phantom_gateway.store.spread import FIRSTS

HOUR_NS = HOUR_US * 1000


def test_records_alike_in_everything_that_is_summed_by_are_one_group() -> None:
    usage = Usage(input=1, output=2, reasoning=3, cache_read=4, source="provider")
    same = [closed(n, at_ns=HOUR_NS + n, cost=n, usage=usage, duration_us=10, ttft_us=5) for n in (1, 2)]
    others = [
        closed(3, at_ns=2 * HOUR_NS, cost=3, status="failure", cache_hit=True),
        closed(4, at_ns=HOUR_NS, cost=4, end_user="c"),
        closed(5, at_ns=HOUR_NS, cost=5, tags=("x",)),
    ]
    found = grouped([*same, *others])
    assert len(found) == 4
    (hour, fields), (sums, bins) = next(iter(found.items()))
    assert (hour, len(fields)) == (1, OWNED + len(CALLED))
    named = dict(zip(METRICS, sums, strict=False))
    assert (named["requests"], named["successes"], named["failures"], named["cost_nano"]) == (2, 2, 0, 3)
    assert (named["input"], named["output"], named["reasoning"], named["cache_read"]) == (2, 4, 6, 8)
    assert (named["duration_us"], named["ttft_us"], named["timed"], named["uncounted"]) == (20, 10, 2, 0)
    assert sums[WIDTH] == HOUR_NS + 2 + 10_000
    assert bins == {0: 2, FIRSTS: 2}
    assert (named["cost_input"], named["cost_cache_read"], named["saved_nano"]) == (3, 0, 0)
    assert [(amount, requests) for _, amount, requests, _ in owned(found)] == [(3, 2), (3, 1), (4, 1), (5, 1)]


def test_what_failed_was_cached_or_not_counted_is_told() -> None:
    ((_, (sums, bins)),) = grouped([closed(1, status="failure", cache_hit=True, usage=Usage(), ttft_us=None)]).items()
    named = dict(zip(METRICS, sums, strict=False))
    assert (named["failures"], named["cache_hits"], named["uncounted"], named["timed"]) == (1, 1, 1, 0)
    assert bins == {}
