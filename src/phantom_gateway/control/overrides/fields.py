"""The request bodies of ``/config/*`` and its neighbours."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from phantom_gateway.control.entities.fields import Body, Kept, Name
from phantom_gateway.control.overrides.settings import SectionName

Values = Annotated[dict[Name, Any], Field(max_length=100)]


class FieldUpdate(Body):
    """Body of ``/config/field/update``."""

    field_name: Name
    field_value: Kept
    config_type: SectionName = "general_settings"


class FieldDelete(Body):
    """Body of ``/config/field/delete``."""

    field_name: Name
    config_type: SectionName = "general_settings"


class ConfigUpdate(Body):
    """Body of ``/config/update``: settings by section. ``environment_variables`` and ``model_list`` are refused by name."""

    general_settings: Values | None = None
    router_settings: Values | None = None
    litellm_settings: Values | None = None


class Enabled(Body):
    """Body of ``/config/block_requests_for_models_without_pricing``."""

    enabled: bool
