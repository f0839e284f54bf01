from __future__ import annotations

import msgspec

from phantom_gateway.limits import configured
from phantom_gateway.spine.snapshot import Address, Budget, Deployment, Routing, Settings, Snapshot

ADDRESS = Address(scheme="http", host="127.0.0.1", port=1)


def deployment(name: str, provider: str = "openai", budget: Budget | None = None) -> Deployment:
    return Deployment(id=name, group=name, provider=provider, model="m", address=ADDRESS, budget=budget)


def test_nothing_configured_is_nothing_limited() -> None:
    snapshot = Snapshot(revision=1, deployments=(deployment("a"),))
    assert configured.of_gateway(snapshot) == ()
    assert configured.of_master_key(snapshot) == ()
    assert configured.of_deployment(snapshot.deployments[0], snapshot) == ()
    assert list(configured.budgets(snapshot)) == []


def test_every_budget_once_by_its_scope() -> None:
    snapshot = Snapshot(
        revision=1,
        deployments=(deployment("a", budget=Budget(amount=3, window="1d")), deployment("b")),
        routing=Routing(provider_budgets={"openai": Budget(amount=4, window="7d"), "groq": Budget(amount=5)}),
        settings=Settings(
            global_max_parallel=9, budget=Budget(amount=1, window="30d"), master_key_budget=Budget(amount=2)
        ),
    )
    assert {limit.scope: limit.amount for limit in configured.budgets(snapshot)} == {
        "budget:gateway:30d": 1,
        "budget:master_key:": 2,
        "budget:deployment:a:1d": 3,
        "budget:provider:openai:7d": 4,
        "budget:provider:groq:": 5,
    }
    assert [limit.kind for limit in configured.of_gateway(snapshot)] == ["parallel", "budget"]
    assert [limit.entity for limit in configured.of_deployment(snapshot.deployments[0], snapshot)] == [
        "deployment:a",
        "provider:openai",
    ]


def test_rates_of_a_deployment_are_limits_where_they_are_enforced() -> None:
    full = msgspec.structs.replace(deployment("a"), id="d", rpm=5, tpm=700, max_parallel_requests=2, budget=None)
    loose = Snapshot(revision=1, deployments=(full,), routing=Routing(max_parallel=9))
    strict = Snapshot(revision=1, deployments=(full,), routing=Routing(enforce_rates=True))
    slots = ("parallel:deployment:d:", "parallel", 2, "")
    found = [
        [(limit.scope, limit.kind, limit.amount, limit.window) for limit in configured.of_deployment(full, each)]
        for each in (loose, strict)
    ]
    assert found == [
        [slots],
        [
            slots,
            ("requests:deployment:d:60s", "requests", 5, "60s"),
            ("tokens:deployment:d:60s", "tokens", 700, "60s"),
        ],
    ]
    plain = msgspec.structs.replace(full, max_parallel_requests=None)
    assert [limit.amount for limit in configured.of_deployment(plain, loose)] == [9]
    assert configured.of_deployment(plain, strict)[0].kind == "requests"
