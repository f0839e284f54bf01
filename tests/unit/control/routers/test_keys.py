from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.control.people import cast
from tests.unit.control.rig import ADMIN, MASTER, Rig, bearer
from tests.unit.store.samples import closed

from phantom_gateway.security import key_format
from phantom_gateway.spine.messages import Ack, Invalidate
from phantom_gateway.store import tenants
from phantom_gateway.wire.tasks import TaskGroup

# fmt: off
KEY_INFO_FIELDS = {
    "key_name", "key_alias", "spend", "total_spend", "max_budget", "expires", "models", "aliases", "config",
    "user_id", "team_id", "agent_id", "project_id", "max_parallel_requests", "metadata", "tpm_limit", "rpm_limit",
    "tpd_limit", "budget_duration", "budget_reset_at", "allowed_cache_controls", "allowed_routes", "key_type",
    "permissions", "model_spend", "model_max_budget", "budget_fallbacks", "blocked", "budget_id",
    "litellm_budget_table", "org_id", "created_at", "created_by", "updated_at", "updated_by", "last_active",
    "object_permission", "access_group_ids", "rotation_count", "auto_rotate", "rotation_interval",
    "last_rotation_at", "key_rotation_at", "router_settings", "budget_limits"
}
# fmt: on
"""LiteLLM 1.106.2's ``/key/info``."""


def everything_below(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.rglob("*") if file.is_file())


async def info(control: Rig, key: str) -> dict[str, Any]:
    answer = await control.get("/key/info", key=key)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["info"]
    return found


async def test_a_key_is_made_shown_once_and_works(control: Rig) -> None:
    made = await control.generate(
        key_alias="mine", models=["demo"], max_budget=1.5, budget_duration="1d", duration="30d", rpm_limit=9
    )
    key = made["key"]
    assert key_format.checksum_ok(key) is True
    assert made["key_name"] == f"sk-...{key[-4:]}"
    assert made["token"] == made["token_id"] == control.services.hasher.digest(key.encode())
    assert made["expires"].endswith("Z")
    assert (made["max_budget"], made["rpm_limit"], made["models"], made["duration"]) == (1.5, 9, ["demo"], "30d")
    own = await control.get("/key/info", headers=bearer(key))
    assert own.status_code == 200
    assert own.json()["key"] == made["token"]
    assert set(own.json()["info"]) >= KEY_INFO_FIELDS
    assert "token" not in own.json()["info"]
    assert key not in own.text


async def test_no_plaintext_reaches_the_disk(control: Rig, tmp_path: Path) -> None:
    keys = [(await control.generate(key_alias=f"k{number}"))["key"] for number in range(3)]
    keys.append((await control.generate(key="sk-my-own-value-of-a-key-123"))["key"])
    await control.post("/key/update", {"key": keys[0], "rpm_limit": 1})
    await control.post("/key/delete", {"keys": [keys[1]]})
    content = everything_below(tmp_path)
    assert b"k0" in content
    for key in (*keys, MASTER):
        assert key.encode() not in content
        assert key[6:-4].encode() not in content


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_budget", -1),
        ("max_budget", "10"),
        ("max_budget", True),
        ("max_budget", 1e12),
        ("soft_budget", -0.5),
        ("budget_duration", "forever"),
        ("budget_duration", "0d"),
        ("duration", "-3d"),
        ("duration", "0s"),
        ("duration", "yesterday"),
        ("rpm_limit", -1),
        ("rpm_limit", 1.5),
        ("tpm_limit", "9"),
        ("max_parallel_requests", []),
        ("models", "demo"),
        ("models", [1]),
        ("models", [""]),
        ("metadata", []),
        ("aliases", {"a": 1}),
        ("key_alias", ""),
        ("key_alias", "a\nb"),
        ("user_id", 7),
        ("key_type", "root"),
        ("blocked", "yes"),
        ("key", "sk-short"),
        ("key", "no-prefix-but-long-enough-value"),
        ("key", "sk-ph-" + "A" * 38),
        ("key", MASTER),
        ("spend", 1.0),
        ("budget_limits", [{"budget_duration": "1d"}]),
        ("budget_limits", [{"budget_duration": "1d", "max_budget": 1}, {"budget_duration": "1d", "max_budget": 2}]),
        ("guardrails", ["pii"]),
        ("model_max_budget", {"demo": {"max_budget": -1}}),
        ("model_rpm_limit", {"demo": "1"}),
        ("auto_rotate", True),
        ("rpm_limit_type", "guaranteed_throughput"),
        ("surprise", 1),
    ],
)
async def test_a_bad_field_is_named_and_changes_nothing(control: Rig, field: str, value: Any) -> None:
    answer = await control.post("/key/generate", {"key_alias": "x", field: value})
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == "400"
    assert error["param"].split(".")[0] == field
    assert field in error["message"]
    assert (await control.get("/key/list")).json()["total_count"] == 0


@pytest.mark.parametrize(
    "raw", [b'{"metadata": {"a": NaN}}', b'{"metadata": {"a": "\\ud800"}}', b'{"max_budget": Infinity}']
)
async def test_json_that_is_none_is_refused(control: Rig, raw: bytes) -> None:
    answer = await control.http.post("/key/generate", content=raw, headers=ADMIN)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] in ("metadata", "metadata.a", "max_budget")


async def test_empty_values_of_later_fields_are_accepted_and_echoed(control: Rig) -> None:
    made = await control.generate(
        guardrails=[], model_max_budget={}, spend=0, auto_rotate=False, tpm_limit_type="best_effort_throughput"
    )
    assert (made["model_max_budget"], made["auto_rotate"], made["spend"]) == ({}, False, 0.0)


async def test_kept_fields_are_echoed(control: Rig) -> None:
    kept = {
        "agent_id": "a",
        "budget_fallbacks": {"demo": ["cheap"]},
        "soft_budget": 2.5,
        "config": {"x": 1},
        "permissions": {"y": True},
    }
    made = await control.generate(**kept)
    assert {name: made[name] for name in kept} == kept
    await control.post("/key/update", {"key": made["key"], "agent_id": "b"})
    assert {name: (await info(control, made["key"]))[name] for name in kept} == kept | {"agent_id": "b"}


async def test_own_values_are_taken_once(control: Rig) -> None:
    own = "sk-my-own-value-of-a-key-123"
    assert (await control.generate(key=own))["key"] == own
    again = await control.post("/key/generate", {"key": own})
    assert (again.status_code, again.json()["error"]["param"]) == (400, "key")
    assert own not in again.text


async def test_an_alias_is_unique(control: Rig) -> None:
    await control.generate(key_alias="mine")
    answer = await control.post("/key/generate", {"key_alias": "mine"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "key_alias")


async def test_update_changes_what_it_names(control: Rig) -> None:
    made = await control.generate(key_alias="mine", max_budget=1, rpm_limit=5, metadata={"a": 1}, duration="1d")
    answer = await control.post(
        "/key/update", {"key": made["key"], "rpm_limit": 7, "max_budget": None, "duration": "-1"}
    )
    assert answer.status_code == 200
    assert answer.json()["key"] == made["key"]
    after = await info(control, made["token"])
    assert (after["rpm_limit"], after["max_budget"], after["expires"]) == (7, None, None)
    assert (after["key_alias"], after["metadata"], after["created_at"]) == ("mine", {"a": 1}, made["created_at"])
    assert after["updated_at"] > made["updated_at"]


async def test_update_of_an_unknown_key_is_404(control: Rig) -> None:
    answer = await control.post("/key/update", {"key": "sk-unknown-unknown-unknown", "rpm_limit": 1})
    assert answer.status_code == 404
    assert "sk-unknown" not in answer.text


async def test_block_and_unblock(control: Rig) -> None:
    made = await control.generate()
    blocked = await control.post("/key/block", {"key": made["key"]})
    assert (blocked.json()["token"], blocked.json()["blocked"]) == (made["token"], True)
    assert (await control.get("/key/info", headers=bearer(made["key"]))).status_code == 401
    assert (await control.post("/key/unblock", {"key": made["token"]})).json()["blocked"] is False
    assert (await control.get("/key/info", headers=bearer(made["key"]))).status_code == 200


async def test_delete_takes_all_or_none(control: Rig) -> None:
    one, two = await control.generate(key_alias="one"), await control.generate(key_alias="two")
    refused = await control.post("/key/delete", {"keys": [one["key"], "sk-unknown-unknown-unknown"]})
    assert refused.status_code == 404
    assert (await control.get("/key/list")).json()["total_count"] == 2
    done = await control.post("/key/delete", {"keys": [one["key"], one["token"]]})
    assert done.json() == {"deleted_keys": [one["key"], one["token"]]}
    assert (await control.post("/key/delete", {"key_aliases": ["two"]})).json() == {"deleted_keys": ["two"]}
    assert (await control.get("/key/info", headers=bearer(two["key"]))).status_code == 401
    bodies: list[dict[str, list[str]]] = [{}, {"keys": []}, {"keys": ["a"], "key_aliases": ["b"]}]
    for body in bodies:
        assert (await control.post("/key/delete", body)).status_code == 400


async def test_a_virtual_key_sees_itself_and_manages_nothing(control: Rig) -> None:
    mine, other = await control.generate(), await control.generate(key_type="read_only")
    headers = bearer(mine["key"])
    assert (await control.get("/key/info", headers=headers, key=mine["key"])).status_code == 200
    for stranger in (other["key"], other["token"], "sk-unknown-unknown-unknown", MASTER):
        assert (await control.get("/key/info", headers=headers, key=stranger)).status_code == 404
    llm = await control.generate(key_type="llm_api")
    for key in (mine, other, llm):
        for path in ("generate", "update", "delete", "block", "unblock"):
            answer = await control.post(f"/key/{path}", {"key": mine["key"]}, headers=bearer(key["key"]))
            assert answer.status_code == 403, path
            assert "not allowed to call this route" in answer.json()["error"]["message"]


async def test_the_master_key_is_no_row(control: Rig) -> None:
    assert (await control.get("/key/info")).status_code == 404
    assert (await control.get("/key/info", key=MASTER)).status_code == 404
    assert (await control.get("/key/info", key="sk-unknown-unknown-unknown")).status_code == 404


async def test_lists_are_paged_and_filtered(control: Rig) -> None:
    made = [await control.generate(key_alias=f"k{number}", user_id=f"u{number % 2}") for number in range(5)]
    first = (await control.get("/key/list", size=2)).json()
    assert first == {
        "keys": [made[4]["token"], made[3]["token"]],
        "total_count": 5,
        "current_page": 1,
        "total_pages": 3,
    }
    full = (
        await control.get("/key/list", user_id="u1", return_full_object=True, sort_order="asc", sort_by="key_alias")
    ).json()
    assert [one["key_alias"] for one in full["keys"]] == ["k1", "k3"]
    assert KEY_INFO_FIELDS | {"token"} <= set(full["keys"][0])
    assert (await control.get("/key/list", key_hash=made[2]["token"])).json()["total_count"] == 1
    assert (await control.get("/key/list", key_alias="k")).json()["total_count"] == 0
    assert (await control.get("/key/list", key_alias="k", substring_matching=True)).json()["total_count"] == 5
    assert (await control.get("/key/list", status="blocked")).json()["total_count"] == 0
    for query in ({"size": 101}, {"page": 0}, {"sort_by": "id; DROP"}, {"nope": "p"}, {"expires": "soon"}):
        answer = await control.get("/key/list", **query)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, next(iter(query)))


async def test_a_change_is_answered_when_the_workers_know(control: Rig) -> None:
    made, tasks = await control.generate(), TaskGroup()
    async with control.worker() as worker:
        for path, body in (("update", {"rpm_limit": 1}), ("block", {}), ("unblock", {}), ("delete", None)):
            sent = {"keys": [made["key"]]} if body is None else {"key": made["key"], **body}
            answer = tasks.spawn(control.post(f"/key/{path}", sent), path)
            order = await worker.expect(Invalidate)
            assert order.entities == (f"key:{made['token']}",)
            assert not answer.done(), path
            worker.send(Ack(seq=order.seq))
            assert (await answer).status_code == 200


async def test_the_name_of_the_changer_is_kept(control: Rig) -> None:
    answer = await control.http.post(
        "/key/generate", content=json.dumps({}), headers={**ADMIN, "litellm-changed-by": "ops@example.com"}
    )
    assert answer.json()["created_by"] == "ops@example.com"
    assert (await control.generate())["created_by"] == "default_user_id"


async def test_lists_are_widened_and_name_users(control: Rig) -> None:
    def change(connection: sa.Connection) -> None:
        stamps: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}
        tenants.USERS.insert(connection, tenants.UserRow(id="u", role="internal_user", email="u@x", **stamps))
        tenants.TEAMS.insert(connection, tenants.TeamRow(id="t", **stamps))
        tenants.TEAM_MEMBERS.insert(connection, tenants.TeamMemberRow(team_id="t", user_id="u", role="admin", **stamps))

    await control.services.database.write(change)
    own, team, other = (
        await control.generate(user_id="u"),
        await control.generate(team_id="t"),
        await control.generate(),
    )
    by = {**ADMIN, "litellm-changed-by": "u"}
    created = (await control.post("/key/generate", {"user_id": "v"}, by)).json()

    async def ids(**query: Any) -> set[str]:
        return set((await control.get("/key/list", user_id="u", **query)).json()["keys"])

    assert await ids() == {own["token"]}
    assert await ids(include_team_keys=True) == {own["token"], team["token"]}
    assert await ids(include_created_by_keys=True) == {own["token"], created["token"]}
    assert other["token"] not in await ids(include_team_keys=True, include_created_by_keys=True)
    (full,) = (await control.get("/key/list", user_id="u", expand="user")).json()["keys"]
    assert full["user"] == {"user_id": "u", "user_email": "u@x", "user_alias": None}
    assert (await control.get("/key/list", expand="team")).json()["error"]["param"] == "expand.0"


async def test_aliases_are_listed(control: Rig) -> None:
    for alias in ("b_1", "a%1", None):
        await control.generate(key_alias=alias)
    found = (await control.get("/key/aliases")).json()
    assert (found["aliases"], found["total_count"]) == (["a%1", "b_1"], 2)
    assert (await control.get("/key/aliases", search="%")).json()["aliases"] == ["a%1"]
    assert (await control.get("/key/aliases", size=1, page=2)).json()["aliases"] == ["b_1"]
    assert (await control.get("/key/aliases", team_id="t")).json()["total_pages"] == 0


async def test_several_keys_are_shown_at_once(control: Rig) -> None:
    one, two = await control.generate(key_alias="one"), await control.generate(key_alias="two")
    body = {"keys": [two["key"], "sk-unknown-unknown-unknown", one["token"]]}
    found = (await control.post("/v2/key/info", body)).json()
    assert found["key"] == [two["key"], one["token"]]
    assert [info["key_alias"] for info in found["info"]] == ["two", "one"]
    mine = (await control.post("/v2/key/info", body, bearer(one["key"]))).json()
    assert mine["key"] == [one["token"]]


async def test_a_key_learns_that_it_works(control: Rig) -> None:
    made = await control.generate(key_type="llm_api")
    answer = await control.post("/key/health", None, bearer(made["key"]))
    assert answer.json() == {"key": "healthy", "logging_callbacks": None}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"temp_budget_increase": -1}, "temp_budget_increase"),
        ({"temp_budget_increase": 1}, "temp_budget_increase"),
        ({"temp_budget_expiry": "2020-01-01"}, "temp_budget_expiry"),
        ({"temp_budget_expiry": "soon"}, "temp_budget_expiry"),
        ({"temp_budget_increase": 1, "temp_budget_expiry": "2999-01-01"}, "temp_budget_increase"),
        ({"budget_fallbacks": {"demo": "x"}}, "budget_fallbacks.demo"),
        ({"rotation_interval": "often"}, "rotation_interval"),
        ({"max_budget": 1e-12}, "max_budget"),
        ({"soft_budget": 4e-10}, "soft_budget"),
        ({"budget_limits": [{"budget_duration": "1d", "max_budget": 1e-12}]}, "budget_limits.0.max_budget"),
        ({"model_max_budget": {"demo": {"max_budget": 1e-12}}}, "model_max_budget.demo.max_budget"),
        ({"model_max_budget": {"demo": {}}}, "model_max_budget"),
        ({"model_max_budget": {"demo": {"max_budget": None}}}, "model_max_budget"),
        ({"team_id": "nowhere"}, "team_id"),
    ],
)
async def test_bad_changes_are_named_and_change_nothing(control: Rig, body: dict[str, Any], param: str) -> None:
    made = await control.generate()
    before = await info(control, made["key"])
    answer = await control.post("/key/update", {"key": made["key"], **body})
    assert answer.status_code == (404 if param == "team_id" else 400)
    assert answer.json()["error"]["param"] == param
    assert await info(control, made["key"]) == before


@pytest.mark.parametrize("path", ["update", "block", "regenerate"])
async def test_two_administrators_at_once(control: Rig, path: str) -> None:
    made = await control.generate()
    headers = {**ADMIN, "if-match": '"1"'}
    first = await control.post(f"/key/{path}", {"key": made["token"]}, headers)
    assert (first.status_code, first.headers["etag"]) == (200, '"2"')
    assert (await control.post(f"/key/{path}", {"key": made["token"]}, headers)).status_code == 412


async def test_a_master_key_is_not_regenerated_here(control: Rig) -> None:
    assert (await control.post("/key/regenerate", None)).status_code == 404
    answer = await control.post("/key/regenerate", {"new_master_key": "sk-new-master-key-value"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "new_master_key")


async def test_deleted_keys_are_listed_as_they_were(control: Rig) -> None:
    people = await cast(control)
    made = {
        name: await control.generate(user_id=name, key_alias=f"of {name}", max_budget=3, metadata={"a": 1})
        for name in ("user", "stranger")
    }
    for key in made.values():
        assert (await control.post("/key/delete", {"keys": [key["token"]]})).status_code == 200
    listed = await control.get("/key/list", status="deleted", sort_by="spend")
    assert (listed.status_code, listed.json()["total_count"]) == (200, 2), listed.text
    (full,) = (await people.get("user", "/key/list", status="deleted", return_full_object=True)).json()["keys"]
    assert [full[name] for name in ("token", "key_alias", "max_budget", "metadata", "deleted_by")] == [
        made["user"]["token"], "of user", 3, {"a": 1}, "default_user_id",
    ]  # fmt: skip
    assert full["deleted_at"].endswith("Z") or "+" in full["deleted_at"]
    assert made["user"]["key"] not in str(full)
    filters: list[tuple[dict[str, Any], int]] = [
        ({"user_id": "user"}, 1),
        ({"search": "STRANGER"}, 1),
        ({"team_id": "t"}, 0),
    ]
    for query, count in filters:
        assert (await control.get("/key/list", status="deleted", **query)).json()["total_count"] == count
    assert (await people.get("team_admin", "/key/list", status="deleted")).json()["total_count"] == 0
    assert made["user"]["token"] not in (await control.get("/key/list", size=100)).json()["keys"]


async def test_keys_are_found_by_access_group_and_agent_and_sorted_by_spend(control: Rig) -> None:
    group = (await control.post("/v1/access_group", {"access_group_name": "g", "access_model_names": ["demo"]})).json()
    one = await control.generate(access_group_ids=[group["access_group_id"]], agent_id="a%")
    two = await control.generate(agent_id="b")

    async def ids(**query: Any) -> list[str]:
        answer = await control.get("/key/list", **query)
        assert answer.status_code == 200, answer.text
        found: list[str] = answer.json()["keys"]
        return found

    assert await ids(access_group_id=group["access_group_id"]) == [one["token"]]
    assert await ids(access_group_id="%") == []
    assert await ids(agent_id="a%") == [one["token"]]
    assert await ids(agent_id="b") == [two["token"]]
    journal = control.journal("w")
    journal.append(closed(0, cost=5, key_id=one["token"]))
    await control.ingestion.catch_up("w", 1)
    await journal.close()
    assert await ids(sort_by="spend") == [one["token"], two["token"]]
    assert await ids(sort_by="spend", sort_order="asc") == [two["token"], one["token"]]


async def test_who_has_made_a_key_is_shown_to_who_may_see_him(control: Rig) -> None:
    people = await cast(control)
    body = {"user_id": "member", "team_id": "t"}
    made = await people.post("team_admin", "/key/generate", **body, key_type="llm_api")
    assert made.status_code == 200, made.text
    for who, seen in (("member", None), ("team_admin", "team_admin"), ("admin", "team_admin")):
        answer = await people.get(who, "/key/list", key_hash=made.json()["token"], expand="user")
        (key,) = answer.json()["keys"]
        assert key["user"]["user_email"] == "member@example.org"
        assert (key["created_by_user"] or {}).get("user_id") == seen


async def test_deleting_with_a_stale_etag_is_refused(control: Rig) -> None:
    made = await control.generate()
    stale, good = ({**ADMIN, "if-match": tag} for tag in ('"9"', '"1"'))
    await control.post("/user/new", {"user_id": "ada", "auto_create_key": False})
    await control.post("/role/new", {"role": "r", "grants": {}})
    link = (await control.post("/invitation/new", {"user_id": "ada"})).json()["invitation_id"]
    for path, body in (
        ("/key/delete", {"keys": [made["token"]]}),
        ("/role/delete", {"roles": ["r"]}),
        ("/invitation/delete", {"invitation_id": link}),
        ("/user/delete", {"user_ids": ["ada"]}),
    ):
        assert (await control.post(path, body, stale)).status_code == 412, path
        assert (await control.post(path, body, good)).status_code == 200, path


async def test_a_management_key_has_a_user(control: Rig) -> None:
    """It acts in his name: without one it could do nothing."""
    answer = await control.post("/key/generate", {"key_type": "management"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "key_type")
    assert (await control.post("/user/new", {"user_id": "u", "user_role": "proxy_admin"})).status_code == 200
    made = await control.generate(key_type="management", user_id="u")
    assert (await control.get("/key/list", bearer(made["key"]))).status_code == 200
    taken = await control.post("/key/update", {"key": made["token"], "user_id": None})
    assert (taken.status_code, taken.json()["error"]["param"]) == (400, "key_type")
    plain = await control.generate()
    changed = await control.post("/key/update", {"key": plain["token"], "key_type": "management"})
    assert (changed.status_code, changed.json()["error"]["param"]) == (400, "key_type")


async def test_an_interval_is_echoed_as_it_was_given(control: Rig) -> None:
    made = await control.generate(auto_rotate=True, rotation_interval="30d")
    assert made["rotation_interval"] == "30d"
    for fields, shown in (({"rotation_interval": "2w"}, "2w"), ({"auto_rotate": True}, "2w"), ({"rpm_limit": 1}, "2w")):
        answer = await control.post("/key/update", {"key": made["token"], **fields})
        assert answer.json()["rotation_interval"] == shown
    again = await control.post("/key/regenerate", {"key": made["token"]})
    assert again.json()["rotation_interval"] == "2w"
