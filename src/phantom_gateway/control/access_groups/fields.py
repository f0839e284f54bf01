"""The request bodies of ``/access_group/*`` and ``/v1/access_group``."""

from __future__ import annotations

from phantom_gateway.control.entities.fields import Body, Later, Name, Names, Text


class GroupFields(Body):
    """What ``POST`` and ``PUT /v1/access_group`` have in common."""

    description: Text | None = None
    access_model_names: Names | None = None
    assigned_team_ids: Names | None = None
    assigned_key_ids: Names | None = None
    access_mcp_server_ids: Later = None
    access_agent_ids: Later = None


class GroupCreate(GroupFields):
    """Body of ``POST /v1/access_group``."""

    access_group_name: Name


class GroupUpdate(GroupFields):
    """Body of ``PUT /v1/access_group/{id}``. A field that is absent stays as it is."""

    access_group_name: Name | None = None


class ModelGroupUpdate(Body):
    """Body of ``PUT /access_group/{name}/update``: models by name, or deployments by id."""

    model_names: Names | None = None
    model_ids: Names | None = None


class ModelGroupNew(ModelGroupUpdate):
    """Body of ``/access_group/new``."""

    access_group: Name
