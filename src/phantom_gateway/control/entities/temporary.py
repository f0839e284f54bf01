"""A budget that is higher for a while."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phantom_gateway.control.entities.fields import Body, Dollars
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.timestamps import parse
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.store.tenants import Allowance

if TYPE_CHECKING:
    from phantom_gateway.control.services import Temporary


class TemporaryFields(Body):
    """Both together, or both null to end it."""

    temp_budget_increase: Dollars | None = None
    temp_budget_expiry: str | None = None


def temporary_columns(fields: TemporaryFields, now: float) -> dict[str, Any]:
    """The columns that the request names. Raises ApiError 400, also for a moment before ``now``."""
    columns: dict[str, Any] = {}
    if "temp_budget_increase" in fields.model_fields_set:
        given = fields.temp_budget_increase
        columns["temp_increase_nano"] = None if given is None else usd_to_nano(given)
    if "temp_budget_expiry" in fields.model_fields_set:
        text = fields.temp_budget_expiry
        try:
            columns["temp_expiry"] = None if text is None else parse(text)
        except ValueError as error:
            raise bad_field("temp_budget_expiry", str(error)) from error
        if columns["temp_expiry"] is not None and columns["temp_expiry"] <= now:
            raise bad_field("temp_budget_expiry", "is in the past")
    return columns


def check(row: Allowance) -> None:
    """Refuse half of an increase, and one of nothing. Raises ApiError 400."""
    if row.temp_increase_nano is not None and row.temp_expiry is None:
        raise bad_field("temp_budget_expiry", "say until when the increase holds")
    if row.temp_increase_nano is None and row.temp_expiry is not None:
        raise bad_field("temp_budget_increase", "say by how much the budget is higher")
    if row.temp_increase_nano is not None and row.max_budget_nano is None and row.budget_id is None:
        raise bad_field("temp_budget_increase", "there is no budget to increase")


def note(watch: Temporary, name: str, row: Allowance, now: float) -> None:
    """Have workers forget ``name``, as invalidations name it, when what ``row`` has for a while ends."""
    if row.temp_expiry is not None and row.temp_expiry > now:
        watch.note(name, row.temp_expiry)
