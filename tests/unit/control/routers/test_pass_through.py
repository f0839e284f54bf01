from __future__ import annotations

from typing import Any

from tests.unit.control.rig import Rig, bearer

PATH = "/config/pass_through_endpoint"


async def test_a_team_sees_what_it_may_use(control: Rig) -> None:
    for name in ("a", "b"):
        await control.post(PATH, {"id": name, "path": f"/{name}", "target": "https://svc.example"})
    await control.post("/team/new", {"team_id": "t", "allowed_passthrough_routes": ["/b"]})
    await control.post("/team/new", {"team_id": "free"})

    async def ids(path: str, **query: Any) -> list[str]:
        return [each["id"] for each in (await control.get(path, **query)).json()["endpoints"]]

    assert await ids(PATH) == ["a", "b"]
    assert await ids(PATH, endpoint_id="a") == ["a"]
    assert await ids(f"{PATH}/team/t") == await ids(PATH, team_id="t") == ["b"]
    assert await ids(f"{PATH}/team/free") == ["a", "b"]
    assert (await control.get(f"{PATH}/team/nope")).status_code == 404


async def test_it_is_for_administrators(control: Rig) -> None:
    key = (await control.generate())["key"]
    assert (await control.get(PATH, headers=bearer(key))).status_code == 403
    body = {"path": "/a", "target": "https://svc.example"}
    assert (await control.post(PATH, body, headers=bearer(key))).status_code == 403
