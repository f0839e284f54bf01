from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.accounts import STAMPS, write
from tests.unit.control.rig import ADMIN, Rig, bearer

from phantom_gateway.store import tenants

SHAPE = {
    "id": str, "updated_at": str, "changed_by": str, "changed_by_api_key": str, "action": str, "table_name": str,
    "object_id": str,
}  # fmt: skip
"""What LiteLLM 1.106.2 requires of a record."""


async def test_the_shape_is_litellms(control: Rig) -> None:
    made = await control.generate(rpm_limit=3)
    answer = (await control.get("/audit")).json()
    assert (answer["page"], answer["page_size"], answer["total_pages"]) == (1, 10, 1)
    assert answer["total"] == len(answer["audit_logs"])
    newest = answer["audit_logs"][0]
    assert {name: type(newest[name]) for name in SHAPE} == SHAPE
    assert (newest["action"], newest["table_name"]) == ("created", "LiteLLM_VerificationToken")
    assert (newest["object_id"], newest["before_value"]) == (made["token"], None)
    assert newest["updated_values"]["rpm_limit"] == 3
    assert newest["changed_by_api_key"] == control.services.master().id
    assert (await control.get(f"/audit/{newest['id']}")).json() == newest


async def test_pages_and_order(control: Rig) -> None:
    keys = [(await control.generate())["token"] for _ in range(5)]
    wanted: dict[str, Any] = {"table_name": "LiteLLM_VerificationToken", "page_size": 2}
    first = (await control.get("/audit", **wanted)).json()
    assert (first["total"], first["total_pages"]) == (5, 3)
    last = (await control.get("/audit", **wanted, page=3)).json()
    assert [one["object_id"] for one in last["audit_logs"]] == [keys[0]]
    oldest = (await control.get("/audit", **wanted, sort_order="asc")).json()
    assert [one["object_id"] for one in oldest["audit_logs"]] == keys[:2]


async def test_filters(control: Rig) -> None:
    await write(control, lambda connection: tenants.TEAMS.insert(connection, tenants.TeamRow(id="t1", **STAMPS)))
    one = (await control.generate(team_id="t1"))["token"]
    two = (await control.generate(key_alias="50%"))["token"]
    await control.post("/key/block", {"key": two}, ADMIN | {"litellm-changed-by": "ada"})
    for query, ids in (
        ({"object_key_hash": one}, [one]),
        ({"object_id": two, "action": "created"}, [two]),
        ({"changed_by": "ada"}, [two]),
        ({"object_team_id": "t1"}, [one]),
        ({"search": "key.block"}, [two]),
        ({"search": "%"}, []),
        ({"start_date": "2100-01-01"}, []),
        ({"end_date": "2000-01-01"}, []),
        ({"action": "created", "start_date": "2000-01-01", "end_date": "2100-01-01", "sort_by": "table_name"}, None),
    ):
        answer = (await control.get("/audit", **query)).json()
        if ids is not None:
            assert [each["object_id"] for each in answer["audit_logs"]] == ids, query
            assert answer["total"] == len(ids)
        else:
            assert answer["total"] == 3  # the key that seals secrets was made, too


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"page": 0}, "page"),
        ({"page_size": 101}, "page_size"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"sort_by": "hash; DROP TABLE audit_log"}, "sort_by"),
        ({"sort_order": "up"}, "sort_order"),
        ({"object_key_hash": "a", "object_id": "b"}, "object_key_hash"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_bad_queries_are_named(control: Rig, query: dict[str, Any], param: str) -> None:
    answer = await control.get("/audit", **query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize("number", ["0", "999", "x", "-1", "1" * 30, "9223372036854775808", "\u0661"])
async def test_what_is_not_there_is_404(control: Rig, number: str) -> None:
    answer = await control.get(f"/audit/{number}")
    assert (answer.status_code, answer.json()["error"]["type"]) == (404, "not_found_error")


async def test_only_the_master_key_reads_it(control: Rig) -> None:
    key = (await control.generate())["key"]
    for path in ("/audit", "/audit/1"):
        assert (await control.get(path, bearer(key))).status_code == 403
        assert (await control.http.get(path)).status_code == 401
