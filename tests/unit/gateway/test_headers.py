from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.gateway import headers
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.ledger.money import Cost
from phantom_gateway.limits.slices import NEVER, Slice
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


def test_what_a_key_may_still_do() -> None:
    def piece(kind: Any, amount: int, remaining: int, end: float) -> Slice:
        limit = Limit(scope=kind, kind=kind, entity="key:x", amount=amount)
        made = Slice(limit, NOW, end, NOW)
        made.remaining = remaining
        return made

    slices = [
        piece("requests", 9, 5, NOW + 30.4),
        piece("tokens", 900, -3, NOW + 30.4),
        piece("budget", 2_000_000_000, 500_000_000, NEVER),
        piece("parallel", 3, 1, NEVER),
    ]
    said = parsed(headers.of_limits(slices, NOW))
    assert (said["x-ratelimit-limit-requests"], said["x-ratelimit-remaining-requests"]) == ("9", "5")
    assert (said["x-ratelimit-remaining-tokens"], said["x-ratelimit-reset-requests"]) == ("0", "30")
    assert (said["x-litellm-key-rpm-limit"], said["x-litellm-key-tpm-limit"]) == ("9", "900")
    assert said["x-litellm-key-spend"] == "1.500000000"
    assert said["x-litellm-key-max-budget"] == "2.000000000"
    assert not any("parallel" in name for name in said)
    assert headers.of_limits([piece("requests", 9, 5, NEVER)], NOW).count(b"reset-requests: 0") == 1


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
