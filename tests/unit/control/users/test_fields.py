from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.control.users.fields import UserBulkUpdate, UserNew, UserUpdateAll


def test_addresses_are_kept_in_lower_case() -> None:
    assert UserNew(user_email="Ada@Example.COM").user_email == "ada@example.com"
    for text in ("ada", "@b", "a@", "a b@c", "a@b\n"):
        with pytest.raises(ValidationError):
            UserNew(user_email=text)


def test_a_password_is_not_repeated_by_errors_or_logs() -> None:
    assert "hunter2hunter2" not in repr(UserNew(password="hunter2hunter2"))
    with pytest.raises(ValidationError) as caught:
        UserNew.model_validate({"password": ["hunter2hunter2"]})
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("field", ["user_id", "user_email", "password"])
def test_what_is_one_persons_is_not_for_all(field: str) -> None:
    value: Any = "somebody@example.com"
    with pytest.raises(ValidationError):
        UserBulkUpdate.model_validate({"all_users": True, "user_updates": {field: value}})
    assert UserUpdateAll.model_validate({field: None}).model_fields_set == {field}
