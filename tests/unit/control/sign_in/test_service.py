from __future__ import annotations

import asyncio

import pytest
from tests.unit.control.accounts import OTHER, PASSWORD, login, make, write
from tests.unit.control.rig import Rig

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.sign_in.client import Client
from phantom_gateway.control.sign_in.identity import Identity
from phantom_gateway.control.sign_in.service import SignIn, check_password
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import UserRow

CLIENT = Client("192.0.2.1", "https", "gw")


async def test_a_password_that_changed_meanwhile_opens_nothing(control: Rig) -> None:
    await make(control, "ada")
    row = await write(control, lambda connection: tenants.USERS.get(connection, "ada"))
    assert row is not None
    proved = Identity(user_id="ada", method="password", seen=row.password_hash)
    await control.post("/user/update", {"user_id": "ada", "password": OTHER})
    assert await SignIn(control.services).open(proved, "label") is None
    assert await SignIn(control.services).open(Identity(user_id="gone", method="password"), "label") is None


async def test_attempts_at_once_are_all_counted(control: Rig) -> None:
    await make(control, "ada")
    answers = await asyncio.gather(*[login(control, "ada", f"wrong {number}") for number in range(30)])
    assert [answer.status_code for answer in answers].count(401) == 10
    assert [answer.status_code for answer in answers].count(429) == 20


async def test_one_account_after_the_other_from_one_place(control: Rig) -> None:
    statuses = [(await login(control, f"user{number}", "wrong")).status_code for number in range(30)]
    assert statuses == [401] * 20 + [429] * 10
    sign_in = SignIn(control.services)
    sign_in.admit("user99", "203.0.113.7", control.clock())
    with pytest.raises(ApiError) as caught:
        sign_in.admit("user99", "127.0.0.77", control.clock())
    assert caught.value.status == 429


def test_names_of_ones_own_are_no_password() -> None:
    user = UserRow(id="ada.lovelace", email="ada.lovelace@x.org", role="internal_user", created_at=0.0, updated_at=0.0)
    check_password(user, PASSWORD)
    for password in ("ada.lovelace1", "Ada.Lovelace@x"):
        with pytest.raises(ApiError) as caught:
            check_password(user, password, "new_password")
        assert caught.value.param == "new_password"
