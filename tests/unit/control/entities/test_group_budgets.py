from __future__ import annotations

from typing import Any

from phantom_gateway.control.entities.group_budgets import limit_of, limits_by_model
from phantom_gateway.store.tenants import AccessGroupRow


def group(name: str, *models: str, **extra: Any) -> AccessGroupRow:
    return AccessGroupRow(id=name, name=f"the {name}", models=list(models), extra=extra, created_at=0.0, updated_at=0.0)


def test_a_group_without_a_budget_bounds_nothing() -> None:
    assert limit_of(group("a", "m")) is None
    assert limits_by_model([group("a", "m")]) == {}


def test_every_group_of_a_model_bounds_it_once() -> None:
    a = group("a", "m", "n", "m", max_budget_nano=5, budget_duration="1d")
    b = group("b", "m", max_budget_nano=0)
    found = limits_by_model([a, b])
    assert {model: [limit.scope for limit in limits] for model, limits in found.items()} == {
        "m": ["budget:access_group:a:1d", "budget:access_group:b:"],
        "n": ["budget:access_group:a:1d"],
    }
    assert found["m"][1].amount == 0
