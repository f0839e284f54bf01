"""The circuit, the latency and the use of a deployment, on a clock of the test's own."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.gateway.health import DECAY_S, MAX_REMEMBERED, MAX_STRETCH, PENALTY_S, Health, Use


def test_it_rests_after_more_than_the_allowed_failures_and_never_shortens() -> None:
    health = Health()
    for _ in range(3):
        health.failed(10.0, allowed=3, cooldown_s=5.0)
    assert (health.cooldown_until, health.state(10.0)) == (0.0, "closed")
    health.failed(10.0, allowed=3, cooldown_s=5.0)
    assert (health.cooldown_until, health.state(10.0)) == (15.0, "open")
    health.rest(11.0, 1.0)
    assert health.cooldown_until == 15.0
    assert health.state(15.0) == "half_open"
    health.succeeded()
    assert (health.fails, health.state(15.0)) == (0, "closed")


def test_a_failing_probe_opens_it_again_for_twice_as_long_up_to_a_bound() -> None:
    health, now, lengths = Health(), 0.0, []
    for _ in range(7):
        health.failed(now, allowed=0, cooldown_s=5.0)
        lengths.append(health.cooldown_until - now)
        now = health.cooldown_until
    assert lengths == [5.0, 10.0, 20.0, 40.0, 40.0, 40.0, 40.0]
    assert lengths[-1] == 5.0 * MAX_STRETCH
    health.succeeded()
    health.failed(now, allowed=0, cooldown_s=5.0)
    assert health.cooldown_until - now == 5.0


def test_one_failure_of_a_probe_is_enough_whatever_is_allowed() -> None:
    health = Health()
    for _ in range(4):
        health.failed(0.0, allowed=3, cooldown_s=5.0)
    health.failed(6.0, allowed=3, cooldown_s=5.0)
    assert health.cooldown_until == 16.0


def test_what_was_under_way_when_it_opened_does_not_open_it_further() -> None:
    health = Health()
    for _ in range(20):
        health.failed(1.0, allowed=0, cooldown_s=5.0)
    assert (health.cooldown_until, health.trips) == (6.0, 1)


def test_kinds_of_failures_may_be_counted_by_themselves() -> None:
    health = Health()
    health.failed(0.0, allowed=2, cooldown_s=5.0)
    for _ in range(5):
        health.failed(0.0, allowed=5, cooldown_s=5.0, kind="RateLimit", counted_alone=True)
    assert health.state(0.0) == "closed"
    health.failed(0.0, allowed=2, cooldown_s=5.0)
    assert health.state(0.0) == "closed", "two of the others are allowed"
    health.failed(0.0, allowed=5, cooldown_s=5.0, kind="RateLimit", counted_alone=True)
    assert (health.state(0.0), health.last_fault) == ("open", "RateLimit")


def test_without_a_cooldown_nothing_opens() -> None:
    health = Health()
    for _ in range(9):
        health.failed(0.0, allowed=0, cooldown_s=0.0)
    assert (health.state(0.0), health.failures) == ("closed", 9)


def test_a_rest_that_was_asked_for_is_no_trip() -> None:
    health = Health()
    health.rest(0.0, 3.0)
    assert [health.state(2.0), health.state(3.0)] == ["resting", "closed"]


@given(st.lists(st.tuples(st.sampled_from(("failed", "succeeded", "rest")), st.floats(0, 100)), max_size=60))
def test_the_end_of_a_rest_never_moves_back(steps: list[tuple[str, float]]) -> None:
    health, now, before = Health(), 0.0, 0.0
    for what, seconds in steps:
        now += seconds
        if what == "failed":
            health.failed(now, allowed=1, cooldown_s=5.0)
        elif what == "rest":
            health.rest(now, seconds)
        else:
            health.succeeded()
        assert health.cooldown_until >= before
        before = health.cooldown_until


def test_a_peak_counts_at_once_and_fades() -> None:
    health = Health()
    health.took(0.1, 0.0)
    health.took(2.0, 1.0)
    assert health.latency_s == 2.0
    health.took(0.1, 1.0 + DECAY_S)
    assert health.latency_s == pytest.approx(2.0 / math.e + 0.1 * (1 - 1 / math.e))
    assert health.load(1.0 + DECAY_S) == pytest.approx(health.latency_s)
    health.in_flight = 3
    assert health.load(1.0 + 2 * DECAY_S) == pytest.approx(4 * health.latency_s / math.e)


def test_who_was_never_measured_is_tried_by_one_request_at_a_time() -> None:
    health = Health()
    assert health.load(0.0) == 0.0
    health.in_flight = 1
    assert health.load(0.0) > PENALTY_S


def test_use_of_the_last_minute() -> None:
    use = Use()
    use.add(0.0, 1, 100)
    use.add(30.0, 1, 50)
    assert use.figures(59.0) == (2, 150)
    assert use.figures(90.0) == (1.0, 75.0), "half of the window before still counts"
    use.add(90.0, 1, 10)
    assert use.figures(120.0) == (1.0, 10.0)
    assert use.figures(1000.0) == (0.0, 0.0)
    use.add(1000.0, 0, -500)
    assert use.figures(1000.0)[1] == 0.0, "a correction does not make room that never was"


def test_the_models_of_a_wildcard_are_known_by_themselves_and_counted_together() -> None:
    whole = Health()
    assert whole.total() is whole
    one, other = whole.of("one"), whole.of("other")
    assert one.use is other.use is whole.use
    one.requests = other.requests = 2
    one.in_flight = 1
    one.failed(0.0, allowed=0, cooldown_s=5.0, kind="Timeout")
    assert (one.state(1.0), other.state(1.0), whole.total().state(1.0)) == ("open", "closed", "closed")
    other.failed(0.0, allowed=0, cooldown_s=3.0)
    total = whole.total()
    assert (total.requests, total.failures, total.in_flight, total.fails) == (4, 2, 1, 1)
    assert (total.state(1.0), total.cooldown_until) == ("open", 3.0)
    assert (total.state(4.0), whole.total().state(6.0)) == ("half_open", "half_open")


def test_names_that_callers_choose_take_a_bounded_room_and_what_they_did_stays_counted() -> None:
    whole = Health()
    for number in range(3 * MAX_REMEMBERED):
        whole.of(f"m{number}").requests += 1
        whole.of("asked-often").requests += 1
    assert len(whole.models) == MAX_REMEMBERED
    assert "asked-often" in whole.models
    assert whole.total().requests == 6 * MAX_REMEMBERED


def test_invented_names_close_no_circuit_and_forget_nothing_under_way() -> None:
    whole = Health()
    whole.of("open").failed(0.0, allowed=0, cooldown_s=5.0)
    whole.of("resting").rest(math.inf, 1.0)
    whole.of("busy").in_flight = 1
    for number in range(3 * MAX_REMEMBERED):
        whole.of(f"m{number}")
    assert list(whole.models)[:3] == ["open", "resting", "busy"]
    whole.of("open").succeeded()
    whole.models["busy"].in_flight = 0
    for number in range(MAX_REMEMBERED):
        whole.of(f"n{number}")
    assert "open" not in whole.models
    assert "busy" not in whole.models


def test_circuits_that_callers_open_take_a_bounded_room_too() -> None:
    whole = Health()
    for number in range(2 * MAX_REMEMBERED):
        whole.of(f"m{number}").failed(0.0, allowed=0, cooldown_s=5.0)
    assert list(whole.models) == [f"m{number}" for number in range(MAX_REMEMBERED, 2 * MAX_REMEMBERED)]
