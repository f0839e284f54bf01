"""The request bodies of ``/budget/*``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phantom_gateway.control.entities.fields import Body, Dollars, Later, LimitFields, Name, NewId


class BudgetFields(LimitFields):
    """Limits that a budget hands on. Unlike other allowances it names no models and is never blocked."""

    max_budget: Dollars | None = None
    budget_reset_at: Later = None


class BudgetNew(BudgetFields):
    """Body of ``/budget/new``; without an id one is made."""

    budget_id: NewId | None = None


class BudgetUpdate(BudgetFields):
    """Body of ``/budget/update``. A field that is absent stays as it is; ``null`` clears it."""

    budget_id: Name


class BudgetInfo(Body):
    """Body of ``/budget/info``."""

    budgets: Annotated[list[Name], Field(min_length=1, max_length=1000)]


class BudgetDelete(Body):
    """Body of ``/budget/delete``."""

    id: Name
