"""Budgets of the configuration, from dollars as written to nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from phantom_gateway.config.schema_base import BudgetEntry
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.spine.snapshot import Budget


def budget(dollars: Decimal | None, duration: str | None = None) -> Budget | None:
    """A budget, if there is one. One that is written without an amount is none."""
    return None if dollars is None else Budget(amount=usd_to_nano(str(dollars)), window=duration or "")


def budget_of(entry: BudgetEntry | None) -> Budget | None:
    """The same for an entry in either spelling."""
    if entry is None:
        return None
    dollars = entry.max_budget if entry.max_budget is not None else entry.budget_limit
    return budget(dollars, entry.budget_duration or entry.time_period)


def budgets_of(entries: Mapping[str, BudgetEntry] | None) -> dict[str, Budget]:
    """Budgets by name."""
    found = {name: budget_of(entry) for name, entry in (entries or {}).items()}
    return {name: each for name, each in found.items() if each is not None}
