from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.accounts import STAMPS, make, write
from tests.unit.control.rig import Rig

from phantom_gateway.control.approvals.view import subject_of, views
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import ApprovalRow


async def test_what_is_asked_for_stands_beside_what_there_is(control: Rig) -> None:
    await control.post("/budget/new", {"budget_id": "b", "max_budget": 4, "budget_duration": "7d"})
    await make(control, "eve", user_email="eve@example.com", budget_id="b", models=["m"])
    rows = [
        ApprovalRow(id=name, user_id="eve", subject=subject, subject_id=of, max_budget_nano=9_000_000_000, **STAMPS)
        for name, subject, of in (("a", "user", "eve"), ("z", "key", "gone"))
    ]

    def check(connection: sa.Connection) -> None:
        for row in rows:
            tenants.APPROVALS.insert(connection, row)
        shown = views(connection, rows)
        assert [each["id"] for each in shown] == ["a", "z"]
        assert shown[0]["present"] == {"max_budget": 4.0, "budget_duration": "7d", "models": ["m"]}, (
            "of the budget it has"
        )
        assert (shown[0]["max_budget"], shown[0]["subject_name"]) == (9.0, "eve@example.com")
        assert (shown[1]["present"], shown[1]["subject_name"], shown[1]["decided_by"]) == (None, None, None)
        assert subject_of(connection, rows[1]) is None

    await write(control, check)
