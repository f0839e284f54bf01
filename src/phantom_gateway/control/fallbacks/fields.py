"""The request body of ``/fallback``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from phantom_gateway.control.entities.fields import Body, Name

FallbackType = Literal["general", "context_window", "content_policy"]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=240, pattern=r"^[^\x00-\x1f\x7f]+$")]


class FallbackNew(Body):
    """Body of ``POST /fallback``."""

    model: ModelName
    fallback_models: Annotated[list[Name], Field(min_length=1, max_length=100)]
    fallback_type: FallbackType = "general"
