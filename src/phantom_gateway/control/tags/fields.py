"""The request bodies of ``/tag/*``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phantom_gateway.control.budgets.fields import BudgetFields
from phantom_gateway.control.entities.fields import Body, Kept, Name, Names, Text
from phantom_gateway.control.entities.temporary import TemporaryFields


class TagFields(TemporaryFields, BudgetFields):
    """Body of ``/tag/new`` and ``/tag/update``. An absent field stays as it is; ``null`` clears it."""

    name: Name
    description: Text | None = None
    models: Names | None = None
    budget_id: Name | None = None
    model_info: Kept = None
    """Names of the models as clients echo them; what is shown is made from ``models``."""


class TagNames(Body):
    """Body of ``/tag/info``."""

    names: Annotated[list[Name], Field(min_length=1, max_length=1000)]


class TagDelete(Body):
    """Body of ``/tag/delete``."""

    name: Name
