"""The request bodies of ``/role/*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from phantom_gateway.control.entities.fields import Body, Text
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.roles import NOT_GRANTED, RESERVED
from phantom_gateway.control.policy.table import WHOLE


def _grantable(name: str) -> str:
    if name not in {action.value for action in Action if action not in NOT_GRANTED}:
        raise ValueError("is no action that can be granted")
    return name


def _sensible(grants: dict[str, str]) -> dict[str, str]:
    for name, far in grants.items():
        if far != "all" and Action(name) in WHOLE:
            raise ValueError(f"{name} is about the whole gateway: it can be granted for all only")
    return grants


def _free(name: str) -> str:
    if name in RESERVED:
        raise ValueError("is the name of a built-in role")
    return name


RoleName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.:-]+$")]
Grants = Annotated[
    dict[Annotated[str, AfterValidator(_grantable)], Literal["all", "org", "team", "self"]], AfterValidator(_sensible)
]
Description = Annotated[Text, StringConstraints(max_length=1000)]


class RoleNew(Body):
    """Body of ``/role/new``."""

    role: Annotated[RoleName, AfterValidator(_free)]
    description: Description | None = None
    grants: Annotated[Grants, Field(max_length=200)]


class RoleUpdate(Body):
    """Body of ``/role/update``: ``grants`` are replaced whole."""

    role: RoleName
    description: Description | None = None
    grants: Annotated[Grants, Field(max_length=200)] | None = None


class RoleDelete(Body):
    """Body of ``/role/delete``."""

    roles: Annotated[list[RoleName], Field(min_length=1, max_length=100)]
