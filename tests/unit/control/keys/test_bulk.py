from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.control.rig import ADMIN, Rig

from phantom_gateway.control.keys.bulk import MOST
from phantom_gateway.store import tenants

STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}


async def teams(control: Rig) -> None:
    def change(connection: sa.Connection) -> None:
        for name in ("t", "s"):
            tenants.TEAMS.insert(connection, tenants.TeamRow(id=name, **STAMPS))

    await control.services.database.write(change)


async def test_each_key_is_changed_for_itself(control: Rig) -> None:
    one, two = await control.generate(), await control.generate()
    items = [
        {"key": one["key"], "max_budget": 3},
        {"key": "sk-unknown-unknown-unknown", "max_budget": 3},
        {"key": two["token"], "tags": ["a"]},
        {"key": two["token"], "team_id": "nowhere"},
    ]
    found = (await control.post("/key/bulk_update", {"keys": items})).json()
    assert found["total_requested"] == 4
    assert [done["key"] for done in found["successful_updates"]] == [one["key"], two["token"]]
    assert found["successful_updates"][0]["key_info"]["max_budget"] == 3
    assert [(fail["key"][:10], fail["failed_reason"]) for fail in found["failed_updates"]] == [
        ("sk-unknown", "Key not found in database."),
        (two["token"][:10], "No such team."),
    ]


async def test_keys_of_a_team_are_changed_together(control: Rig) -> None:
    await teams(control)
    mine = [await control.generate(team_id="t") for _ in range(2)]
    other = await control.generate(team_id="s")
    body = {"team_id": "t", "all_keys_in_team": True, "update_fields": {"rpm_limit": 4}}
    found = (await control.post("/team/key/bulk_update", body)).json()
    assert {done["key"] for done in found["successful_updates"]} == {key["token"] for key in mine}
    body = {"team_id": "t", "key_ids": [mine[0]["key"], other["token"]], "update_fields": {"rpm_limit": 5}}
    found = (await control.post("/team/key/bulk_update", body)).json()
    assert [done["key_info"]["rpm_limit"] for done in found["successful_updates"]] == [5]
    assert [fail["key"] for fail in found["failed_updates"]] == [other["token"]]
    assert (await control.get("/key/info", key=other["token"])).json()["info"]["rpm_limit"] is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"keys": []}, "keys"),
        ({"keys": [{"key": "sk-x", "models": []}]}, "keys.0.models"),
        ({"keys": [{"key": "k"}] * (MOST + 1)}, "keys"),
    ],
)
async def test_bad_lists_are_named(control: Rig, body: dict[str, Any], param: str) -> None:
    answer = await control.post("/key/bulk_update", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_bad_team_changes_are_named(control: Rig) -> None:
    await teams(control)
    fields: dict[str, Any] = {"rpm_limit": 1}
    for body, status, param in (
        ({"team_id": "t", "update_fields": fields}, 400, "key_ids"),
        ({"team_id": "t", "key_ids": ["k"], "all_keys_in_team": True, "update_fields": fields}, 400, "key_ids"),
        ({"team_id": "nowhere", "all_keys_in_team": True, "update_fields": fields}, 404, "team_id"),
        ({"team_id": "t", "all_keys_in_team": True, "update_fields": {"user_id": "u"}}, 400, "update_fields.user_id"),
    ):
        answer = await control.post("/team/key/bulk_update", body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


async def test_a_change_of_nothing_is_refused(control: Rig) -> None:
    await teams(control)
    body = {"team_id": "t", "all_keys_in_team": True, "update_fields": {}}
    answer = await control.post("/team/key/bulk_update", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "update_fields")


async def test_a_stale_etag_stops_before_anything_has_changed(control: Rig) -> None:
    one, two = await control.generate(), await control.generate(rpm_limit=1)
    await control.post("/key/update", {"key": two["token"], "rpm_limit": 2})
    items = [{"key": each["token"], "max_budget": 3} for each in (one, two)]
    stale = await control.post("/key/bulk_update", {"keys": items[::-1]}, {**ADMIN, "if-match": '"1"'})
    assert stale.status_code == 412
    some = await control.post("/key/bulk_update", {"keys": items}, {**ADMIN, "if-match": '"1"'})
    assert [len(some.json()[name]) for name in ("successful_updates", "failed_updates")] == [1, 1]
