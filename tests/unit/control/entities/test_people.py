from __future__ import annotations

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from tests.unit.control.people import cast
from tests.unit.control.rig import Rig

from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.people import People, PersonFields, emails, identity, organizations_of
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.store import tenants

ALL = Reach(relation=Relation.ADMIN)
OF_O = Reach(orgs=frozenset({"o"}))


async def test_an_address_is_one_in_any_case(control: Rig) -> None:
    await cast(control)
    people = People(Writer(control.services, "me"), ALL, ALL)

    def look(connection: sa.Connection) -> None:
        row = people.existing(connection, PersonFields(user_email="USER@Example.ORG"))
        assert row is not None
        assert row.id == "user"
        assert people.existing(connection, PersonFields(user_id="nobody")) is None
        for fields in (PersonFields(), PersonFields(user_id="user", user_email="member@example.org")):
            with pytest.raises(ApiError) as error:
                people.existing(connection, fields)
            assert error.value.status == 400
        assert emails(connection, ["user", "nobody", "user"]) == {"user": "user@example.org"}
        assert organizations_of(connection, "member") == {"o"}
        assert organizations_of(connection, "org_admin") == {"o"}
        assert organizations_of(connection, "user") == set()
        assert identity(row)["user_role"] == "internal_user"
        assert "password_hash" not in identity(row)

    await control.services.database.read(look)


async def test_who_may_not_make_people_finds_none(control: Rig) -> None:
    await cast(control)
    effects = Effects()

    def look(connection: sa.Connection) -> None:
        writer = Writer(control.services, "me")
        for people in (People(writer, OF_O, Reach()), People(writer, OF_O, Reach(orgs=frozenset({"p"})))):
            for named in ("nobody", "stranger"):
                with pytest.raises(ApiError) as error:
                    people.found_or_made(connection, PersonFields(user_id=named), "o", effects)
                assert (error.value.status, error.value.param) == (404, "user_id")
        assert effects.forget == []
        made = People(writer, OF_O, OF_O).found_or_made(connection, PersonFields(user_id="fresh"), "o", effects)
        assert (made.role, made.created_by) == ("internal_user", "me")
        assert tenants.USERS.get(connection, "fresh") == made
        assert effects.forget == ["user:fresh"]
        assert [change.object_id for change in effects.audit] == ["fresh"]

    await control.services.database.write(look)


@pytest.mark.parametrize("text", ["", "a", "a@", "@b", "a b@c", "a@b@c", "a@b\n", "x" * 250 + "@b.org"])
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(ValidationError):
        PersonFields(user_email=text)
