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


async def test_who_belongs_to_no_organisation_is_brought_in_by_teams_of_none(control: Rig) -> None:
    people = await cast(control)
    for team, admin in (("free", "user"), ("bound", "team_admin")):
        body = {"team_id": team, "members_with_roles": [{"user_id": admin, "role": "admin"}]}
        made = await people.post("admin", "/team/new", **body, organization_id="o" if team == "bound" else None)
        assert made.status_code == 200, made.text
    await people.post("admin", "/user/new", user_id="alone", auto_create_key=False)
    for who, team, user_id, status in (
        ("user", "free", "alone", 200),
        ("user", "free", "member", 404),
        ("user", "free", "stranger", 404),
        ("team_admin", "bound", "user", 404),
        ("team_admin", "bound", "stranger", 404),
        ("team_admin", "bound", "member", 200),
        ("team_admin", "bound", "org_admin", 200),
    ):
        member = {"user_id": user_id, "role": "user"}
        for named in (member, {"user_email": f"{user_id}@example.org", "role": "user"}):
            if status == 200 and "user_email" in named:
                continue
            answer = await people.post(who, "/team/member_add", team_id=team, member=named)
            assert answer.status_code == status, (who, user_id, answer.text)
