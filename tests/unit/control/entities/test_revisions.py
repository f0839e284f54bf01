from __future__ import annotations

import pytest
from tests.unit.control.rig import Rig

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities.revisions import refuse_other_budget, stamps, touched
from phantom_gateway.control.errors import ApiError
from phantom_gateway.store.tenants import TeamRow


async def test_a_change_is_one_revision_further(control: Rig) -> None:
    writer = Writer(control.services, "ada")
    row = TeamRow(id="t", **stamps(writer))
    assert (row.created_by, row.updated_by, row.revision) == ("ada", "ada", 1)
    later = touched(row, Writer(control.services, "bob"), {"alias": "x"})
    assert (later.alias, later.created_by, later.updated_by, later.revision) == ("x", "ada", "bob", 2)
    assert later.updated_at >= row.updated_at


def test_another_budget_is_refused_and_the_same_is_not() -> None:
    refuse_other_budget("b", "b")
    for before, after in ((None, "b"), ("b", None), ("a", "b")):
        with pytest.raises(ApiError) as error:
            refuse_other_budget(before, after)
        assert error.value.status == 403
