from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, CONFIG, Rig, rig

from phantom_gateway.spine.snapshot import Pass
from phantom_gateway.store.tenants import PASS_ENDPOINTS

PATH = "/config/pass_through_endpoint"
SECRET = "Bearer sk-other-service-canary"
NEW: dict[str, Any] = {
    "id": "e1",
    "path": "/svc",
    "target": "https://svc.example/v1",
    "headers": {"Authorization": SECRET, "x-plain": "p"},
    "include_subpath": True,
    "cost_per_request": 0.25,
    "methods": ["POST"],
    "default_query_params": {"mode": "fast"},
}


def served(control: Rig) -> dict[str, Pass]:
    return {each.path: each for each in control.services.configuration.snapshot.passes}


async def test_an_endpoint_is_served_changed_and_removed(control: Rig) -> None:
    made = await control.post(PATH, NEW)
    assert made.status_code == 200, made.text
    view = {
        **NEW,
        "headers": {"Authorization": "********", "x-plain": "********"},
        "default_query_params": {"mode": "********"},
        "timeout": None,
        "auth": True,
        "guardrails": None,
        "forward_headers": False,
        "is_from_config": False,
    }
    assert made.json() == {"endpoints": [view]}
    found = served(control)["/svc"]
    assert {name: value.reveal() for name, value in found.upstream.secret_headers}["authorization"] == SECRET
    assert (found.methods, found.query, found.subpaths) == (("POST",), (("mode", "fast"),), True)
    assert found.upstream.prices.request == 250_000_000
    # sent back as it was shown: what is masked stays
    changed = await control.post(f"{PATH}/e1", {**view, "path": "/other", "cost_per_request": 0.5, "methods": None})
    assert changed.status_code == 200, changed.text
    assert served(control).keys() == {"/other"}
    found = served(control)["/other"]
    assert {name: value.reveal() for name, value in found.upstream.secret_headers}["authorization"] == SECRET
    assert (found.methods, found.upstream.prices.request) == ((), 500_000_000)
    gone = await control.http.request("DELETE", PATH, params={"endpoint_id": "e1"}, headers=ADMIN)
    assert gone.json()["endpoints"][0]["path"] == "/other"
    assert served(control) == {}
    assert (await control.http.request("DELETE", PATH, params={"endpoint_id": "e1"}, headers=ADMIN)).status_code == 404
    log = await control.get("/audit", object_id="e1")
    assert SECRET.split()[1] not in log.text
    assert [each["event"] for each in reversed(log.json()["audit_logs"])] == [
        "pass_through.created",
        "pass_through.updated",
        "pass_through.deleted",
    ]


async def test_what_is_stored_is_sealed(control: Rig) -> None:
    await control.post(PATH, {**NEW, "target": "https://svc.example/v1?code=sk-query-canary"})
    row = await control.services.database.read(lambda connection: PASS_ENDPOINTS.get(connection, "e1"))
    assert row is not None
    assert row.sealed is not None
    assert "canary" not in f"{row.spec}{row.sealed}"
    assert (await control.get(PATH)).json()["endpoints"][0]["target"] == "https://svc.example/v1?********"
    assert served(control)["/svc"].upstream.query == "code=sk-query-canary"
    await control.post(f"{PATH}/e1", {"target": "https://svc.example/v1?********", "include_subpath": False})
    assert served(control)["/svc"].upstream.query == "code=sk-query-canary"
    await control.post(f"{PATH}/e1", {"target": "https://svc.example/v2"})
    assert served(control)["/svc"].upstream.query == ""


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        ({"path": "svc"}, 400, "path"),
        ({"path": "/a/../b"}, 400, "path"),
        ({"path": "/key/generate"}, 400, "path"),
        ({"path": "/v1"}, 400, "path"),
        ({"path": "/v1/chat/completions"}, 400, "path"),
        ({"path": "/openai"}, 409, "path"),
        ({"target": "ftp://svc.example"}, 400, "target"),
        ({"target": "http://169.254.169.254/latest"}, 400, "target"),
        ({"target": "os.environ/SECRET"}, 400, "target"),
        ({"headers": {"authorization": "bearer os.environ/PHANTOM_MASTER_KEY"}}, 400, "headers"),
        ({"headers": {"authorization": "********"}}, 400, "headers"),
        ({"headers": {"content-length": "0"}}, 400, "headers"),
        ({"headers": {"Host": "elsewhere.example"}}, 400, "headers"),
        ({"headers": {"a b": "c"}}, 400, "headers"),
        ({"headers": {"a": "b\r\nc: d"}}, 400, "headers"),
        ({"methods": ["TRACE"]}, 400, "methods"),
        ({"cost_per_request": -1}, 400, "cost_per_request"),
        ({"timeout": 0}, 400, "timeout"),
        ({"auth": False}, 400, "auth"),
        ({"guardrails": {"pii": None}}, 400, "guardrails"),
        ({"id": "a/b"}, 400, "id"),
        ({"nope": 1}, 400, "nope"),
    ],
)
async def test_what_cannot_be_served_is_refused(control: Rig, change: dict[str, Any], status: int, field: str) -> None:
    answer = await control.post(PATH, NEW | change)
    assert (answer.status_code, served(control)) == (status, {}), answer.text
    assert field in answer.text


async def test_two_at_once_and_the_same_twice(control: Rig) -> None:
    assert (await control.post(PATH, NEW)).headers["etag"] == '"1"'
    assert (await control.post(PATH, NEW | {"id": "e2"})).status_code == 400
    assert (await control.post(PATH, NEW | {"path": "/b"})).status_code == 400
    stale = await control.post(f"{PATH}/e1", {"timeout": 5}, headers={**ADMIN, "if-match": '"7"'})
    assert stale.status_code == 412
    assert (await control.post(f"{PATH}/nope", {"timeout": 5})).status_code == 404


async def test_the_files_endpoints_are_read_only_and_win(tmp_path: Path) -> None:
    settings = "general_settings: {pass_through_endpoints: [{id: f, path: /svc, target: 'https://f.example'}]}\n"
    async with rig(tmp_path, CONFIG + settings) as control:
        assert (await control.post(PATH, NEW)).status_code == 409
        assert (await control.post(PATH, NEW | {"id": "f", "path": "/b"})).status_code == 409
        assert (await control.post(f"{PATH}/f", {"timeout": 5})).status_code == 409
        assert (
            await control.http.request("DELETE", PATH, params={"endpoint_id": "f"}, headers=ADMIN)
        ).status_code == 409
        listed = (await control.get(PATH, endpoint_id="f")).json()["endpoints"]
        assert [(each["path"], each["is_from_config"]) for each in listed] == [("/svc", True)]
