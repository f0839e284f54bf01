from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.people_settings import NewUser
from phantom_gateway.control.policy.actor import Actor
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.users.changes import new_row
from phantom_gateway.control.users.fields import UserNew, UserUpdate
from phantom_gateway.control.users.rules import SETTABLE, WITHOUT_EFFECT, check_fields, check_rank, check_role


def constructed(name: str, value: Any) -> UserUpdate:
    given: dict[str, Any] = {name: value}
    return UserUpdate.model_construct(_fields_set={name}, **given)


NEVER_ONES_OWN = {
    "user_role",
    "max_budget",
    "budget_limits",
    "models",
    "rpm_limit",
    "blocked",
    "user_email",
    "budget_id",
}


def test_nobodys_own_to_set() -> None:
    assert SETTABLE[Relation.USER].isdisjoint(NEVER_ONES_OWN)
    assert SETTABLE[Relation.ORG_ADMIN].isdisjoint({"max_budget", "models", "rpm_limit", "budget_id", "sso_user_id"})
    known = UserNew.model_fields.keys() | UserUpdate.model_fields.keys()
    assert all(names <= known for names in SETTABLE.values())


@pytest.mark.parametrize("relation", [None, *(set(Relation) - {Relation.ADMIN})])
def test_what_is_not_listed_is_refused_by_name(relation: Relation | None) -> None:
    allowed = SETTABLE.get(relation or Relation.KEY, frozenset()) | WITHOUT_EFFECT
    for name in UserUpdate.model_fields.keys() - allowed:
        values: tuple[Any, ...] = ("x", None, 0, False, [], {}, "")
        for value in values:
            fields = constructed(name, value)
            with pytest.raises(ApiError) as caught:
                check_fields(relation, fields)
            assert (caught.value.status, caught.value.param) == (403, name)
            check_fields(Relation.ADMIN, fields)


def test_what_is_without_effect() -> None:
    for name in WITHOUT_EFFECT:
        check_fields(Relation.USER, constructed(name, None))
    columns = new_row(UserNew.model_validate(dict.fromkeys(WITHOUT_EFFECT)), NewUser(), 0.0, "me")
    assert columns.extra == {}
    check_fields(Relation.ORG_ADMIN, UserNew(max_budget=None, models=None))
    with pytest.raises(ApiError):
        check_fields(Relation.ORG_ADMIN, UserNew(max_budget=0))


def test_roles_above_ones_own() -> None:
    user = Actor(key_id="k", user_id="u", role="internal_user")
    check_role(user, "internal_user_viewer")
    with pytest.raises(ApiError) as caught:
        check_role(user, "proxy_admin")
    assert (caught.value.status, caught.value.param) == (403, "user_role")
    with pytest.raises(ApiError) as caught:
        check_rank(user, "proxy_admin", "user_ids")
    assert (caught.value.status, caught.value.param) == (403, "user_ids")
