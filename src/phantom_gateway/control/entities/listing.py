"""Lists: how each list of the admin API is sorted and paged, in one place.

LiteLLM answers many lists as bare arrays. They stay arrays; how many entries there are in all is in the header ``x-total-count``,
and who asks for no page gets the first ``MOST``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import sqlalchemy as sa
from fastapi import Query, Response

from phantom_gateway.store.rows import Condition, R, Rows

MOST = 1_000
"""Entries in one answer."""
TOTAL = "x-total-count"

PageNumber = Annotated[int, Query(ge=1, le=1_000_000)]
PageSize = Annotated[int, Query(ge=1, le=MOST)]
SearchText = Annotated[str | None, Query(max_length=255)]
SortOrder = Literal["asc", "desc"]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request asks of a list: which page, of how many entries, in which order."""

    page: int
    size: int
    sort_by: str
    sort_order: str

    @property
    def window(self) -> tuple[int, int]:
        """(offset, limit)"""
        return (self.page - 1) * self.size, self.size

    @property
    def descending(self) -> bool:
        """Whether the largest comes first."""
        return self.sort_order == "desc"


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """A list of the rows of one table: what it may be sorted by, by the names that requests use. Ties go by primary key."""

    rows: Rows[R]
    sorts: Mapping[str, sa.ColumnElement[Any]]

    def page(self, connection: sa.Connection, conditions: Sequence[Condition], wanted: Wanted) -> tuple[int, list[R]]:
        """How many rows fulfil all conditions, and those of the page."""
        order = (self.sorts[wanted.sort_by], wanted.descending)
        return self.rows.listed(connection, conditions, order, wanted.window)


def page_of(entries: Iterable[T], wanted: Wanted, value: Callable[[T], Any]) -> tuple[int, list[T]]:
    """The same for a few entries that are not, or not all, in the database; ``value`` is what they are sorted by.

    What has no value is less than anything. Ties stay as they are.
    """

    def place(entry: T) -> tuple[bool, Any]:
        found = value(entry)
        return found is not None, found if found is not None else 0

    found = sorted(entries, key=place, reverse=wanted.descending)
    offset, limit = wanted.window
    return len(found), found[offset : offset + limit]


def tell_total(response: Response, total: int) -> None:
    """Say how many entries there are in all, beside those of the page."""
    response.headers[TOTAL] = str(total)
