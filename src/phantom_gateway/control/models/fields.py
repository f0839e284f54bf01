"""The request bodies of ``/model/*``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phantom_gateway.control.entities.fields import Body, JsonObject, Name

ModelId = Annotated[Name, Field(description="The id of a deployment, as in `model_info.id`.")]


class ModelNew(Body):
    """Body of ``/model/new``. ``litellm_params`` and ``model_info`` are those of the configuration file."""

    model_name: Name
    litellm_params: JsonObject
    model_info: JsonObject = Field(default_factory=dict)
    blocked: bool | None = None


class ModelUpdate(Body):
    """Body of ``/model/update`` and ``PATCH /model/{model_id}/update``: what is not named stays.

    ``id`` is LiteLLM's older place for ``model_info.id``; its command line writes it.
    """

    id: ModelId | None = None
    model_name: Name | None = None
    litellm_params: JsonObject | None = None
    model_info: JsonObject | None = None
    blocked: bool | None = None


class ModelDelete(Body):
    """Body of ``/model/delete``."""

    id: ModelId


class ModelBlock(Body):
    """Body of ``/model/block`` and ``/model/unblock``."""

    model_id: ModelId
