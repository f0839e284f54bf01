from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.gateway import headers
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.ledger.money import Cost
from phantom_gateway.limits.plan import Plan, PlannedReservation
from phantom_gateway.limits.slices import NEVER, Registry, Reservation, Slice
from phantom_gateway.spine.messages import Limit
from phantom_gateway.wire.message import check_block

NOW = 1_800_000_000.0


def parsed(block: bytes) -> dict[str, str]:
    check_block(block)
    pairs = (line.partition(": ") for line in block.decode("ascii").splitlines())
    return {name: value for name, _, value in pairs}


@given(st.integers(-(10**18), 10**18))
def test_dollars_are_exact(nano: int) -> None:
    assert Decimal(headers.usd(nano).decode()) == Decimal(nano) / 10**9


def test_the_cost_of_an_answer() -> None:
    cost = Cost(total=1_500_000_001, input=500_000_001, output=1_000_000_000)
    assert parsed(headers.of_cost(cost)) == {
        "x-litellm-response-cost": "1.500000001",
        "x-litellm-response-cost-input": "0.500000001",
        "x-litellm-response-cost-output": "1.000000000",
    }
    more = parsed(headers.of_cost(cost._replace(cache_read=1, reasoning=2)))
    assert more["x-litellm-response-cost-cache-read"] == "0.000000001"
    assert more["x-litellm-response-cost-cache-creation"] == "0.000000000"
    assert more["x-litellm-response-cost-reasoning"] == "0.000000002"


def piece(
    kind: Any, amount: int, free: int, end: float = NOW + 30.4, entity: str = "key:x", window: str = "60s"
) -> Slice:
    """A slice of a limit of ``amount``: ``free`` here and 3 at the authority."""
    window = "" if kind == "parallel" else window
    made = Slice(Limit(scope=kind, kind=kind, entity=entity, amount=amount, window=window), NOW, end, NOW)
    made.free, made.remaining = free, 3
    return made


def test_what_a_key_may_still_do() -> None:
    slices = [piece("requests", 9, 2), piece("tokens", 900, 97), piece("parallel", 3, 1)]
    slices += [piece("budget", 2_000_000_000, 500_000_000, NEVER), piece("budget", 7, 7, window="1d")]
    for _ in range(2):
        found = parsed(headers.of_limits(slices, NOW))
        assert found == {
            "x-ratelimit-limit-requests": "9",
            "x-ratelimit-remaining-requests": "5",
            "x-ratelimit-reset-requests": "60",
            "x-ratelimit-api_key-limit-requests": "9",
            "x-ratelimit-api_key-remaining-requests": "5",
            "x-litellm-key-rpm-limit": "9",
            "x-ratelimit-limit-tokens": "900",
            "x-ratelimit-remaining-tokens": "100",
            "x-ratelimit-reset-tokens": "60",
            "x-ratelimit-api_key-limit-tokens": "900",
            "x-ratelimit-api_key-remaining-tokens": "100",
            "x-litellm-key-tpm-limit": "900",
            "x-litellm-key-spend": "1.499999997",
            "x-litellm-key-max-budget": "2.000000000",
        }


@pytest.mark.parametrize(
    ("entity", "name"),
    [
        ("team:t", "team"),
        ("user:u", "user"),
        ("member:t/u", "team_member"),
        ("customer:c", "end_user"),
        ("org:o", "organization"),
        ("key:k/model:gpt", "model_per_key"),
    ],
)
def test_the_tightest_limit_is_told_and_each_by_its_entity(entity: str, name: str) -> None:
    slices = [piece("requests", 9, 2), piece("requests", 7, -2, entity=entity), piece("budget", 5, 5, entity=entity)]
    found = parsed(headers.of_limits(slices, NOW))
    assert (found["x-ratelimit-limit-requests"], found["x-ratelimit-remaining-requests"]) == ("7", "1")
    assert found[f"x-ratelimit-{name}-limit-requests"] == "7"
    assert found[f"x-ratelimit-{name}-remaining-requests"] == "1"
    assert found["x-ratelimit-api_key-remaining-requests"] == "5"
    assert not [name for name in found if "budget" in name or "spend" in name]


def test_what_has_no_name_at_litellm_counts_for_the_tightest_only() -> None:
    slices = [
        piece("requests", 9, 2, entity="tag:t"),
        piece("tokens", 90, 1, window="24h"),
        piece("tokens", 80, 2, entity="team:t/model:m"),
    ]
    assert parsed(headers.of_limits(slices, NOW)) == {
        "x-ratelimit-limit-requests": "9",
        "x-ratelimit-remaining-requests": "5",
        "x-ratelimit-reset-requests": "60",
        "x-ratelimit-limit-tokens": "90",
        "x-ratelimit-remaining-tokens": "4",
        "x-ratelimit-reset-tokens": "60",
    }


def test_a_debt_is_nothing_left() -> None:
    found = parsed(headers.of_limits([piece("tokens", 900, -50, NEVER)], NOW))
    assert (found["x-ratelimit-remaining-tokens"], found["x-ratelimit-reset-tokens"]) == ("0", "0")
    assert headers.of_limits([], NOW) == b""


def many_limits() -> list[Slice]:
    slices = [piece("parallel", 99, 50), piece("requests", 10**9, 10**6), piece("tokens", 10**9, 10**6)]
    slices += [piece("budget", 10**9, 10**7, NEVER), piece("budget", 10**9, 10**7, NEVER, entity="key:x/model:m")]
    for number, entity in enumerate(("team:t", "user:u", "org:o", "tag:t", "key:k/model:gpt")):
        slices += [
            piece("requests", 10**9 + number, 10**6, entity=entity),
            piece("tokens", 10**9, 10**6, entity=entity),
        ]
        slices += [piece("tokens", 10**9, 10**6, window="24h", entity=entity), piece("budget", 7, 10**7, entity=entity)]
    for number, each in enumerate(slices):
        each.remaining = 10**8 + number * 7 % 11
    return slices


def planned(slices: list[Slice]) -> PlannedReservation:
    """A reservation of a plan that has a stock."""
    plan = Plan(tuple(each.limit for each in slices), slices)
    for _ in range(2):
        assert plan.take(100, 1000, NOW)
    assert plan.stocked
    return PlannedReservation(plan, 100, 1000, Registry(), None, NOW)


def test_with_a_stock_the_same_is_shown() -> None:
    slices = many_limits()
    reservation = planned(slices)
    plan = reservation.plan
    for _ in range(3):
        shown = parsed(headers.of_reservation(reservation, NOW))
        assert plan.unstock()
        assert shown == parsed(headers.of_limits(slices, NOW)) == parsed(headers.of_reservation(reservation, NOW))
        assert len(shown) > 20
        for _ in range(3):
            assert plan.take(70, 500, NOW)
        assert plan.stocked


def test_the_tightest_is_found_beside_a_stock() -> None:
    slices = many_limits()
    tight, tighter = slices[5], slices[9]
    tight.remaining, tight.free = 0, 30
    tighter.remaining, tighter.free = 0, 20
    reservation = planned(slices)
    plan = reservation.plan
    assert not {tight, tighter} & plan.pooled()
    for _ in range(3):
        shown = parsed(headers.of_reservation(reservation, NOW))
        assert (shown["x-ratelimit-limit-requests"], shown["x-ratelimit-remaining-requests"]) == (
            str(tighter.limit.amount),
            str(tighter.free),
        )
        assert plan.take(70, 500, NOW)
    tight.free = -3
    shown = parsed(headers.of_reservation(reservation, NOW))
    assert shown["x-ratelimit-remaining-requests"] == "0"


def test_a_plain_reservation_is_shown_as_it_is() -> None:
    slices = many_limits()
    reservation = Reservation(slices, [1] * len(slices), Registry(), None, NOW)
    assert headers.of_reservation(reservation, NOW) == headers.of_limits(slices, NOW)


def test_what_the_provider_says_is_prefixed_and_chosen() -> None:
    block = headers.of_upstream(
        [(b"x-ratelimit-remaining-requests", b"7"), (b"x-request-id", b"r"), (b"set-cookie", b"no"), (b"server", b"no")]
    )
    assert parsed(block) == {"llm_provider-x-ratelimit-remaining-requests": "7", "llm_provider-x-request-id": "r"}


@pytest.mark.parametrize("value", ["gpt-4o", "openai/gpt 4", "модель", "a\r\nset-cookie: x", "\0", "名\u2028"])
def test_a_name_never_leaves_its_line(value: str) -> None:
    check_block(b"x: " + headers.text(value) + b"\r\n")


@given(st.text(max_size=50))
def test_no_name_at_all_leaves_its_line(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        return
    rendered = headers.text(value)
    check_block(b"x: " + rendered + b"\r\n")
    assert rendered.isascii()


def test_of_an_error() -> None:
    error = ApiError(503, "x", "y", headers=((b"retry-after", b"3"),))
    found = parsed(headers.of_error(error, "call-1"))
    assert found["retry-after"] == "3"
    assert found["x-litellm-call-id"] == "call-1"
    assert found["content-type"] == "application/json"
    assert found["cache-control"] == "no-store"
    assert "x-litellm-call-id" not in parsed(headers.of_error(error))


def test_streams_are_not_buffered_on_their_way() -> None:
    found = parsed(headers.STREAM)
    assert found["content-type"].startswith("text/event-stream")
    assert found["x-accel-buffering"] == "no"
    assert found["cache-control"] == "no-cache, no-store"


def test_of_anthropics_headers_the_callers_version_and_both_sides_features_go_on() -> None:
    caller = {b"anthropic-version": b"2024-01-01", b"anthropic-beta": b"a,b", b"x-other": b"x"}
    own = {"anthropic-version": "2023-06-01", "anthropic-beta": "c"}
    assert headers.forwarded(caller, own) == b"anthropic-version: 2024-01-01\r\nanthropic-beta: c,a,b\r\n"
    assert headers.forwarded({}, own) == b"anthropic-version: 2023-06-01\r\nanthropic-beta: c\r\n"
    assert headers.forwarded({}, {}) == b""


def test_anthropics_limits_and_ids_are_passed_on() -> None:
    block = headers.of_upstream(
        [(b"anthropic-ratelimit-requests-limit", b"5"), (b"request-id", b"req_1"), (b"cf-ray", b"x")]
    )
    assert block == b"llm_provider-anthropic-ratelimit-requests-limit: 5\r\nllm_provider-request-id: req_1\r\n"
