from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.keys.changes import new_row, updated_row
from phantom_gateway.control.keys.fields import KeyGenerate, KeyUpdate
from phantom_gateway.store.keys import KeyRow

NOW = 1_000_000.0


def made(**fields: Any) -> KeyRow:
    return new_row(TypeAdapter(KeyGenerate).validate_python(fields), "sk-0123456789abcdefwxyz", "a" * 64, NOW, "me")


def changed(row: KeyRow, **fields: Any) -> KeyRow:
    return updated_row(row, TypeAdapter(KeyUpdate).validate_python({"key": "k", **fields}), NOW + 5, "you")


def test_a_new_row_has_every_default() -> None:
    row = made()
    assert (row.models, row.metadata, row.key_type, row.blocked, row.max_budget_nano) == (
        [],
        {},
        "default",
        False,
        None,
    )
    assert (row.key_name, row.created_by, row.created_at, row.revision) == ("sk-...wxyz", "me", NOW, 1)


@pytest.mark.parametrize(
    ("duration", "seconds"), [("30s", 30), ("5m", 300), ("2h", 7200), ("1d", 86400), ("1w", 604800), ("1mo", 2592000)]
)
def test_expiry_is_counted_from_now(duration: str, seconds: int) -> None:
    assert made(duration=duration).expires == NOW + seconds


@pytest.mark.parametrize(
    ("usd", "nano"), [(0, 0), (0.1, 100_000_000), (1e-9, 1), (0.30000000000000004, 300_000_000), (10**9, 10**18)]
)
def test_money_is_what_is_written(usd: float, nano: int) -> None:
    assert made(max_budget=usd).max_budget_nano == nano


def test_an_update_touches_what_it_names() -> None:
    row = made(
        key_alias="a", rpm_limit=3, metadata={"x": 1}, agent_id="g", duration="1d", budget_duration="7d", max_budget=1
    )
    after = changed(row, rpm_limit=None, organization_id="o")
    assert (after.rpm_limit, after.org_id, after.alias, after.metadata, after.expires) == (
        None,
        "o",
        "a",
        {"x": 1},
        row.expires,
    )
    assert (after.revision, after.updated_by, after.updated_at, after.created_at) == (2, "you", NOW + 5, NOW)
    assert changed(row, metadata=None, models=None, blocked=None).metadata == {}
    assert changed(row, duration="-1").expires is None
    assert changed(row, duration=None).expires is None
    assert changed(row, config={"a": 1}).extra == {"agent_id": "g", "config": {"a": 1}}
    assert changed(row, project_id="p").project_id == "p"


def test_two_budgets_of_one_duration_contradict() -> None:
    for fields in (
        {"max_budget": 1, "budget_duration": "1d", "budget_limits": [{"budget_duration": "1d", "max_budget": 2}]},
        {"budget_limits": [{"budget_duration": "1d", "max_budget": 1}, {"budget_duration": "1d", "max_budget": 2}]},
    ):
        with pytest.raises(ApiError) as caught:
            made(**fields)
        assert caught.value.param == "budget_limits"
