"""Models as a list sorts and filters them, before those of a page are looked at closely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

from phantom_gateway.control.models_view import PER_TOKEN
from phantom_gateway.spine.snapshot import Deployment
from phantom_gateway.store.tenancy_tables import MODELS

SortBy = Literal["model_name", "created_at", "updated_at", "costs", "status"]


@dataclass(frozen=True, slots=True)
class Outline:
    """What of a row is needed to list it."""

    id: str
    name: str
    created_at: float
    updated_at: float
    info: dict[str, Any]
    created_by: str | None


@dataclass(frozen=True, slots=True)
class Listed:
    """A model of the file or of the database."""

    id: str
    name: str
    access_groups: tuple[str, ...]
    deployment: Deployment | None
    """``None``: it is in the database and not served."""
    outline: Outline | None
    """``None``: it is the file's."""

    def order(self, by: SortBy) -> Any:
        """What it is sorted by."""
        if by == "costs":
            prices = self.deployment.prices if self.deployment is not None else None
            return 0 if prices is None else (prices.input + prices.output) / PER_TOKEN
        if by == "status":
            return (self.outline is not None, self.name)
        if by == "model_name":
            return self.name
        if self.outline is None:
            return float("-inf")
        return self.outline.created_at if by == "created_at" else self.outline.updated_at


def outlines(connection: sa.Connection) -> list[Outline]:
    """All rows, by id."""
    columns = [MODELS.c[name] for name in Outline.__dataclass_fields__]
    return [Outline(*row) for row in connection.execute(sa.select(*columns).order_by(MODELS.c.id))]


def of_deployment(one: Deployment, outline: Outline | None) -> Listed:
    """A model that is served."""
    return Listed(one.id, one.group if outline is None else outline.name, one.access_groups, one, outline)


def of_outline(outline: Outline) -> Listed:
    """One that is not."""
    groups = outline.info.get("access_groups") or ()
    return Listed(outline.id, outline.name, tuple(groups), None, outline)
