"""The request bodies of ``/user/*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from phantom_gateway.control.entities.fields import (
    AllowanceFields,
    Body,
    Dollars,
    Kept,
    Later,
    Name,
    Names,
    NewId,
    Spend,
)
from phantom_gateway.control.entities.temporary import TemporaryFields


def _address(text: str) -> str:
    name, separator, domain = text.rpartition("@")
    if not (separator and name and domain) or any(character.isspace() for character in text):
        raise ValueError("is no e-mail address")
    return text.lower()


Email = Annotated[Name, AfterValidator(_address)]
Password = Annotated[str, StringConstraints(min_length=1, max_length=1024)]
Role = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]


class UserFields(TemporaryFields, AllowanceFields):
    """What ``/user/new`` and ``/user/update`` have in common."""

    user_id: Name | None = None
    user_email: Email | None = None
    user_alias: Name | None = None
    user_role: Role | None = None
    password: Annotated[Password | None, Field(repr=False)] = None
    spend: Spend = None

    agent_id: Kept = None
    config: Kept = None
    permissions: Kept = None

    allowed_cache_controls: Later = None
    budget_fallbacks: Later = None
    mcp_rpm_limit: Later = None
    tag_rpm_limit: Later = None
    guardrails: Later = None
    policies: Later = None
    prompts: Later = None
    object_permission: Later = None


KEPT = ("agent_id", "config", "permissions")
"""Stored in ``extra`` and echoed."""


class UserTeam(Body):
    """A team of a new user."""

    team_id: Name
    max_budget_in_team: Dollars | None = None
    user_role: Literal["user", "admin"] = "user"


class UserNew(UserFields):
    """Body of ``/user/new``. ``key_alias``, ``duration``, ``team_id`` and ``aliases`` are for the key that is made along."""

    user_id: NewId | None = None
    key_alias: Name | None = None
    duration: str | None = None
    team_id: Name | None = None
    aliases: Annotated[dict[str, Name], Field(max_length=1000)] | None = None
    teams: Annotated[list[Name | UserTeam], Field(max_length=100)] | None = None
    organizations: Annotated[Names, Field(max_length=100)] | None = None
    auto_create_key: bool = True
    sso_user_id: Name | None = None
    send_invite_email: Later = None


class UserUpdate(UserFields):
    """Body of ``/user/update``: the user is named by id or, without one, by address."""

    key_alias: Later = None
    duration: Later = None
    team_id: Later = None
    aliases: Later = None


class UserUpdateAll(UserFields):
    """What ``/user/bulk_update`` changes of everybody."""

    user_id: Later = None
    user_email: Later = None
    password: Later = None
    key_alias: Later = None
    duration: Later = None
    team_id: Later = None
    aliases: Later = None


class UserBulkUpdate(Body):
    """Body of ``/user/bulk_update``: either ``users``, or ``user_updates`` for all of them."""

    users: Annotated[list[UserUpdate], Field(max_length=500)] | None = None
    all_users: bool | None = None
    user_updates: UserUpdateAll | None = None


class UserDelete(Body):
    """Body of ``/user/delete``."""

    user_ids: Annotated[list[Name], Field(min_length=1, max_length=1000)]
