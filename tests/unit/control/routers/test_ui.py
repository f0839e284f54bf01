from __future__ import annotations

from dataclasses import replace

from tests.unit.control.rig import Rig, bearer

from phantom_gateway.control.policy.table import TABLE


async def test_every_path_below_is_the_page(control: Rig) -> None:
    for path in (
        "/ui/",
        "/ui/keys",
        "/ui/keys?open=x&page=2",
        "/ui/a/b/c",
        "/ui/index.html",
        "/ui/%2e%2e/%2e%2e/etc/passwd",
    ):
        answer = await control.http.get(path)
        assert answer.status_code == 200, path
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.headers["cache-control"] == "no-store"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"


async def test_files_that_are_gone_are_not_the_page(control: Rig) -> None:
    answer = await control.http.get("/ui/assets/index-of-an-older-build.js")
    assert answer.status_code == 404
    assert "reload" in answer.json()["error"]["message"]


async def test_below_a_path(control: Rig) -> None:
    configuration = control.services.configuration
    configuration.people = replace(configuration.people, root_path="/llm")
    answer = await control.http.get("/ui?login=success", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, "/llm/ui/?login=success")
    page = await control.http.get("/ui/keys")
    assert '<base href="/llm/ui/" />' in page.text or "make ui" in page.text


async def test_it_can_be_switched_off(control: Rig) -> None:
    configuration = control.services.configuration
    configuration.people = replace(configuration.people, ui=False)
    for path in ("/ui", "/ui/", "/ui/keys", "/ui/assets/x.js"):
        assert (await control.http.get(path)).status_code == 404


async def test_whoami_says_what_one_may_do(control: Rig) -> None:
    master = (await control.get("/whoami")).json()
    assert (master["user_role"], master["key_kind"]) == ("proxy_admin", "master")
    assert master["actions"] == {action.value: "all" for action in TABLE if action.value != "self"} | {"self": "all"}
    await control.post("/user/new", {"user_id": "ada", "auto_create_key": False})
    key = (await control.generate(user_id="ada"))["key"]
    mine = (await control.get("/whoami", headers=bearer(key))).json()
    assert (mine["user_id"], mine["user_role"]) == ("ada", "internal_user")
    assert mine["actions"]["key.create"] == "some"
    assert "audit.read" not in mine["actions"]
    assert (await control.http.get("/whoami")).status_code == 401
