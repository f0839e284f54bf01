"""The request bodies of ``/project/*``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phantom_gateway.control.entities.fields import AllowanceFields, Body, Later, Name, Names, NewId, Text
from phantom_gateway.control.entities.temporary import TemporaryFields


class ProjectFields(TemporaryFields, AllowanceFields):
    """What ``/project/new`` and ``/project/update`` have in common."""

    project_alias: Name | None = None
    description: Text | None = None
    tags: Names | None = None

    allowed_models: Later = None
    guardrails: Later = None
    policies: Later = None
    model_itpm_limit: Later = None
    model_otpm_limit: Later = None
    object_permission: Later = None


class ProjectNew(ProjectFields):
    """Body of ``/project/new``."""

    project_id: NewId | None = None
    team_id: Name


class ProjectUpdate(ProjectFields):
    """Body of ``/project/update``. A field that is absent stays as it is; ``null`` clears it."""

    project_id: Name
    team_id: Name | None = None


class ProjectDelete(Body):
    """Body of ``/project/delete``: all of them or none."""

    project_ids: Annotated[list[Name], Field(min_length=1, max_length=100)]
