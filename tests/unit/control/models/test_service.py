from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.control.rig import ADMIN, Rig, bearer

from phantom_gateway.spine.messages import NewSnapshot
from phantom_gateway.store.tenants import MODELS, ModelRow

SECRET = "sk-provider-secret-of-a-new-model"
NEW: dict[str, Any] = {
    "model_name": "fast",
    "litellm_params": {
        "model": "openai/gpt-4o",
        "api_key": SECRET,
        "api_base": "https://llm.example.com/v1",
        "extra_headers": {"x-team": "a-header-that-may-be-secret"},
        "rpm": 60,
        "temperature": 0.5,
    },
    "model_info": {"id": "m1", "supports_vision": True},
}


async def rows(control: Rig) -> list[ModelRow]:
    return await control.services.database.read(MODELS.all)


async def test_a_new_model_is_served_when_the_answer_comes(control: Rig) -> None:
    async with control.worker() as worker:
        asked = worker.obey(NewSnapshot)
        answer = await control.post("/model/new", NEW)
        snapshot = (await asked).snapshot
    assert answer.status_code == 200, answer.text
    assert (answer.json()["model_id"], answer.json()["model_info"]["db_model"]) == ("m1", True)
    assert answer.headers["etag"] == '"1"'
    (made,) = [each for each in snapshot.deployments if each.id == "m1"]
    assert (made.group, made.model, made.address.host, made.rpm) == ("fast", "gpt-4o", "llm.example.com", 60)
    assert made.db_model
    assert made.api_key is not None
    assert made.api_key.reveal() == SECRET
    assert made.defaults == {"temperature": 0.5}
    assert control.services.configuration.snapshot.revision == snapshot.revision


async def test_secrets_are_sealed_and_never_shown(control: Rig) -> None:
    answers = [await control.post("/model/new", NEW), await control.get("/model/info"), await control.get("/audit")]
    for answer in answers:
        assert answer.status_code == 200
        assert SECRET not in answer.text
        assert "a-header-that-may-be-secret" not in answer.text
        assert "ph1." not in answer.text
    (row,) = await rows(control)
    assert row.sealed is not None
    assert row.sealed.startswith("ph1.provider-credential.")
    assert row.params == {
        "model": "openai/gpt-4o",
        "api_base": "https://llm.example.com/v1",
        "rpm": 60,
        "temperature": 0.5,
    }


async def test_an_update_keeps_what_it_does_not_name(control: Rig) -> None:
    await control.post("/model/new", NEW)
    body = {
        "litellm_params": {"rpm": 5, "api_key": None, "temperature": ""},
        "model_info": {"id": "m1", "tier": "paid"},
    }
    answer = await control.post("/model/update", body)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == '"2"'
    (made,) = [each for each in control.services.configuration.snapshot.deployments if each.id == "m1"]
    assert (made.rpm, made.defaults) == (5, {})
    assert made.api_key is not None
    assert made.api_key.reveal() == SECRET
    assert made.info["tier"] == "paid"
    patched = await control.http.request(
        "PATCH",
        "/model/m1/update",
        json={"model_name": "slow", "litellm_params": {"api_key": SECRET * 2}},
        headers=ADMIN,
    )
    assert patched.status_code == 200
    (made,) = [each for each in control.services.configuration.snapshot.deployments if each.id == "m1"]
    assert made.group == "slow"
    assert made.api_key is not None
    assert made.api_key.reveal() == SECRET * 2


async def test_a_blocked_model_is_not_served(control: Rig) -> None:
    await control.post("/model/new", NEW)
    answer = await control.post("/model/block", {"model_id": "m1"})
    assert answer.json()["blocked"] is True
    assert [each.id for each in control.services.configuration.snapshot.deployments] == ["d1"]
    (shown,) = (await control.get("/model/info", litellm_model_id="m1")).json()["data"]
    assert shown["model_info"]["blocked"] is True
    answer = await control.post("/model/unblock", {"model_id": "m1"})
    assert answer.json()["blocked"] is False
    assert len(control.services.configuration.snapshot.deployments) == 2


async def test_a_deleted_model_is_gone(control: Rig) -> None:
    await control.post("/model/new", NEW)
    answer = await control.post("/model/delete", {"id": "m1"})
    assert answer.json() == {"message": "Model: m1 deleted successfully"}
    assert [each.id for each in control.services.configuration.snapshot.deployments] == ["d1"]
    assert await rows(control) == []
    assert (await control.post("/model/delete", {"id": "m1"})).status_code == 404


async def test_models_of_one_name_share_it_whoever_owns_them(control: Rig) -> None:
    await control.post("/model/new", {**NEW, "model_name": "demo"})
    groups = (await control.get("/model_group/info")).json()["data"]
    assert [group["model_group"] for group in groups] == ["demo"]
    infos = (await control.get("/v1/model/info")).json()["data"]
    assert [(info["model_info"]["id"], info["model_info"]["db_model"]) for info in infos] == [
        ("d1", False),
        ("m1", True),
    ]


async def test_the_files_models_are_read_only(control: Rig) -> None:
    before = control.services.configuration.snapshot
    answers = [
        await control.post("/model/update", {"model_info": {"id": "d1"}, "litellm_params": {"rpm": 1}}),
        await control.post("/model/delete", {"id": "d1"}),
        await control.post("/model/block", {"model_id": "d1"}),
        await control.post("/model/new", {**NEW, "model_info": {"id": "d1"}}),
    ]
    for answer in answers:
        assert answer.status_code == 409, answer.text
        assert "configuration file" in answer.json()["error"]["message"]
    assert control.services.configuration.snapshot == before
    assert await rows(control) == []


BAD: list[tuple[str, dict[str, Any]]] = [
    ("litellm_params.api_key", {"api_key": "os.environ/OPENAI_API_KEY"}),
    ("litellm_params.extra_headers.x", {"extra_headers": {"x": "os.environ/PATH"}}),
    ("litellm_params.aws_web_identity_token", {"aws_web_identity_token": "oidc/file//etc/passwd"}),
    ("litellm_params.vertex_credentials", {"vertex_credentials": "/etc/passwd"}),
    ("litellm_params.ssl_verify", {"ssl_verify": "/etc/passwd"}),
    ("litellm_params.openai_identity_token_file", {"openai_identity_token_file": "/etc/passwd"}),
    ("litellm_params.api_base", {"api_base": "http://169.254.169.254/v1"}),
    ("litellm_params.api_base", {"api_base": "http://[::ffff:169.254.169.254]/v1"}),
    ("litellm_params.api_base", {"api_base": "http://2130706433/v1"}),
    ("litellm_params.api_base", {"api_base": "file:///etc/passwd"}),
    ("litellm_params.api_base", {"api_base": "https://user:password@example.com"}),
    ("litellm_params.model", {"model": "nobody/gpt"}),
    ("litellm_params.model", {"model": "gp*t"}),
    ("litellm_params.model", {"model": ""}),
    ("litellm_params.rpm", {"rpm": -1}),
    ("litellm_params.api_key", {"api_key": "with\nbreak"}),
    ("litellm_params.extra_headers.host", {"extra_headers": {"host": "x"}}),
    ("litellm_params.litellm_credential_name", {"litellm_credential_name": "nobody"}),
    ("litellm_params.max_budget", {"max_budget": -5}),
    ("litellm_params.configurable_clientside_auth_params", {"configurable_clientside_auth_params": ["api_base"]}),
    ("litellm_params.input_cost_per_token", {"input_cost_per_token": -1}),
]


@pytest.mark.parametrize(("field", "params"), BAD, ids=lambda value: value if isinstance(value, str) else "")
async def test_what_cannot_be_served_is_refused_by_name(control: Rig, field: str, params: dict[str, Any]) -> None:
    before = control.services.configuration.snapshot
    answer = await control.post("/model/new", {**NEW, "litellm_params": NEW["litellm_params"] | params})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
    assert "passwd" not in answer.text
    assert await rows(control) == []
    assert control.services.configuration.snapshot == before


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("model_info.team_id", {**NEW, "model_info": {"team_id": "t"}}),
        ("model_info.api_key", {**NEW, "model_info": {"api_key": "x" * 20}}),
        ("model_info.id", {**NEW, "model_info": {"id": 5}}),
        ("model_info.mode", {**NEW, "model_info": {"mode": {}}}),
        ("surprise", {**NEW, "surprise": 1}),
        ("litellm_params", {"model_name": "x"}),
        ("model_name", {**NEW, "model_name": "a*b"}),
        ("litellm_params.x", {**NEW, "litellm_params": {"model": "openai/x", "x": "os.environ/A"}}),
    ],
)
async def test_bad_fields_are_refused_by_name(control: Rig, field: str, body: dict[str, Any]) -> None:
    answer = await control.post("/model/new", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
    assert await rows(control) == []


async def test_a_refused_update_changes_nothing(control: Rig) -> None:
    await control.post("/model/new", NEW)
    before = await rows(control)
    for body in (
        {"model_info": {"id": "m1"}, "litellm_params": {"api_base": "http://169.254.169.254"}},
        {"model_info": {"id": "m1"}, "litellm_params": {"api_key": "os.environ/HOME"}},
        {"model_info": {}, "litellm_params": {"rpm": 1}},
    ):
        assert (await control.post("/model/update", body)).status_code == 400
    renamed = {"model_info": {"id": "m2"}}
    assert (await control.http.request("PATCH", "/model/m1/update", json=renamed, headers=ADMIN)).status_code == 400
    stale = {**ADMIN, "if-match": '"7"'}
    assert (await control.post("/model/update", {"model_info": {"id": "m1"}}, headers=stale)).status_code == 412
    assert (await control.post("/model/new", NEW)).status_code == 400
    assert (await control.post("/model/update", {"model_info": {"id": "nope"}})).status_code == 404
    assert await rows(control) == before


async def test_only_administrators_see_how_it_is_reached(control: Rig) -> None:
    await control.post("/model/new", NEW)
    key = (await control.generate())["key"]
    everything = (await control.get("/model/info", litellm_model_id="m1")).json()["data"][0]
    assert everything["litellm_params"]["api_base"] == "https://llm.example.com/v1"
    some = await control.get("/model/info", headers=bearer(key), litellm_model_id="m1")
    assert "llm.example.com" not in some.text
    assert some.json()["data"][0]["model_info"]["db_model"] is True
    assert (await control.post("/model/new", NEW, headers=bearer(key))).status_code == 403


async def test_a_row_that_does_not_open_keeps_nothing_else_from_being_served(control: Rig) -> None:
    await control.post("/model/new", NEW)
    await control.post("/model/new", {**NEW, "model_info": {"id": "m2"}})

    def swap(connection: sa.Connection) -> None:
        sealed = connection.execute(sa.select(MODELS.table.c.sealed).where(MODELS.table.c.id == "m2")).scalar_one()
        connection.execute(sa.update(MODELS.table).where(MODELS.table.c.id == "m1").values(sealed=sealed))

    await control.services.database.write(swap)
    assert await control.services.refresher.refresh()
    assert [each.id for each in control.services.configuration.snapshot.deployments] == ["d1", "m2"]
    assert any("m1" in note and "cannot be opened" in note for note in control.services.configuration.notes)


async def test_changes_are_recorded(control: Rig) -> None:
    await control.post("/model/new", NEW)
    await control.post("/model/update", {"model_info": {"id": "m1"}, "litellm_params": {"rpm": 7}})
    await control.post("/model/block", {"model_id": "m1"})
    await control.post("/model/unblock", {"model_id": "m1"})
    await control.post("/model/delete", {"id": "m1"})
    records = (await control.get("/audit", table_name="LiteLLM_ProxyModelTable")).json()["audit_logs"]
    assert [record["event"] for record in reversed(records)] == [
        "model.created",
        "model.updated",
        "model.blocked",
        "model.unblocked",
        "model.deleted",
    ]


async def test_a_model_of_a_team_is_seen_by_the_team_and_by_administrators(control: Rig) -> None:
    assert (await control.post("/team/new", {"team_id": "t1"})).status_code == 200
    made = await control.post("/model/new", {**NEW, "model_info": {"id": "theirs", "team_id": "t1"}})
    assert made.status_code == 200, made.text
    mine, other = await control.generate(team_id="t1"), await control.generate()

    async def names(headers: dict[str, str] | None) -> set[str]:
        found = (await control.get("/v1/model/info", headers)).json()["data"]
        return {each["model_info"]["id"] for each in found}

    assert "theirs" in await names(None)
    assert "theirs" in await names(bearer(mine["key"]))
    assert "theirs" not in await names(bearer(other["key"]))
