"""The request body of ``/health/test_connection``."""

from __future__ import annotations

from pydantic import Field

from phantom_gateway.control.entities.fields import Body, JsonObject, Name


class ConnectionTest(Body):
    """Body of ``/health/test_connection``: a model as for ``/model/new``, and what kind of request to try."""

    mode: Name | None = None
    litellm_params: JsonObject = Field(default_factory=dict)
    model_info: JsonObject = Field(default_factory=dict)
