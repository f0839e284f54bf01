from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, cast

import pytest
import sqlalchemy as sa
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import people, spend
from tests.unit.store.samples import closed

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.spending import live
from phantom_gateway.control.spending.live import MOST, MOST_EACH, LiveTails, Tail
from phantom_gateway.store.log_search import Search

LIVE = "/spend/logs/live"


def free(_: sa.Connection) -> None:
    return None


def tail(control: Rig, **fields: Any) -> Tail:
    parts: dict[str, Any] = {"database": control.services.database, "search": Search(since=0, until=0), "still": free}
    return Tail(**parts | {"clock": control.services.clock, "seconds": 60.0} | fields)


async def following(stream: AsyncIterator[bytes]) -> tuple[str, Any]:
    async for each in stream:
        if each.startswith(b"event: "):
            name, _, data = each.decode().partition("\n")
            return name[7:], json.loads(data[6:])
    raise AssertionError("the stream has ended")


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "TICK_S", 0.0)


@pytest.mark.parametrize("shared", [False, True])
async def test_what_is_stored_from_now_on_is_sent_once(control: Rig, shared: bool) -> None:
    found = await people(control)
    await spend(control, found)
    tailed = tail(control, shared=shared)
    stream = cast("Any", tailed.events())
    async with aclosing(stream):
        assert (await anext(stream)).startswith(b"retry:")
        waiting = control.journal("v")
        pending = following(stream)
        await control.services.database.read(tailed._poll)
        for n in range(3):
            waiting.append(closed(0, id=f"new-{n}", at_ns=int(control.services.clock() * 1e9)))
        await control.ingestion.catch_up("v", 3)
        name, data = await pending
        assert (name, [row["request_id"] for row in data["rows"]], data["more"]) == (
            "rows",
            ["new-2", "new-1", "new-0"],
            False,
        )
        waiting.append(closed(0, id="last", at_ns=int(control.services.clock() * 1e9)))
        await control.ingestion.catch_up("v", 4)
        assert [row["request_id"] for row in (await following(stream))[1]["rows"]] == ["last"]
        await waiting.close()


async def test_many_at_once_are_the_newest(control: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ROWS", 1)
    await spend(control, await people(control))
    stream = cast("Any", tail(control, last=0, search=Search(since=0, until=0, equal={"user_id": "ann"})).events())
    async with aclosing(stream):
        _, data = await following(stream)
    assert ([row["user"] for row in data["rows"]], data["more"]) == (["ann"], True)


async def test_it_ends_with_the_session_and_in_time(control: Rig) -> None:
    def gone(_: sa.Connection) -> None:
        raise ApiError(401, "over", kind="auth_error")

    for fields, reason in (({"still": gone}, "auth_error"), ({"seconds": 0.0}, "time")):
        assert await following(tail(control, **fields).events()) == ("end", {"reason": reason})


def test_there_are_only_so_many() -> None:
    tails = LiveTails()
    assert [tails.enter("a") for _ in range(MOST_EACH + 1)] == [True] * MOST_EACH + [False]
    assert [tails.enter(f"b{n}") for n in range(MOST)].count(True) == MOST - MOST_EACH
    tails.leave("a")
    assert tails.enter("c")


async def test_the_route_is_bounded_and_scoped(control: Rig) -> None:
    found = await people(control)
    answer = await control.get(LIVE, bearer(found.keys["ann"]), seconds=0)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store, no-transform"
    assert answer.text.endswith('event: end\ndata: {"reason":"time"}\n\n')
    assert control.services.tails.open.total() == 0
    for query in (
        {},
        {"seconds": 3601},
        {"seconds": -1},
        {"seconds": 0, "status_filter": "x"},
        {"seconds": 0, "page": 1},
    ):
        assert (await control.get(LIVE, None, **query)).status_code == 400
    assert control.services.tails.open.total() == 0
    for _ in range(MOST):
        control.services.tails.enter(f"{_}")
    refused = await control.get(LIVE, None, seconds=0)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
