from __future__ import annotations

import pytest

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.people_settings import NewUser
from phantom_gateway.control.users.changes import new_row, updated_row
from phantom_gateway.control.users.fields import UserNew, UserUpdate

DEFAULTS = NewUser(models=("demo",), max_budget_nano=5, budget_duration="7d", rpm_limit=3)


def test_defaults_fill_what_the_request_leaves_open() -> None:
    row = new_row(UserNew(user_id="ada"), DEFAULTS, 9.0, "root")
    assert (row.role, row.models, row.max_budget_nano, row.budget_duration, row.rpm_limit) == (
        "internal_user", ["demo"], 5, "7d", 3,
    )  # fmt: skip
    assert (row.created_at, row.created_by, row.revision) == (9.0, "root", 1)
    given = new_row(UserNew(models=["x"], max_budget=1, rpm_limit=0), DEFAULTS, 9.0, "root")
    assert (given.models, given.max_budget_nano, given.budget_duration, given.rpm_limit) == (["x"], 10**9, None, 0)
    shared = new_row(UserNew(budget_id="b"), DEFAULTS, 9.0, "root")
    assert shared.max_budget_nano is None, "the budget it refers to says how much"


def test_a_budget_keeps_the_window_the_request_names() -> None:
    assert new_row(UserNew(budget_duration="1d"), DEFAULTS, 9.0, "root").budget_duration == "1d"


@pytest.mark.parametrize("role", ["proxy_admin", "proxy_admin_viewer"])
def test_default_limits_are_not_for_administrators(role: str) -> None:
    row = new_row(UserNew(user_role=role), DEFAULTS, 9.0, "root")
    assert (row.max_budget_nano, row.rpm_limit) == (None, None)


def test_two_unnamed_users_have_two_names() -> None:
    assert new_row(UserNew(), DEFAULTS, 9.0, "root").id != new_row(UserNew(), DEFAULTS, 9.0, "root").id


def test_an_update_changes_what_it_names() -> None:
    row = new_row(UserNew(user_id="ada", user_email="A@B.c", user_alias="Ada", config={"x": 1}), DEFAULTS, 9.0, "root")
    changed = updated_row(row, UserUpdate(user_alias=None, user_role=None, permissions={"y": 2}), 10.0, "eve")
    assert (changed.email, changed.alias, changed.role) == ("a@b.c", None, "internal_user")
    assert changed.extra == {"config": {"x": 1}, "permissions": {"y": 2}}
    assert (changed.updated_at, changed.updated_by, changed.revision, changed.created_by) == (10.0, "eve", 2, "root")


def test_fields_that_contradict_each_other() -> None:
    body = {"max_budget": 1, "budget_duration": "1d", "budget_limits": [{"budget_duration": "1d", "max_budget": 1}]}
    with pytest.raises(ApiError):
        new_row(UserNew.model_validate(body), DEFAULTS, 9.0, "root")
