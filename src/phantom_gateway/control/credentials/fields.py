"""The request bodies of ``/credentials``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from phantom_gateway.control.entities.fields import Body, JsonObject, Name

ValueName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Values = Annotated[dict[ValueName, Any], Field(max_length=32)]


class CredentialNew(Body):
    """Body of ``POST /credentials``: values, or the id of a model of the database whose values to take."""

    credential_name: Name
    display_name: Name | None = None
    credential_info: JsonObject = Field(default_factory=dict)
    credential_values: Values | None = None
    model_id: Name | None = None


class CredentialUpdate(Body):
    """Body of ``PATCH /credentials/{credential_name}``: what is not named stays."""

    credential_name: Name | None = None
    display_name: Name | None = None
    credential_info: JsonObject | None = None
    credential_values: Values | None = None
    model_id: Name | None = None
    credential_values_to_delete: Annotated[list[ValueName], Field(max_length=32)] | None = None
