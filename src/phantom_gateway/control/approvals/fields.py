"""The request bodies of ``/approval/*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from phantom_gateway.control.entities.fields import Body, Dollars, Name

Said = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00]*$", strip_whitespace=True)]
Wanted = Annotated[list[Name], Field(max_length=100)]
State = Literal["open", "approved", "refused", "withdrawn"]


class ApprovalNew(Body):
    """Body of ``/approval/new``: more for oneself, or for the key that is named."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)] | None = None
    max_budget: Dollars | None = None
    models: Wanted | None = None
    reason: Said = ""

    @model_validator(mode="after")
    def _asks_for_something(self) -> ApprovalNew:
        if self.max_budget is None and not self.models:
            raise ValueError("ask for max_budget, models, or both")
        return self


class ApprovalNamed(Body):
    """Body of ``/approval/withdraw``."""

    id: Name


class ApprovalRefused(ApprovalNamed):
    """Body of ``/approval/refuse``."""

    note: Said = ""


class ApprovalGranted(ApprovalRefused):
    """Body of ``/approval/approve``. What is not named is granted as it was asked for; an empty list of models is none."""

    max_budget: Dollars | None = None
    models: Wanted | None = None
