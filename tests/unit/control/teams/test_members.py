from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.people import cast, dump
from tests.unit.control.rig import Rig

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities.people import People, PersonFields
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.teams.member_fields import BulkMemberAdd, MemberAdd, MemberReference, MemberUpdate
from phantom_gateway.control.teams.members import MemberService
from phantom_gateway.store import audit
from phantom_gateway.store.audit import AuditFilter

ALL = Reach(relation=Relation.ADMIN)


def service(control: Rig, **fields: Any) -> MemberService:
    writer = Writer(control.services, "me", **fields)
    return MemberService(writer, ALL, People(writer, ALL, ALL))


def events(control: Rig) -> list[tuple[str, str]]:
    found = audit.stream(control.services.database.database, AuditFilter())
    names = [(stored.record.event, stored.record.object_id) for stored in found]
    return [each for each in names if each[0].startswith(("team.", "user."))]


async def test_every_change_is_recorded(control: Rig) -> None:
    await cast(control)
    acting = service(control)
    reference = MemberReference(user_id="fresh", role="user")
    await acting.add(MemberAdd(team_id="t", member=[reference], max_budget_in_team=1.0))
    await acting.update(MemberUpdate(team_id="t", user_id="fresh", role="admin"))
    await acting.use_defaults("t", "fresh")
    await acting.remove("t", PersonFields(user_id="fresh"))
    assert events(control) == [
        ("user.created", "fresh"),
        ("team.member_added", "t/fresh"),
        ("team.member_updated", "t/fresh"),
        ("team.member_updated", "t/fresh"),
        ("team.member_removed", "t/fresh"),
    ]


async def test_what_fails_for_one_leaves_nothing_of_him(control: Rig) -> None:
    await cast(control)
    before = await dump(control)
    taken = MemberReference(user_id="new", user_email="user@example.org", role="user")
    found = await service(control).add_many(BulkMemberAdd(team_id="t", members=[taken]))
    assert (found["failed_additions"], found["results"][0]["error"]) == (1, "another user has this user_email")
    assert await dump(control) == before
    assert events(control) == []


async def test_a_stale_etag_changes_nothing(control: Rig) -> None:
    await cast(control)
    before = await dump(control)
    acting = service(control, if_match='"9"')
    for attempt in (
        acting.add(MemberAdd(team_id="t", member=[MemberReference(user_id="user", role="user")])),
        acting.add_many(BulkMemberAdd(team_id="t", all_users=True)),
        acting.update(MemberUpdate(team_id="t", user_id="member", role="admin")),
        acting.use_defaults("t", "member"),
        acting.reset_spend("t", "member", 0.0),
        acting.remove("t", PersonFields(user_id="member")),
    ):
        with pytest.raises(ApiError) as error:
            await attempt
        assert error.value.status == 412
    assert await dump(control) == before
