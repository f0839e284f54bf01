from __future__ import annotations

from typing import Any

from phantom_gateway.control.entities.budget_table import budget_table, is_limited
from phantom_gateway.store.tenants import TeamRow


def test_limits_in_dollars_and_models_only_when_they_restrict() -> None:
    row = TeamRow(id="t", max_budget_nano=1_500_000_000, rpm_limit=2, created_at=0.0, updated_at=0.0)
    table = budget_table(row, 0.0)
    assert (table["max_budget"], table["rpm_limit"], table["tpm_limit"], table["allowed_models"]) == (
        1.5,
        2,
        None,
        None,
    )
    assert set(table) >= {"budget_id", "soft_budget", "tpd_limit", "budget_reset_at", "temp_budget_expiry"}
    restricted = TeamRow(id="t", models=["m"], created_at=0.0, updated_at=0.0)
    assert budget_table(restricted, 0.0)["allowed_models"] == ["m"]


def test_what_limits_and_what_does_not() -> None:
    stamps: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}
    assert not is_limited(TeamRow(id="t", **stamps))
    for fields in ({"tpd_limit": 0}, {"model_limits": {"m": {"rpm_limit": 1}}}, {"soft_budget_nano": 1}):
        assert is_limited(TeamRow(id="t", **stamps, **fields)), fields
