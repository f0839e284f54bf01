from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.gateway.rig import deployment

from phantom_gateway.dialects.neutral import Written
from phantom_gateway.dialects.operations import CHAT
from phantom_gateway.gateway.body import parse
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.rewrite import rewrite
from phantom_gateway.gateway.table import Table, Target
from phantom_gateway.spine.snapshot import PricedModel, Prices, Snapshot

BODY = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
PATHS = {"messages": "/messages"}


def target(**fields: Any) -> Target:
    lists = {
        "anthropic": {"new": PricedModel(prices=Prices(input=1), max_output_tokens=77, traits=("adaptive_thinking",))}
    }
    made = deployment(1, provider="anthropic", paths=PATHS, **fields)
    return Table(Snapshot(revision=1, deployments=(made,), price_lists=lists)).groups[made.group].targets[0]


def run(where: Target, model: str = "up", **fields: Any) -> Written:
    call = parse(json.dumps(BODY | fields, separators=(",", ":")).encode(), CHAT, "")
    return rewrite(call, where, where.ways["chat"], model)


def test_the_bound_is_the_models() -> None:
    assert run(target()).body["max_tokens"] == 1000
    assert run(target(), max_tokens=5).body["max_tokens"] == 5


def test_a_wildcards_model_brings_its_own_traits() -> None:
    wild = target(group="anthropic/*", model="*", prices=Prices(), max_output_tokens=0)
    written = run(wild, "new", reasoning_effort="high")
    assert (written.body["max_tokens"], written.body["thinking"]) == (77, {"type": "adaptive"})
    assert run(wild, "unknown", reasoning_effort="high").body["thinking"]["type"] == "enabled"


def test_what_is_meant_for_the_gateway_stays_here() -> None:
    body = run(target(), num_retries=1, tags=["a"], metadata={"tags": ["a"]}, litellm_session_id="s").body
    assert set(body) == {"model", "messages", "max_tokens"}


def test_defaults_and_fields_that_are_never_sent() -> None:
    where = target(defaults={"temperature": 0.5, "top_k": 3}, without=frozenset({"stop", "user"}))
    written = run(where, stop="x", top_k=9)
    assert (written.body["temperature"], written.body["top_k"]) == (0.5, 9)
    assert "stop_sequences" not in written.body
    assert written.dropped == ["stop"]


def test_what_cannot_be_said_is_refused_by_name_or_dropped() -> None:
    with pytest.raises(ApiError) as caught:
        run(target(), seed=1)
    assert (caught.value.status, caught.value.param) == (400, "seed")
    assert run(target(drop_params=True), seed=1).dropped == ["seed"]
    with pytest.raises(ApiError) as caught:
        run(target(), messages=[{"role": "robot"}])
    assert caught.value.param == "messages[0].role"
