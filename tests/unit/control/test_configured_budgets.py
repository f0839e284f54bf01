from __future__ import annotations

from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.control.configured_budgets import by_entity, provider_budgets, seed_configured
from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.replay import Position
from phantom_gateway.limits import configured
from phantom_gateway.spine.snapshot import Address, Budget, Deployment, Routing, Settings, Snapshot
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.spend import of_window

NOW = 1_800_000_000.0
SNAPSHOT = Snapshot(
    revision=1,
    deployments=(
        Deployment(
            id="d", group="g", provider="openai", model="m", address=Address(scheme="http"), budget=Budget(amount=9)
        ),
    ),
    routing=Routing(provider_budgets={"openai": Budget(amount=4_000_000_000, window="30d"), "groq": Budget(amount=1)}),
    settings=Settings(budget=Budget(amount=100), master_key_budget=Budget(amount=50)),
)


def spend(control: Rig) -> None:
    """Two requests at openai, one of them by the master key, and one at groq; a third at openai was long ago."""
    rows = (
        closed(1, cost=5, provider="openai", deployment_id="d"),
        closed(2, cost=7, provider="openai", deployment_id="x", key_id="m" * 64),
        closed(3, cost=11, provider="groq", deployment_id="y"),
        closed(4, cost=13, provider="openai", deployment_id="d", at_ns=1_600_000_000_000_000_000),
    )
    batch = Batch(incarnation="w", records=rows, position=Position(4, 1, 99), damage=())
    DatabaseSink(control.services.database.database).apply(batch)


async def test_what_was_spent_before_a_budget_was_written_down_counts_once(control: Rig) -> None:
    spend(control)
    limits = tuple(configured.budgets(SNAPSHOT))
    expected = {
        "budget:gateway:": 36,
        "budget:master_key:": 7,
        "budget:provider:openai:30d": 12,
        "budget:provider:groq:": 11,
        "budget:deployment:d:": 18,
    }
    with control.services.database.database.write() as connection:
        first = seed_configured(connection, limits, "m" * 64, NOW)
        assert {scope: amount for scope, _, amount in first} == expected
        assert seed_configured(connection, limits, "m" * 64, NOW) == []
        assert {scope: of_window(connection, scope, start) for scope, start, _ in first} == expected


async def test_providers_in_the_shape_of_litellm(control: Rig) -> None:
    spend(control)
    with control.services.database.database.write() as connection:
        seed_configured(connection, tuple(configured.budgets(SNAPSHOT)), "m" * 64, NOW)
        shown = provider_budgets(connection, SNAPSHOT, NOW)
    assert shown == {
        "providers": {
            "openai": {
                "budget_limit": 4.0,
                "time_period": "30d",
                "spend": 1.2e-08,
                "budget_reset_at": "2027-02-01T00:00:00.000000Z",
            },
            "groq": {"budget_limit": 1e-09, "time_period": None, "spend": 1.1e-08, "budget_reset_at": None},
        }
    }


def test_what_every_request_knows_is_by_whom_it_is_charged() -> None:
    found = by_entity(SNAPSHOT, "m")
    assert {entity: [limit.scope for limit in limits] for entity, limits in found.items()} == {
        "gateway": ["budget:gateway:"],
        "key:m": ["budget:master_key:"],
    }
    assert by_entity(Snapshot(revision=1, settings=Settings(global_max_parallel=3)), "m") == {}
