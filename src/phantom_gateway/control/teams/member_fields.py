"""The request bodies of a team's members."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phantom_gateway.control.entities.fields import Body, Dollars, LimitFields, Name, Names
from phantom_gateway.control.entities.people import ONE_OR_MANY, PersonFields
from phantom_gateway.control.entities.temporary import TemporaryFields

MemberRole = Literal["admin", "user"]
MOST_AT_ONCE = 500


class MemberLimits(LimitFields):
    """What a member may use of the team."""

    max_budget_in_team: Dollars | None = None
    allowed_models: Names | None = None


class MemberReference(PersonFields):
    """Somebody and his role in the team."""

    role: MemberRole


class MemberAdd(MemberLimits):
    """Body of ``/team/member_add``: all of them or none."""

    team_id: Name
    member: Annotated[list[MemberReference], Field(min_length=1, max_length=MOST_AT_ONCE), ONE_OR_MANY]


class BulkMemberAdd(MemberLimits):
    """Body of ``/team/bulk_member_add``: each by itself."""

    team_id: Name
    members: Annotated[list[MemberReference], Field(max_length=MOST_AT_ONCE)] | None = None
    all_users: bool | None = None


class MemberUpdate(TemporaryFields, MemberLimits, PersonFields):
    """Body of ``/team/member_update``. A field that is absent stays as it is; ``null`` clears it."""

    team_id: Name
    role: MemberRole | None = None


class MemberDelete(PersonFields):
    """Body of ``/team/member_delete``."""

    team_id: Name


class SpendReset(Body):
    """Body of ``reset_spend``."""

    reset_to: Dollars
