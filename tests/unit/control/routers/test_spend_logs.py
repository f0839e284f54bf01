from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import WEEK, day, people, spend

PATHS = ("/spend/logs/v2", "/spend/logs/ui")


async def found(control: Rig, key: str | None = None, path: str = PATHS[0], **query: Any) -> Any:
    answer = await control.get(path, bearer(key) if key else None, **{**WEEK, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({}, 20),
        ({"user_id": "ann"}, 10),
        ({"team_id": "t", "status_filter": "failure"}, 5),
        ({"status_filter": "success"}, 10),
        ({"end_user": "eve"}, 10),
        ({"session_id": "s"}, 10),
        ({"request_id": "ann-0"}, 1),
        ({"model": "up-bob"}, 5),
        ({"model_group": "demo"}, 20),
        ({"model_group": "other"}, 0),
        ({"error_code": "429"}, 10),
        ({"error_code": "throttling_error", "user_id": "bob"}, 5),
        ({"error_message": "THROTTLING"}, 10),
        ({"error_message": "%"}, 0),
        ({"min_spend": 1.5}, 5),
        ({"min_spend": 0.5, "max_spend": 1}, 5),
        ({"search": "ANN-"}, 10),
        ({"search": "_"}, 0),
        ({"cache_hit_filter": "true"}, 0),
        ({"start_date": f"{day(0)} 00:30:00", "end_date": f"{day(0)} 00:30:00"}, 4),
        ({"start_date": f"{day(3)} 12:00:00", "end_date": f"{day(1)} 00:00:00"}, 4),
        ({"start_date": f"{day(3)} 12:00:00", "end_date": f"{day(0)} 00:29:59"}, 8),
    ],
)
async def test_filters_count_what_they_list(control: Rig, query: dict[str, Any], total: int) -> None:
    await spend(control, await people(control))
    for path in PATHS:
        body = await found(control, path=path, **query)
        assert (body["total"], len(body["data"]), body["total_is_exact"]) == (total, total, True)
        assert body["next_cursor"] is None


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_cursor_and_numbers_lead_through_the_same_rows(control: Rig, order: str) -> None:
    await spend(control, await people(control))
    for query in ({}, {"search": "-"}):
        by_cursor: list[str] = []
        by_number: list[str] = []
        cursor: dict[str, Any] = {}
        for page in range(1, 8):
            body = await found(control, sort_order=order, page_size=3, **query, **cursor)
            by_cursor += [row["request_id"] for row in body["data"]]
            numbered = await found(control, sort_order=order, page_size=3, page=page, **query)
            by_number += [row["request_id"] for row in numbered["data"]]
            cursor = {"cursor": body["next_cursor"]}
        assert cursor == {"cursor": None}
        assert by_cursor == by_number
        assert len(set(by_cursor)) == 20
        starts = [row["startTime"] for row in (await found(control, sort_order=order))["data"]]
        assert starts == sorted(starts, reverse=order == "desc")


async def test_other_orders(control: Rig) -> None:
    await spend(control, await people(control))
    spends = [row["spend"] for row in (await found(control, sort_by="spend"))["data"]]
    assert spends == sorted(spends, reverse=True)
    page = await found(control, sort_by="total_tokens", sort_order="asc", page=2, page_size=15)
    assert len(page["data"]) == 5


async def test_sessions_come_with_what_they_add_up_to(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    whole = await found(control, group_by_session=True)
    rows = (await found(control, page_size=100))["data"]
    in_session = [row for row in rows if row["session_id"] == "s"]
    (session,) = [row for row in whole["data"] if row["session_id"] == "s"]
    assert (session["session_total_count"], session["request_id"]) == (10, in_session[0]["request_id"])
    assert session["session_total_spend"] == pytest.approx(sum(row["spend"] for row in in_session))
    assert session["session_start_time"] == min(row["startTime"] for row in in_session)
    assert sum(row["session_total_count"] for row in whole["data"]) == 20
    assert (whole["total_is_exact"], whole["next_session_cursor"]) == (True, None)
    first = await found(control, group_by_session=True, page_size=3)
    second = await found(control, group_by_session=True, page_size=50, session_cursor=first["next_session_cursor"])
    assert [row["request_id"] for row in first["data"] + second["data"]] == [row["request_id"] for row in whole["data"]]
    mine = await found(control, made.keys["ann"], group_by_session=True)
    assert {row["user"] for row in mine["data"]} == {"ann"}
    for query, field in (
        ({"group_by_session": True, "page": 2}, "page"),
        ({"group_by_session": True, "cursor": "1.1"}, "cursor"),
        ({"group_by_session": True, "sort_by": "spend"}, "sort_by"),
        ({"group_by_session": True, "session_cursor": "x"}, "session_cursor"),
        ({"session_cursor": "1.1"}, "session_cursor"),
    ):
        answer = await control.get(PATHS[0], None, **WEEK, **query)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


async def test_nobody_finds_what_he_does_not_reach(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    expected = {"ann": "ann", "bob": "bob", "lead": "ann", "boss": "ann"}
    for name, owner in expected.items():
        body = await found(control, made.keys[name])
        assert {row["user"] for row in body["data"]} == {owner}
        assert body["total"] == 10
        other = "bob" if owner == "ann" else "ann"
        assert (await found(control, made.keys[name], user_id=other))["data"] == []
        detail = await control.get(f"/spend/logs/ui/{other}-0", bearer(made.keys[name]))
        assert detail.status_code == 404
        own = await control.get(f"/spend/logs/ui/{owner}-0", bearer(made.keys[name]), **WEEK)
        assert own.json()["request_id"] == f"{owner}-0"
    session = await control.get("/spend/logs/session/ui", bearer(made.keys["ann"]), session_id="s")
    assert session.json()["data"] == []
    assert (await control.get("/spend/logs/session/ui", session_id="s")).json()["total"] == 10


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start_date": ""}, "start_date"),
        ({"end_date": "soon"}, "end_date"),
        ({"sort_by": "1; DROP TABLE requests"}, "sort_by"),
        ({"sort_order": "up"}, "sort_order"),
        ({"status_filter": "odd"}, "status_filter"),
        ({"cache_hit_filter": "odd"}, "cache_hit_filter"),
        ({"min_spend": "1e300"}, "min_spend"),
        ({"min_spend": "nan"}, "min_spend"),
        ({"cursor": "1.2; --"}, "cursor"),
        ({"cursor": "1.2", "sort_by": "spend"}, "cursor"),
        ({"page": 1000, "page_size": 1000}, "page"),
        ({"page_size": 100_000}, "page_size"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
async def test_bad_input_is_named(control: Rig, query: dict[str, Any], field: str) -> None:
    answer = await control.get(PATHS[0], **{**WEEK, **query})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
