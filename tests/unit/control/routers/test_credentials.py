from __future__ import annotations

from tests.unit.control.rig import ADMIN, Rig, bearer


async def test_names_may_contain_slashes(control: Rig) -> None:
    body = {"credential_name": "team/shared", "credential_values": {"api_key": "sk-x"}, "credential_info": {}}
    assert (await control.post("/credentials", body)).headers["etag"] == '"1"'
    assert (await control.get("/credentials/by_name/team/shared")).headers["etag"] == '"1"'
    assert (await control.http.request("DELETE", "/credentials/team/shared", headers=ADMIN)).status_code == 200
    assert (await control.get("/credentials/by_name/team/shared")).status_code == 404


async def test_only_those_who_see_everything_see_credentials(control: Rig) -> None:
    key = (await control.generate())["key"]
    for path in ("/credentials", "/credentials/by_name/x", "/credentials/by_model/d1"):
        assert (await control.get(path, headers=bearer(key))).status_code == 403
