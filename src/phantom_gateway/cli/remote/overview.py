"""``phantom spend`` and ``phantom whoami``: answers that are put together from what the API says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any

import typer

from phantom_gateway.cli.remote import output
from phantom_gateway.cli.remote.api import Access, ApiError, UsageError, call
from phantom_gateway.cli.remote.command import COMMON, opened, with_failures, with_parameters
from phantom_gateway.cli.remote.description import Column

DAYS = 30


@dataclass(frozen=True, slots=True)
class Grouping:
    """Where ``--by`` finds its sums: a route, and the part of its daily breakdown."""

    path: str
    part: str
    label: str = ""
    """Of a group's metadata: the name that people know it by."""


BY = {
    "key": Grouping("/user/daily/activity/aggregated", "api_keys", "key_alias"),
    "team": Grouping("/team/daily/activity/aggregated", "entities", "team_alias"),
    "user": Grouping("/user/daily/activity/aggregated", "entities", "user_email"),
    "model": Grouping("/user/daily/activity/aggregated", "model_groups"),
}
_SUMS = ("spend", "api_requests", "total_tokens")
_COLUMNS = (
    Column("NAME", "name"), Column("SPEND", "spend"), Column("REQUESTS", "api_requests"), Column("TOKENS", "total_tokens"),
)  # fmt: skip
_SPEND: dict[str, tuple[Any, Any]] = {
    "by": (Annotated[str, typer.Option(help="key, team, user or model.")], "model"),
    "since": (Annotated[str | None, typer.Option(help="First day, YYYY-MM-DD (UTC). Default: 30 days ago.")], None),
    "until": (Annotated[str | None, typer.Option(help="Last day. Default: today.")], None),
}


def _spend(**values: Any) -> None:
    """Show what was spent, the most first."""
    with_failures("spend", lambda: show_spend(values))


def _whoami(**values: Any) -> None:
    """Show which gateway is asked, and as whom."""
    with_failures("whoami", lambda: show_whoami(values))


spend = with_parameters(_spend, _SPEND | COMMON)
whoami = with_parameters(_whoami, dict(COMMON))


def show_spend(values: Mapping[str, Any]) -> None:
    """Ask for the sums of a range of days, and show them by group. Raises ApiError, UsageError."""
    grouping = BY.get(values["by"])
    if grouping is None:
        raise UsageError(f"--by: one of {', '.join(BY)}")
    first, last = period(values["since"], values["until"], datetime.now(UTC).date())
    asked = {"start_date": first.isoformat(), "end_date": last.isoformat()}
    answer = call(opened(dict(values)), "GET", grouping.path, asked)
    if values["as_json"]:
        output.as_json(answer)
        return
    output.rows(sums(answer, grouping), _COLUMNS, wide=values["wide"])


def period(since: str | None, until: str | None, today: date) -> tuple[date, date]:
    """First and last day. Raises UsageError."""
    try:
        last = date.fromisoformat(until) if until else today
        first = date.fromisoformat(since) if since else last - timedelta(days=DAYS)
    except ValueError as error:
        raise UsageError("--since and --until are days: YYYY-MM-DD") from error
    if first > last:
        raise UsageError("--since is after --until")
    return first, last


def sums(answer: Any, grouping: Grouping) -> list[dict[str, Any]]:
    """The daily breakdowns added up by group, the dearest first, what belongs to no group, and all of it."""
    groups: dict[str, dict[str, Any]] = {}
    total: dict[str, Any] = {"name": "TOTAL", **dict.fromkeys(_SUMS, 0)}
    for day in output.at(answer, "results") or ():
        _add(total, day)
        for name, found in (output.at(day, f"breakdown.{grouping.part}") or {}).items():
            label = output.at(found, f"metadata.{grouping.label}") if grouping.label else None
            _add(groups.setdefault(name, {"name": label or name or "-", **dict.fromkeys(_SUMS, 0)}), found)
    ordered = sorted(groups.values(), key=lambda group: (-group["spend"], group["name"]))
    rest = {each: total[each] - sum(group[each] for group in ordered) for each in _SUMS}
    if rest["api_requests"] > 0:
        ordered.append({"name": "(none)", **rest})
    return [*ordered, total]


def _add(group: dict[str, Any], found: Any) -> None:
    for each in _SUMS:
        group[each] += output.at(found, f"metrics.{each}") or 0


def show_whoami(values: Mapping[str, Any]) -> None:
    """Show the gateway's address and the caller. Raises ApiError, UsageError."""
    asked = opened(dict(values))
    found = {"url": asked.url.origin + asked.url.path, **caller(asked)}
    if values["as_json"]:
        output.as_json(found)
    else:
        output.item(found)


def caller(asked: Access) -> dict[str, Any]:
    """What the gateway says of the key in use; the master key is in no database."""
    try:
        answer = call(asked, "GET", "/key/info")
    except ApiError as error:
        if error.status != 404:
            raise
        return {"key": "master key", "user_role": "proxy_admin"}
    info = output.at(answer, "info") or {}
    names = (
        "key_name",
        "key_alias",
        "user_id",
        "team_id",
        "organization_id",
        "models",
        "spend",
        "max_budget",
        "expires",
    )
    return {"key": output.at(answer, "key"), **{name: info.get(name) for name in names}}
