"""The questions of ``bench.dashboards``: every dashboard route over 30 and 90 days, as an administrator and as a plain user."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import httpx
from fastapi import FastAPI

from phantom_gateway.control.app import create_app
from phantom_gateway.control.auth import Caller
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.policy.actor import ADMIN, USER, Actor
from phantom_gateway.control.services import Configuration, ControlServices
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.spine.snapshot import Deployment, Snapshot
from phantom_gateway.store.database import Database

Ask = Callable[[str, dict[str, Any], str], Awaitable[int]]
ACTORS = {
    "admin": Actor(key_id="admin", role=ADMIN),
    "user": Actor(key_id=f"{7:064x}", role=USER, user_id="user-7"),
    "team": Actor(key_id=f"{7:064x}", role=USER, user_id="user-7", teams_administered=frozenset({"team-7"})),
    "org": Actor(key_id=f"{7:064x}", role=USER, user_id="user-7", orgs_administered=frozenset({"org-7"})),
}


def day(back: int) -> str:
    """The date so many days ago."""
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - back * 86_400))


def _days(count: int) -> dict[str, Any]:
    return {"start_date": day(count - 1), "end_date": day(0)}


def _questions() -> list[tuple[str, str, dict[str, Any], str]]:
    """(name, path, query, who asks)"""
    month, quarter, today = _days(30), _days(90), _days(1)
    found: list[tuple[str, str, dict[str, Any], str]] = []

    def add(path: str, query: dict[str, Any], who: str = "admin", note: str = "") -> None:
        found.append((f"{path} {who}{note and ' '}{note}", path, query, who))

    for kind in ("user", "team", "organization", "tag", "customer"):
        add(f"/{kind}/daily/activity", month, note="30 days")
        add(f"/{kind}/daily/activity/aggregated/keys", month, note="30 days")
    add("/user/daily/activity/aggregated", {**month, "api_key_limit": 20}, note="30 days, 20 keys")
    add("/user/daily/activity/aggregated", month, note="30 days, 100 keys")
    add("/user/daily/activity/aggregated", _days(7), note="7 days")
    add("/user/daily/activity/aggregated", {**_days(7), "timezone": 300}, note="7 days, UTC-5")
    for who in ("user", "team", "org"):
        add("/user/daily/activity", month, who, "30 days")
        add("/spend/logs/v2", month, who, "30 days")
    add("/user/daily/activity", {**month, "timezone": -60}, "team", "30 days, UTC+1")
    add("/user/daily/activity/aggregated/search", {**month, "search": "abc"})
    add("/user/daily/activity/aggregated/model_top_keys", {**month, "model_group": "model-3"})
    add("/user/daily/activity/export", month, note="30 days")
    for path in ("keys", "models", "teams", "provider", "logs", "tags", "all_tag_names"):
        add(f"/global/spend/{path}", {})
    add("/global/spend", {})
    add("/global/activity", quarter, note="90 days")
    add("/global/activity/model", quarter, note="90 days")
    add("/global/spend/report", {**_days(7), "group_by": "team"}, note="7 days")
    add("/global/spend/report", {**month, "group_by": "api_key"}, note="30 days")
    add("/team/spend/by_user", month)
    add("/tag/summary", month)
    add("/spend/logs", month, note="30 days, by day")
    for note, query in {
        "today": today, "90 days": quarter, "page 100": {**quarter, "page": 100},
        "deep cursor": {**quarter, "cursor": f"{int((time.time() - 60 * 86_400) * 1_000_000)}.0"},
        "one user": {**quarter, "user_id": "user-7"}, "one team": {**quarter, "team_id": "team-7"},
        "one key": {**quarter, "api_key": f"{7:064x}"}, "one customer": {**quarter, "end_user": "customer-7"},
        "failures": {**quarter, "status_filter": "failure"}, "one model": {**quarter, "model_group": "model-3"},
        "unknown model": {**quarter, "model_group": "none"}, "error code": {**quarter, "error_code": "429"},
        "search": {**quarter, "search": "customer-77"}, "search nothing": {**quarter, "search": "nothing at all"},
        "dearest": {**quarter, "sort_by": "spend"}, "one request": {**quarter, "request_id": f"{77:032x}"},
    }.items():  # fmt: skip
        add("/spend/logs/v2", query, note=note)
    add("/spend/logs/session/ui", {"session_id": "session-77"})
    for by in ("model", "provider", "team", "key", "user"):
        add("/usage/report", {**month, "by": by}, note=f"by {by}, 30 days")
    add("/usage/report", {**quarter, "by": "key"}, note="by key, 90 days")
    add("/usage/report", {**month, "by": "model", "team_id": "team-7"}, note="by model, one team")
    add("/usage/report", {**month, "by": "tag"}, note="by tag, 30 days")
    for who in ("user", "team", "org"):
        add("/usage/report", {**month, "by": "model"}, who, "30 days")
    add("/usage/forecast", {"team_id": "team-7"})
    add("/usage/attention", {})
    for note, query in {
        "7 days": _days(7), "90 days": quarter, "one key": {**quarter, "api_key": f"{7:064x}"},
        "search": {**quarter, "search": "customer-77"},
    }.items():  # fmt: skip
        add("/spend/logs/facets", query, note=note)
    add("/spend/logs/live", {"seconds": 0})
    return found


QUESTIONS = _questions()


class _Everybody:
    """Lets in whom the header names."""

    def __init__(self, actors: Mapping[str, Actor]) -> None:
        self._actors = actors

    async def authenticate(self, headers: Any, _now: float, _session: str = "") -> Caller:
        """The actor of that name."""
        actor = self._actors[headers["x-api-key"]]
        return Caller(key=KeyRecord(id=actor.key_id, digest="d"), actor=actor)


@asynccontextmanager
async def asker(
    database: Database, actors: Mapping[str, Actor], deployments: Sequence[Deployment] = ()
) -> AsyncIterator[Ask]:
    """Asks the admin API over the database, in this process; gives the size of the answer. Raises RuntimeError unless it is 200.

    ``deployments`` are what the gateway would be serving.
    """
    threads = AsyncDatabase(database)
    nothing = cast(Any, None)
    services = ControlServices(
        database=threads, hasher=cast(KeyHasher, nothing), master=nothing, authenticator=cast(Any, _Everybody(actors)),
        workers=nothing, budgets=nothing, loader=nothing, refresher=nothing,
        sign_in=nothing, sessions=nothing, temporary=nothing, envelopes=nothing,
        configuration=Configuration(Snapshot(revision=1, deployments=tuple(deployments)), 0.0),
    )  # fmt: skip
    app: FastAPI = create_app(services)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://bench", timeout=600) as client:

        async def ask(path: str, query: dict[str, Any], who: str) -> int:
            answer = await client.get(path, params=query, headers={"x-api-key": who})
            if answer.status_code != 200:
                raise RuntimeError(f"{path}: {answer.status_code} {json.dumps(answer.text)[:300]}")
            return len(answer.content)

        yield ask
    threads.close()
