"""Budgets of the configuration, from dollars as written to nano-dollars."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from phantom_gateway.config.durations import parse_window
from phantom_gateway.config.schema_base import BudgetEntry
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.spine.snapshot import Budget


def budget(dollars: Decimal | None, duration: str | None = None, zone: str | None = None) -> Budget | None:
    """A budget, if there is one. One that is written without an amount is none.

    ``zone`` is the time zone of windows that name none (``litellm_settings.timezone``).
    """
    if dollars is None:
        return None
    return Budget(amount=usd_to_nano(str(dollars)), window=parse_window(duration, zone or "") if duration else "")


def budget_of(entry: BudgetEntry | None, zone: str | None) -> Budget | None:
    """The same for an entry in either spelling."""
    if entry is None:
        return None
    dollars = entry.max_budget if entry.max_budget is not None else entry.budget_limit
    return budget(dollars, entry.budget_duration or entry.time_period, zone)


def budgets_of(entries: Mapping[str, BudgetEntry] | None, zone: str | None) -> dict[str, Budget]:
    """Budgets by name."""
    found = {name: budget_of(entry, zone) for name, entry in (entries or {}).items()}
    return {name: each for name, each in found.items() if each is not None}
