from __future__ import annotations

from functools import partial
from typing import Any

import httpx
import pytest
from tests.unit.control.rig import ADMIN, CONFIG, PEPPER, Rig, rig

from phantom_gateway.control.stored import SEALED_CREDENTIALS, SEALED_MODELS
from phantom_gateway.security.keyring import Keyring
from phantom_gateway.store import vault
from phantom_gateway.store.tenants import CREDENTIALS

SECRET = "sk-provider-secret-by-name"
NEW: dict[str, Any] = {
    "credential_name": "shared",
    "credential_values": {"api_key": SECRET, "api_base": "https://llm.example.com/v1"},
    "credential_info": {"custom_llm_provider": "openai"},
}
MODEL: dict[str, Any] = {
    "model_name": "fast",
    "litellm_params": {"model": "openai/gpt-4o", "litellm_credential_name": "shared"},
    "model_info": {"id": "m1"},
}


async def patch(control: Rig, name: str, body: Any, **headers: str) -> httpx.Response:
    return await control.http.request("PATCH", f"/credentials/{name}", json=body, headers=ADMIN | headers)


async def delete(control: Rig, name: str) -> httpx.Response:
    return await control.http.request("DELETE", f"/credentials/{name}", headers=ADMIN)


def served_key(control: Rig) -> str:
    (made,) = [each for each in control.services.configuration.snapshot.deployments if each.id == "m1"]
    assert made.api_key is not None
    return made.api_key.reveal()


async def test_models_take_what_a_credential_says_and_follow_its_changes(control: Rig) -> None:
    assert (await control.post("/credentials", NEW)).json()["success"] is True
    assert (await control.post("/model/new", MODEL)).status_code == 200
    assert served_key(control) == SECRET
    other = SECRET + "-rotated"
    assert (await patch(control, "shared", {"credential_values": {"api_key": other}})).status_code == 200
    assert served_key(control) == other
    (made,) = [each for each in control.services.configuration.snapshot.deployments if each.id == "m1"]
    assert made.address.host == "llm.example.com", "what a change does not name stays"


async def test_values_are_sealed_and_never_shown(control: Rig) -> None:
    await control.post("/credentials", NEW)
    shown = await control.get("/credentials/by_name/shared")
    assert shown.json() == {
        "credential_name": "shared",
        "display_name": None,
        "credential_info": {"custom_llm_provider": "openai"},
        "credential_values": {"api_base": "********", "api_key": "********"},
        "source": "db",
    }
    for answer in (shown, await control.get("/credentials"), await control.get("/audit")):
        assert SECRET not in answer.text
        assert "ph1." not in answer.text
    (row,) = await control.services.database.read(CREDENTIALS.all)
    assert row.sealed.startswith("ph1.provider-credential.")
    assert row.names == ["api_base", "api_key"]


async def test_a_credential_in_use_cannot_be_broken_or_deleted(control: Rig) -> None:
    await control.post("/credentials", NEW)
    await control.post("/model/new", MODEL)
    assert (await delete(control, "shared")).status_code == 409
    broken = await patch(control, "shared", {"credential_values": {"api_base": "http://169.254.169.254"}})
    assert broken.status_code == 400
    assert "m1" in broken.json()["error"]["message"]
    assert served_key(control) == SECRET
    await control.post("/model/delete", {"id": "m1"})
    assert (await delete(control, "shared")).status_code == 200
    assert (await delete(control, "shared")).status_code == 404


async def test_a_model_can_hand_over_its_credential(control: Rig) -> None:
    params = {"model": "openai/gpt-4o", "api_key": SECRET}
    await control.post("/model/new", {**MODEL, "litellm_params": params})
    taken = {"credential_name": "taken", "model_id": "m1"}
    assert (await control.post("/credentials", taken)).status_code == 200
    assert (await control.get("/credentials/by_name/taken")).json()["credential_values"] == {"api_key": "********"}
    assert (await control.get("/credentials/by_model/m1")).json()["credential_values"] == {"api_key": "********"}
    assert (await control.get("/credentials/by_model/d1")).json()["credential_name"] == "demo-credential"
    assert (await control.get("/credentials/by_model/nope")).status_code == 404


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("credential_values.api_key", {"credential_values": {"api_key": "os.environ/HOME"}}),
        ("credential_values.api_key", {"credential_values": {"api_key": 5}}),
        ("credential_values.API_KEY.[key]", {"credential_values": {"API_KEY": "x"}}),
        ("credential_values", {"credential_values": None}),
        ("credential_values", {"model_id": "m1"}),
        ("credential_values", {"credential_values": {}}),
        ("credential_info.api_key", {"credential_info": {"api_key": SECRET}}),
        ("credential_name", {"credential_name": ""}),
        ("surprise", {"surprise": 1}),
        ("litellm_params.vertex_credentials", {"credential_values": {"vertex_credentials": "/etc/passwd"}}),
    ],
)
async def test_bad_fields_are_refused_by_name(control: Rig, field: str, change: dict[str, Any]) -> None:
    answer = await control.post("/credentials", NEW | change)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
    assert SECRET not in answer.text
    assert await control.services.database.read(CREDENTIALS.all) == []


async def test_a_refused_change_changes_nothing(control: Rig) -> None:
    await control.post("/credentials", NEW)
    before = await control.services.database.read(CREDENTIALS.all)
    assert (await control.post("/credentials", NEW)).status_code == 400
    assert (await patch(control, "shared", {"credential_name": "other"})).status_code == 400
    assert (await patch(control, "shared", {"credential_values_to_delete": ["nope"]})).status_code == 400
    assert (await patch(control, "shared", {}, **{"if-match": '"9"'})).status_code == 412
    assert (await patch(control, "nope", {})).status_code == 404
    assert await control.services.database.read(CREDENTIALS.all) == before
    assert (await patch(control, "shared", {"credential_values_to_delete": ["api_base"]})).status_code == 200
    (row,) = await control.services.database.read(CREDENTIALS.all)
    assert row.names == ["api_key"]


async def test_the_files_credentials_are_read_only_and_can_be_used(tmp_path: Any) -> None:
    config = (
        CONFIG + "credential_list: [{credential_name: shared, credential_values: {api_key: sk-of-the-file-0123}}]\n"
    )
    async with rig(tmp_path, config) as control:
        (shown,) = (await control.get("/credentials")).json()["credentials"]
        assert (shown["source"], shown["credential_values"]) == ("config", {"api_key": "********"})
        assert (await control.get("/credentials/by_name/shared")).json()["source"] == "config"
        assert (await control.post("/credentials", NEW)).status_code == 409
        assert (await patch(control, "shared", {})).status_code == 409
        assert (await delete(control, "shared")).status_code == 409
        assert (await control.post("/model/new", MODEL)).status_code == 200
        assert served_key(control) == "sk-of-the-file-0123"


async def test_changes_are_recorded(control: Rig) -> None:
    await control.post("/credentials", NEW)
    await patch(control, "shared", {"credential_values": {"api_key": SECRET * 2}})
    await delete(control, "shared")
    records = (await control.get("/audit", table_name="LiteLLM_CredentialsTable")).json()["audit_logs"]
    assert [record["event"] for record in reversed(records)] == [
        "credential.created",
        "credential.updated",
        "credential.deleted",
    ]


async def test_what_is_sealed_is_sealed_anew_after_a_rotation(control: Rig) -> None:
    await control.post("/credentials", NEW)
    params = {"model": "openai/x", "api_key": SECRET}
    await control.post("/model/new", {**MODEL, "litellm_params": params})
    services = control.services
    vault.rotate(services.database.database, Keyring(PEPPER), services.envelopes, services.clock())
    for column in (SEALED_MODELS, SEALED_CREDENTIALS):
        change = partial(vault.reseal, envelopes=services.envelopes, column=column)
        assert await services.database.write(change) == 1
        assert await services.database.write(change) == 0
    assert await services.refresher.refresh()
    assert served_key(control) == SECRET
    (row,) = await services.database.read(CREDENTIALS.all)
    assert row.sealed.startswith("ph1.provider-credential.2.")
