"""The filters of ``/spend/logs/v2`` as conditions on rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import Query

from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.queries import Parameters
from phantom_gateway.control.timestamps import is_date, parse
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.store.log_search import Cursor, Search
from phantom_gateway.store.matching import contains
from phantom_gateway.store.spend_logs import DAY_US
from phantom_gateway.store.tables import REQUESTS

MAX_INTEGER = (1 << 63) - 1
"""The largest integer that databases take."""
_SAME = {
    "user_id": "user_id",
    "team_id": "team_id",
    "request_id": "request_id",
    "session_id": "session_id",
    "end_user": "end_user",
    "model_id": "deployment_id",
    "model_group": "model_group",
    "provider": "provider",
    "key_alias": "key_alias",
}
"""Filters that are columns."""


Text = Annotated[str | None, Query(max_length=1024)]
DAYS: Parameters = {"start_date": (str | None, None), "end_date": (str | None, None)}
FILTERS: Parameters = {
    "api_key": (Text, None),
    **dict.fromkeys(
        ("user_id", "team_id", "model_group", "provider", "key_alias", "end_user", "session_id"), (Text, None)
    ),
    "status_filter": (str | None, None),
    "cache_hit_filter": (str | None, None),
    "error_code": (Text, None),
    "search": (Annotated[str | None, Query(max_length=255)], None),
}
"""What all routes of the log take."""
PAGES: Parameters = {
    **dict.fromkeys(("request_id", "model", "model_id", "error_message"), (Text, None)),
    "min_spend": (float | None, None),
    "max_spend": (float | None, None),
    "sort_by": (str, "startTime"),
    "sort_order": (Literal["asc", "desc"], "desc"),
    "page": (Annotated[int, Query(ge=1, le=10**9)], 1),
    "page_size": (Annotated[int, Query(ge=1, le=1000)], 50),
    "cursor": (str | None, None),
    "exclude_internal_health_checks": (bool, False),
    "group_by_session": (bool, False),
    "session_cursor": (str | None, None),
}
"""What pages of it take beside."""


@dataclass(frozen=True, slots=True)
class Filters:
    """As they came, ``None`` where one does not filter."""

    values: dict[str, Any]
    key_id: str | None = None
    """The key of the filter ``api_key``."""

    def search(
        self, reach: sa.ColumnElement[bool] | None, reach_of_sums: sa.ColumnElement[bool] | None = None
    ) -> Search:
        """What to look for. Raises ApiError 400."""
        values = self.values
        equal = {column: values[name] for name, column in _SAME.items() if values.get(name)}
        if self.key_id is not None:
            equal["key_id"] = self.key_id
        status = values.get("status_filter")
        if status not in (None, "", "success", "failure"):
            raise bad_field("status_filter", "must be success or failure")
        return Search(
            since=moment("start_date", values.get("start_date")),
            until=moment("end_date", values.get("end_date"), end=True),
            equal=equal,
            others=tuple(self._others()),
            failed=status == "failure",
            succeeded=status == "success",
            reach=reach,
            reach_of_sums=reach_of_sums,
        )

    def _others(self) -> list[sa.ColumnElement[bool]]:
        values, table = self.values, REQUESTS.c
        found: list[sa.ColumnElement[bool]] = []
        if values.get("model"):
            found.append(sa.or_(table.upstream_model == values["model"], table.model == values["model"]))
        hit = values.get("cache_hit_filter")
        if hit:
            if str(hit).lower() not in ("true", "false", "hit", "miss"):
                raise bad_field("cache_hit_filter", "must be true or false")
            found.append(table.cache_hit.is_(sa.true() if str(hit).lower() in ("true", "hit") else sa.false()))
        code = values.get("error_code")
        if code:
            if code.isascii() and code.isdigit() and len(code) < 6:
                found += [table.http_status == int(code), table.status != "success"]
            else:
                found.append(table.error_type == code)
        if values.get("error_message"):
            found.append(contains(table.error_type, values["error_message"]))
        for name, least in (("min_spend", True), ("max_spend", False)):
            if values.get(name) is not None:
                amount = _nano(name, values[name])
                found.append(table.cost_nano >= amount if least else table.cost_nano <= amount)
        if values.get("search"):
            text = values["search"]
            columns = (table.request_id, table.key_alias, table.user_id, table.end_user, table.model, table.session_id)
            found.append(sa.or_(*[contains(column, text) for column in columns]))
        return found


def moment(name: str, text: str | None, *, end: bool = False) -> int:
    """Unix microseconds; as ``end`` the first moment that is not meant any more.

    A date means its whole day; a time without fractions its whole second, as LiteLLM's UI sends it. Raises ApiError 400.
    """
    if not text:
        raise bad_field(name, "is required (YYYY-MM-DD HH:MM:SS)")
    try:
        found = int(parse(text) * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise bad_field(name, str(error)) from error
    if not end:
        return found
    if is_date(text):
        return found + DAY_US
    return found + 1_000_000 if found % 1_000_000 == 0 else found + 1


def cursor(text: str, name: str = "cursor") -> Cursor:
    """A place in the log as it was given out. Raises ApiError 400."""
    started, _, row_id = text.partition(".")
    if not (started.isascii() and started.isdigit() and row_id.isascii() and row_id.isdigit() and len(text) < 40):
        raise bad_field(name, "is not one of ours")
    found = int(started), int(row_id)
    if max(found) > MAX_INTEGER:
        raise bad_field(name, "is not one of ours")
    return found


def cursor_text(place: Cursor | None) -> str | None:
    """A place in the log for the next request."""
    return None if place is None else f"{place[0]}.{place[1]}"


def _nano(name: str, value: float) -> int:
    try:
        amount = usd_to_nano(value)
    except ValueError as error:
        raise bad_field(name, str(error)) from error
    if abs(amount) > MAX_INTEGER:
        raise bad_field(name, "is out of range")
    return amount
