from __future__ import annotations

import pytest
import sqlalchemy as sa
from tests.unit.control.people import STAMPS
from tests.unit.control.rig import Rig

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities.revisions import refuse_other_budget, refuse_unknown_budget, stamps, touched
from phantom_gateway.control.errors import ApiError
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import BudgetRow, TeamRow


async def test_a_change_is_one_revision_further(control: Rig) -> None:
    writer = Writer(control.services, "ada")
    row = TeamRow(id="t", **stamps(writer))
    assert (row.created_by, row.updated_by, row.revision) == ("ada", "ada", 1)
    later = touched(row, Writer(control.services, "bob"), {"alias": "x"})
    assert (later.alias, later.created_by, later.updated_by, later.revision) == ("x", "ada", "bob", 2)
    assert later.updated_at >= row.updated_at


async def test_a_budget_must_be_there(control: Rig) -> None:
    row = TeamRow(id="t", budget_id="b", **STAMPS)

    def check(connection: sa.Connection) -> None:
        with pytest.raises(ApiError) as error:
            refuse_unknown_budget(connection, row)
        assert error.value.param == "budget_id"
        tenants.BUDGETS.insert(connection, BudgetRow(id="b", **STAMPS))
        refuse_unknown_budget(connection, row)
        refuse_unknown_budget(connection, TeamRow(id="t", **STAMPS))

    await control.services.database.write(check)


def test_another_budget_is_refused_and_the_same_is_not() -> None:
    refuse_other_budget("b", "b")
    for before, after in ((None, "b"), ("b", None), ("a", "b")):
        with pytest.raises(ApiError) as error:
            refuse_other_budget(before, after)
        assert error.value.status == 403
