from __future__ import annotations

from dataclasses import fields

from tests.unit.control.accounts import STAMPS, member, organisation, write
from tests.unit.control.rig import Rig

from phantom_gateway.control.users.view import entity_of, flat, views
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import UserRow


async def test_views_carry_what_belongs_to_a_user_and_no_secret(control: Rig) -> None:
    row = UserRow(id="ada", role="internal_user", password_hash="$argon2id$secret", max_budget_nano=10**9, **STAMPS)
    await write(control, lambda connection: tenants.USERS.insert(connection, row))
    await write(control, lambda connection: organisation(connection, "o", "ada"))
    await write(control, lambda connection: member(connection, "o", "ada"))
    await control.generate(user_id="ada")
    (shown,) = await control.services.database.read(lambda connection: views(connection, [row], 1.0))
    assert (shown["teams"], shown["organizations"], shown["key_count"], shown["spend"]) == (["o"], ["o"], 1, 0.0)
    assert (shown["max_budget"], shown["has_password"]) == (1.0, True)
    assert "secret" not in repr(shown)
    assert "secret" not in repr(row)
    assert flat(shown)["user_id"] == "ada"
    assert entity_of(row).name == "user:ada"


def test_every_column_was_thought_of() -> None:
    assert {each.name for each in fields(UserRow)} >= {"password_hash", "email", "alias", "role", "sso_user_id"}
