from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.gateway.refusal import refusal, shown
from phantom_gateway.limits.errors import LimitExceeded
from phantom_gateway.spine.messages import LeaseGrant, Limit, LimitKind

USD = 1_000_000_000
NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("entity", "text"),
    [
        ("key:" + "ab" * 32, "key:abababab..."),
        ("key:" + "ab" * 32 + "/model:gpt", "key:abababab.../model:gpt"),
        ("key:short", "key:short"),
        ("team:a-team-with-a-long-name", "team:a-team-with-a-long-name"),
        ("member:t/u", "member:t/u"),
        ("gateway", "gateway"),
    ],
)
def test_what_is_shown_of_an_entity(entity: str, text: str) -> None:
    assert shown(entity) == text


def exceeded(kind: LimitKind, window: str, end: float, amount: int = 2 * USD, **grant: int) -> LimitExceeded:
    limit = Limit(scope="s", kind=kind, entity="team:t", amount=amount, window=window)
    values: dict[str, Any] = {"used": amount, "spent": amount // 2, "current": amount, "remaining": 0} | grant
    start = end - 60 if end else 0.0
    refused = LeaseGrant(seq=1, granted=0, window_start=start, window_end=end, reason="exhausted", **values)
    return LimitExceeded(limit, refused)


def test_a_budget_names_entity_amounts_window_and_reset() -> None:
    error = refusal(exceeded("budget", "30d", NOW + 60), NOW, USD // 2, 429)
    assert (error.status, error.kind) == (429, "budget_exceeded")
    assert error.message.startswith("Budget has been exceeded! team:t Current cost: $1.00")
    assert "Reserved by requests under way: $1.00" in error.message
    assert "Max budget: " in error.message
    assert error.message.endswith("Window: 30d. Resets at: 2027-01-15T08:01:00Z.")
    assert error.details == {
        "entity": "team:t", "kind": "budget", "window": "30d", "limit": 2.0, "used": 1.0, "reserved": 1.0,
        "estimated_cost": 0.5, "unit": "usd", "reset_at": int(NOW) + 60, "retry_after_s": 60,
    }  # fmt: skip
    assert error.headers == ((b"retry-after", b"60"),)
    never = refusal(exceeded("budget", "", 0), NOW, 1, 422)
    assert never.message.endswith("It does not reset.")
    assert never.headers == ()


def test_a_rate_says_when_to_come_again_and_what_is_left() -> None:
    error = refusal(exceeded("tokens", "60s", NOW + 30, amount=100, before=50), NOW, 0, 422)
    assert (error.status, error.kind) == (429, "throttling_error")
    assert dict(error.headers) == {
        b"retry-after": b"32",
        b"rate_limit_type": b"tokens",
        b"reset_at": str(int(NOW) + 32).encode(),
        b"x-ratelimit-team-limit-tokens": b"100",
        b"x-ratelimit-team-remaining-tokens": b"0",
        b"x-ratelimit-limit-tokens": b"100",
        b"x-ratelimit-remaining-tokens": b"0",
        b"x-ratelimit-reset-tokens": b"90",
    }
    assert error.details is not None
    assert (error.details["reset_at"], error.details["retry_after_s"]) == (int(NOW) + 32, 32)
    assert refusal(exceeded("parallel", "", 0, amount=1), NOW, 0, 422).headers[0] == (b"retry-after", b"1")


def test_a_share_names_priority_and_model() -> None:
    limit = Limit(scope="s", kind="requests", entity="priority:batch/model:gpt", amount=2)
    grant = LeaseGrant(seq=0, granted=0, window_start=NOW, window_end=NOW + 60, used=2, current=2, reason="exhausted")
    error = refusal(LimitExceeded(limit, grant), NOW + 50, 0, 422)
    assert error.status == 429
    assert error.message == (
        "Priority-based rate limit exceeded: the model 'gpt' is saturated, and priority 'batch' has used its share of "
        "2 requests a minute. Try again in 41 s."
    )
    assert (error.details or {})["priority"] == "batch"
    assert (b"x-litellm-priority", b"batch") in error.headers


def test_what_never_frees_up_says_nothing_of_coming_again() -> None:
    error = refusal(exceeded("requests", "60s", NOW + 30, amount=0), NOW, 0, 422)
    assert not {b"retry-after", b"reset_at"} & dict(error.headers).keys()
    assert error.details is not None
    assert error.details["retry_after_s"] is None
