"""The request bodies of ``/customer/*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phantom_gateway.control.budgets.fields import BudgetFields
from phantom_gateway.control.entities.fields import Body, JsonObject, Later, Name, Names, Spend
from phantom_gateway.control.entities.temporary import TemporaryFields


class CustomerFields(TemporaryFields, BudgetFields):
    """What ``/customer/new`` and ``/customer/update`` have in common. An absent field stays as it is; ``null`` clears it."""

    user_id: Name
    alias: Name | None = None
    blocked: bool | None = None
    spend: Spend = None
    allowed_model_region: Literal["eu", "us"] | None = None
    default_model: Name | None = None
    models: Names | None = None
    budget_id: Name | None = None
    metadata: JsonObject | None = None
    object_permission: Later = None


class CustomerIds(Body):
    """Body of ``/customer/delete``, ``/customer/block`` and ``/customer/unblock``."""

    user_ids: Annotated[list[Name], Field(min_length=1, max_length=1000)]
