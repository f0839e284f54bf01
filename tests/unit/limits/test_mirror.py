from __future__ import annotations

import math

from phantom_gateway.limits.mirror import DAY_MS, SILENT_MS, Mirror
from phantom_gateway.spine.messages import Limit, LimitKind

MINUTE = (1_800_000_000.0, 1_800_000_060.0)


def mirror(kind: LimitKind = "budget", bounds: tuple[float, float] = (0.0, math.inf)) -> Mirror:
    return Mirror(Limit(scope=f"{kind}:key:k:", kind=kind, entity="key:k", amount=100), bounds, 0.0)


def test_debts_do_not_lessen_what_others_hold() -> None:
    subject = mirror()
    subject.held = {"a": 10, "b": -4}
    assert subject.amount == 10
    assert subject.word().amount == 10


def test_what_the_dead_used_of_a_rate_stays() -> None:
    rate, budget = mirror("requests", MINUTE), mirror()
    for each in (rate, budget):
        each.held = {"a": 10, "b": 1}
        assert each.gone("a")
        assert not each.gone("a")
    assert (rate.amount, budget.amount) == (11, 1)


def test_the_newer_reading_counts() -> None:
    subject = mirror()
    for reading in ((5, 2), (3, 1), (9, 2), (1, 4)):
        subject.learn(reading)
    assert subject.spent == (1, 4)
    assert subject.word().spent == (1, 4)


def test_how_long_redis_keeps_what() -> None:
    assert mirror("requests", MINUTE).ttl_ms == 180_000
    assert mirror("parallel").ttl_ms > SILENT_MS
    assert mirror().ttl_ms > DAY_MS
    assert (mirror("tokens", MINUTE).dead_ms, mirror("parallel").dead_ms, mirror().dead_ms) == (0, SILENT_MS, DAY_MS)


def test_who_is_idle() -> None:
    rate, budget = mirror("requests", MINUTE), mirror()
    assert rate.slides
    assert not rate.idle(MINUTE[1] + 59, 60)
    assert rate.idle(MINUTE[1] + 60, 60)
    assert budget.idle(60, 60)
    budget.confirmed(5, 1.0)
    assert not budget.idle(60, 60)
    budget.confirmed(0, 1.0)
    budget.held = {"a": -1}
    assert not budget.idle(60, 60)
