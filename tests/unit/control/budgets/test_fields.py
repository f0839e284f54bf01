from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.budgets.fields import BudgetInfo, BudgetNew, BudgetUpdate


def test_a_budget_names_no_models_and_is_never_blocked() -> None:
    for field in ("models", "blocked", "metadata"):
        with pytest.raises(ValidationError, match=field):
            BudgetNew.model_validate({field: None})


def test_a_change_names_its_budget() -> None:
    with pytest.raises(ValidationError, match="budget_id"):
        BudgetUpdate.model_validate({"max_budget": 1.0})
    with pytest.raises(ValidationError, match="budgets"):
        BudgetInfo(budgets=[])
