"""What the routes of usage are asked, as a question to the sums."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from fastapi import Query, Request

from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import reach_of, services_of
from phantom_gateway.control.queries import Values
from phantom_gateway.control.spending.key_names import key_ids
from phantom_gateway.control.spending.periods import period_or_all
from phantom_gateway.store import rollups
from phantom_gateway.store.rollups import CUSTOMERS, PLAIN, TAGS, Question

By = Literal[
    "model", "upstream_model", "provider", "route", "key", "user", "team", "organization", "project", "tag", "customer"
]
Text = Annotated[str | None, Query(max_length=1024)]
COLUMNS: dict[str, str] = {
    "model": "model_group",
    "upstream_model": "model",
    "provider": "provider",
    "route": "call_type",
    "key": "key_id",
    "user": "user_id",
    "team": "team_id",
    "organization": "org_id",
    "project": "project_id",
    "tag": "name",
    "customer": "name",
}
"""Dimensions, and the columns of the sums."""
_FILTERS = {
    "model": "model_group",
    "upstream_model": "model",
    "provider": "provider",
    "user_id": "user_id",
    "team_id": "team_id",
    "organization_id": "org_id",
    "project_id": "project_id",
}


PARAMETERS: dict[str, tuple[Any, Any]] = {
    "start_date": (str | None, None),
    "end_date": (str | None, None),
    "api_key": (Text, None),
    **dict.fromkeys((*_FILTERS, "tag", "customer"), (Text, None)),
}
"""What every route of usage takes, with types and defaults: days, both included (the last 30 unless said otherwise), and whose
requests; what is left out does not filter.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the same of everybody it is about whatever it is grouped by: one request counts once."""

    question: Question
    column: str = ""

    @property
    def whole(self) -> Question:
        """For totals. Tags and customers without one that is asked for would count a request for each, or not at all."""
        return self.question if "name" in self.question.only else replace(self.question, family=PLAIN)


async def asked(request: Request, given: Values, by: str = "") -> Asked:
    """Raises ApiError 400."""
    tag, customer = given["tag"], given["customer"]
    if tag and (customer or by == "customer"):
        raise bad_field("tag", "cannot be combined with customers: sums are kept by one of both")
    if customer and by == "tag":
        raise bad_field("customer", "cannot be combined with tags: sums are kept by one of both")
    only = {column: [given[name]] for name, column in _FILTERS.items() if given[name]}
    if given["api_key"]:
        only["key_id"] = await key_ids(request, [given["api_key"]])
    family = PLAIN
    if tag or by == "tag":
        family = TAGS
    if customer or by == "customer":
        family = CUSTOMERS
    if name := tag or customer:
        only["name"] = [name]
    days = period_or_all(given["start_date"], given["end_date"], services_of(request).clock())
    far = reach_of(request)
    reach = None if far.everything else far.where(**rollups.owners())
    question = Question(first=days.first, last=days.last, family=family, only=only, reach=reach)
    return Asked(question, COLUMNS.get(by, ""))


def before(question: Question, compare: str) -> Question | None:
    """The same of the period to compare with: as many days just before, or the same days a year (of weeks) ago."""
    days = question.last - question.first + 1
    if compare == "none":
        return None
    back = days if compare == "previous" else -(-max(days, 364) // 364) * 364
    return replace(question, first=question.first - back, last=question.last - back)
