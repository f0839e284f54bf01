from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.unit.gateway.rig import deployment, eventually, running

from phantom_gateway.spine.messages import Limit
from phantom_gateway.spine.snapshot import Budget, Deployment, Routing

USD = 1_000_000_000
SPENT = Budget(amount=1, window="30d")
PLENTY = Budget(amount=100 * USD, window="30d")
QUICK = {"num_retries": 0, "timeout_s": 5.0, "connect_timeout_s": 1.0, "cooldown_s": 0.0}


def routing(**fields: Any) -> Routing:
    return Routing(**(QUICK | fields))


async def test_a_deployment_without_money_is_left_out(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "poor", budget=SPENT, weight=1000.0), deployment(port, "rich", budget=PLENTY)

    async with running(tmp_path, build) as rig:
        answers = [await rig.chat(rig.key()) for _ in range(4)]
        assert [each.status for each in answers] == [200] * 4
        assert {each.headers["x-litellm-model-id"] for each in answers} == {"rich"}
        assert {each.headers["x-litellm-attempted-retries"] for each in answers} == {"0"}
        for record in rig.journal()[1]:
            assert [(spend.scope, spend.amount) for spend in record.spends] == [
                ("budget:deployment:rich:30d", record.cost.total)
            ]


async def test_when_none_is_left_the_entity_is_named(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (deployment(port, "a"),)

    budgets = {"openai": SPENT}
    async with running(tmp_path, build, routing=routing(provider_budgets=budgets)) as rig:
        refused = await rig.chat(rig.key())
        assert (refused.status, refused.error["type"]) == (422, "budget_exceeded")
        assert refused.error["details"]["entity"] == "provider:openai"
        assert rig.simulator.counts()["total"]["requests"] == 0
        assert rig.closed().cost.total == 0


async def test_the_fallback_serves_when_the_provider_has_no_money(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "a"), deployment(port, "b", group="other", provider="groq")

    patience = routing(provider_budgets={"openai": SPENT}, default_fallbacks=("other",))
    async with running(tmp_path, build, routing=patience) as rig:
        answer = await rig.chat(rig.key())
        assert (answer.status, answer.headers["x-litellm-model-group"]) == (200, "other")


async def test_a_failed_attempt_gives_its_reservation_back(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (
            deployment(port, "broken", model="up;mode=503", budget=PLENTY, weight=1000.0),
            deployment(port, "whole", budget=PLENTY, order=1),
        )

    def free(scope: str) -> int:
        piece = rig.worker.book._slices[scope]
        return piece.reserved

    async with running(tmp_path, build, routing=routing(num_retries=2)) as rig:
        answer = await rig.chat(rig.key())
        assert (answer.status, answer.headers["x-litellm-model-id"]) == (200, "whole")
        assert [free(f"budget:deployment:{name}:30d") for name in ("broken", "whole")] == [0, 0]
        assert rig.worker.book.open_reservations() == 0
        assert [spend.scope for spend in rig.closed().spends] == ["budget:deployment:whole:30d"]


async def test_exactly_the_budget_of_a_deployment_is_spent(tmp_path: Path) -> None:
    worst = 2_200_000
    """One request reserves 82 bytes of question and 1,000 tokens of answer."""

    def build(port: int) -> tuple[Deployment, ...]:
        return (deployment(port, "d", budget=Budget(amount=3 * worst, window="30d")),)

    async with running(tmp_path, build) as rig:
        key = rig.key()
        answers = await asyncio.gather(*[rig.chat(key, simulate={"first_ms": 300}) for _ in range(20)])
        served = [each for each in answers if each.status == 200]
        assert 1 <= len(served) <= 3
        assert rig.simulator.counts()["total"]["requests"] == len(served)
        await eventually(lambda: rig.worker.book.open_reservations() == 0)


async def test_limits_of_the_fallback_model_hold_as_well(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "a", model="up;mode=503"), deployment(port, "b", group="other")

    limit = Limit(scope="requests:key:k/model:other:60s", kind="requests", entity="key:k/model:other", amount=1)
    async with running(tmp_path, build, routing=routing(default_fallbacks=("other",))) as rig:
        key = rig.key(model_limits={"other": (limit,)})
        assert (await rig.chat(key)).status == 200
        second = await rig.chat(key)
        assert second.status == 503  # what the model asked for said; its fallback had no room
        assert rig.simulator.counts()["total"]["requests"] == 3


async def test_a_full_deployment_is_left_out_and_all_full_say_when_to_come_again(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "small", rpm=2, weight=1e9), deployment(port, "large", rpm=3, weight=1.0)

    async with running(tmp_path, build, routing=routing(enforce_rates=True)) as rig:
        key = rig.key()
        answers = [await rig.chat(key) for _ in range(5)]
        assert [each.status for each in answers] == [200] * 5
        assert sorted(each.headers["x-litellm-model-id"] for each in answers) == ["large"] * 3 + ["small"] * 2
        full = await rig.chat(key)
        assert (full.status, full.error["type"]) == (429, "throttling_error")
        assert 1 <= int(full.headers["retry-after"]) <= 120, "the window slides"
        assert full.error["details"]["entity"] in ("deployment:small", "deployment:large")
        assert rig.simulator.counts()["total"]["requests"] == 5


async def test_rpm_is_only_a_share_unless_it_is_to_be_enforced(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (deployment(port, "small", rpm=1, tpm=1),)

    async with running(tmp_path, build, routing=routing()) as rig:
        key = rig.key()
        assert [(await rig.chat(key)).status for _ in range(3)] == [200] * 3


async def test_tokens_of_a_deployment_are_settled_with_what_was_used(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (deployment(port, "a", tpm=10_000),)

    async with running(tmp_path, build, routing=routing(enforce_rates=True)) as rig:
        assert (await rig.chat(rig.key(), max_tokens=50)).status == 200
        piece = rig.worker.book._slices["tokens:deployment:a:60s"]
        usage = rig.closed().usage
        assert piece.reserved == 0
        assert piece.granted - piece.free == usage.total > 0


async def test_slots_of_a_deployment_are_never_exceeded(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "a", max_parallel_requests=2), deployment(port, "b")

    async with running(tmp_path, build, routing=routing(max_parallel=1)) as rig:
        key = rig.key()
        answers = await asyncio.gather(*[rig.chat(key, simulate={"first_ms": 300}) for _ in range(12)])
        served = [each.headers["x-litellm-model-id"] for each in answers if each.status == 200]
        assert sorted(served) == ["a", "a", "b"]
        refused = [each for each in answers if each.status != 200]
        assert {each.status for each in refused} == {429}
        assert {each.headers["retry-after"] for each in refused} == {"1"}
        assert (await rig.chat(key)).status == 200, "free again"


async def test_an_attempt_that_failed_was_a_request(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (deployment(port, "broken", model="up;mode=500", rpm=3, max_parallel_requests=1),)

    async with running(tmp_path, build, routing=routing(enforce_rates=True, num_retries=1)) as rig:
        key = rig.key()
        assert (await rig.chat(key)).status == 500
        assert (await rig.chat(key)).status == 500
        assert (await rig.chat(key)).status == 429
        assert rig.simulator.counts()["total"]["requests"] == 3
        assert rig.worker.book._slices["parallel:deployment:broken:"].reserved == 0


async def test_fallbacks_serve_when_the_model_is_full(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "a", rpm=1), deployment(port, "b", group="other")

    patience = routing(enforce_rates=True, default_fallbacks=("other",))
    async with running(tmp_path, build, routing=patience) as rig:
        key = rig.key()
        groups = [(await rig.chat(key)).headers["x-litellm-model-group"] for _ in range(3)]
        assert groups == ["gpt", "other", "other"]
