from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

import pytest
from tests.unit.control.accounts import (
    ORIGIN,
    OTHER,
    PASSWORD,
    browser,
    cookie_of,
    key_of,
    login,
    make,
    operator,
    page,
)
from tests.unit.control.rig import ADMIN, MASTER, Rig, bearer

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.people_settings import PeopleSettings
from phantom_gateway.control.sign_in.cookies import HEADER, LOCAL, SECURE
from phantom_gateway.store import sessions


async def test_signing_in_gives_a_cookie_and_no_key(control: Rig) -> None:
    await make(control, "ada", user_email="ada@example.com")
    answer = await login(control, "ADA@example.com ")
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(
        SECURE + r"=phs-[A-Za-z0-9_-]{43}; HttpOnly; Max-Age=43200; Path=/; SameSite=strict; Secure", cookie
    ), cookie
    assert answer.json()["user_id"] == "ada"
    assert answer.json()["user_role"] == "internal_user"
    assert answer.json()["redirect_url"] == "/ui/?login=success"
    assert cookie_of(answer) not in answer.text
    assert "sk-" not in cookie + answer.text
    shown = await control.get("/user/info", page(cookie_of(answer)))
    assert shown.json()["user_id"] == "ada"


@pytest.mark.parametrize("path", ["/login", "/v2/login", "/v3/login"])
async def test_form_and_json(control: Rig, path: str) -> None:
    await make(control, "ada")
    fields = {"username": "ada", "password": PASSWORD}
    form = {"content-type": "application/x-www-form-urlencoded"}
    for answer in (
        await control.http.post(path, json=fields),
        await control.http.post(path, content=urlencode(fields), headers=form),
    ):
        assert answer.status_code == (303 if path == "/login" else 200), answer.text
        assert cookie_of(answer)
    hostile = await control.http.post(
        f"{path}?next=//evil", json=fields, headers={"x-forwarded-host": "evil", "x-forwarded-proto": "https"}
    )
    assert hostile.headers.get("location", "/ui/?login=success") == "/ui/?login=success"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b'{"username":"a"}', b'{"username":"a","password":""}', b'{"username":1,"password":"x"}',
     b'{"username":"a","password":"%b"}' % (b"x" * 2000), b'{"username":"a","password":"x","admin":true}'],
)  # fmt: skip
async def test_malformed_logins(control: Rig, body: bytes) -> None:
    answer = await control.http.post("/v2/login", content=body)
    assert answer.status_code == 400
    assert "xxx" not in answer.text


@pytest.mark.parametrize("body", [b"\xff", b"username=a&username=b&password=x", b"&".join([b"a=b"] * 30)])
async def test_malformed_forms(control: Rig, body: bytes) -> None:
    form = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    assert (await control.http.post("/login", content=body, headers=form)).status_code == 400


async def test_unknown_and_wrong_answer_alike(control: Rig) -> None:
    await make(control, "ada")
    await make(control, "nopass", password=None)
    await make(control, "out")
    await control.post("/user/update", {"user_id": "out", "blocked": True})
    right_but_blocked = await login(control, "out")
    answers = [await login(control, name, "wrong") for name in ("ada", "nobody", "nopass", "admin")]
    for answer in (*answers, right_but_blocked):
        assert (answer.status_code, answer.content) == (401, answers[0].content)
        assert "set-cookie" not in answer.headers


async def test_the_operator_signs_in_with_the_master_key(control: Rig) -> None:
    headers = await operator(control)
    assert (await control.get("/config/reload/status", headers)).status_code == 200
    made = await control.http.post("/user/new", json={"user_id": "ada"}, headers=headers)
    assert made.json()["created_by"] == "default_user_id"
    control.services.configuration.people = PeopleSettings(operator_name="boss", operator_password=Secret(OTHER))
    assert (await control.get("/user/list", headers)).status_code == 401, "another credential: the session is over"
    assert (await login(control, "admin", MASTER)).status_code == 401
    assert (await login(control, "boss", MASTER)).status_code == 401
    assert (await login(control, "boss", OTHER)).json()["user_role"] == "proxy_admin"


async def test_a_new_session_for_each_sign_in(control: Rig) -> None:
    await make(control, "ada")
    planted = "phs-" + "A" * 43
    first = await login(control, "ada", cookie=f"{SECURE}={planted}")
    assert cookie_of(first) != planted
    assert (await control.get("/user/info", page(planted))).status_code == 401
    again = await login(control, "ada", cookie=f"{SECURE}={cookie_of(first)}")
    assert (await control.get("/user/info", page(cookie_of(first)))).status_code == 401, "the old one is over"
    assert (await control.get("/user/info", page(cookie_of(again)))).status_code == 200


async def test_other_sites_cannot_change_anything(control: Rig) -> None:
    await make(control, "ada")
    good = await browser(control, "ada")
    bare = {"cookie": good["cookie"]}
    body = {"user_id": "ada", "user_alias": "changed"}
    for headers in (
        {},
        {"origin": "http://control"},
        {HEADER: "1"},
        {"origin": "https://evil.example", HEADER: "1"},
        {"origin": "null", HEADER: "1"},
        {"origin": "http://control.evil.example", HEADER: "1"},
        {"origin": "http://control:8080", HEADER: "1"},
        {"origin": "http://control", HEADER: "1", "sec-fetch-site": "cross-site"},
        {"origin": "http://control", HEADER: "1", "sec-fetch-site": "same-site"},
    ):
        answer = await control.post("/user/update", body, bare | headers)
        assert (answer.status_code, answer.json()["error"]["type"]) == (403, "cross_site_request"), headers
    assert (await control.get("/user/info", bare)).json()["user_info"]["user_alias"] is None
    for origin in ("http://control", "http://control:80", "https://control", "HTTP://CONTROL"):
        answer = await control.post("/user/update", body, bare | {"origin": origin, HEADER: "1"})
        assert answer.status_code == 200, origin
    control.services.configuration.people = PeopleSettings(origins=("https://ui.example/",))
    assert (
        await control.post("/user/update", body, bare | {"origin": "https://ui.example", HEADER: "1"})
    ).status_code == 200


async def test_other_sites_cannot_sign_anybody_in_or_out(control: Rig) -> None:
    await make(control, "ada")
    good = await browser(control, "ada")
    for headers in ({"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}):
        assert (await login(control, "ada", **headers)).status_code == 403
        answer = await control.http.post("/logout", headers={"cookie": good["cookie"]} | headers)
        assert answer.status_code == 403
    assert (await login(control, "ada", origin="http://control")).status_code == 200
    assert (await control.get("/user/info", good)).status_code == 200


async def test_a_key_needs_no_such_header_and_goes_first(control: Rig) -> None:
    eve = await key_of(control, "eve")
    await make(control, "ada")
    cookie = {"cookie": (await browser(control, "ada"))["cookie"]}
    answer = await control.post("/user/update", {"user_id": "eve", "user_alias": "x"}, eve | cookie)
    assert answer.status_code == 200
    assert (await control.get("/user/info", bearer("sk-wrong-wrong-wrong") | cookie)).status_code == 401


async def test_idle_and_absolute_timeouts(control: Rig) -> None:
    await make(control, "ada")
    headers = await browser(control, "ada")
    for minutes in range(50, 12 * 60, 50):
        control.clock.ahead = minutes * 60
        assert (await control.get("/user/info", headers)).status_code == 200, f"used {minutes} minutes later"
    control.clock.ahead = 12 * 3600
    over = await control.get("/user/info", headers)
    assert (over.status_code, over.json()["error"]["type"]) == (401, "session_ended")
    headers = await browser(control, "ada")
    control.clock.ahead += 3600
    assert (await control.get("/user/info", headers)).status_code == 401, "an hour unused"


async def test_timeouts_are_settings_and_hold_at_once(control: Rig) -> None:
    await make(control, "ada")
    headers = await browser(control, "ada")
    control.services.configuration.people = PeopleSettings(idle_s=10.0)
    control.clock.ahead = 5
    assert (await control.get("/user/info", headers)).status_code == 200
    control.clock.ahead = 14
    assert (await control.get("/user/info", headers)).status_code == 200, "it was used meanwhile"
    control.clock.ahead = 25
    assert (await control.get("/user/info", headers)).status_code == 401


async def test_a_session_is_no_key(control: Rig) -> None:
    await make(control, "ada")
    cookie = cookie_of(await login(control, "ada"))
    assert (await control.get("/user/info", bearer(cookie))).status_code == 401
    assert (await control.get("/user/info", {"x-api-key": cookie})).status_code == 401
    digest = control.services.sign_in.sessions.digest(cookie.encode())
    assert (await control.get("/user/info", page(digest))).status_code == 401, "what the list shows opens nothing"
    assert await control.directory.find(control.services.hasher.digest(cookie.encode())) is None
    link = (await control.post("/invitation/new", {"user_id": "ada"})).json()["id"]
    assert (await control.get("/user/info", page(link))).status_code == 401
    for token in (cookie, digest):
        assert (await control.get("/onboarding/get_token", {}, invite_link=token)).status_code == 401


async def test_blocked_deleted_and_demoted(control: Rig) -> None:
    for name in ("ada", "bob"):
        await make(control, name)
    ada, bob = await browser(control, "ada"), await browser(control, "bob")
    await control.post("/user/update", {"user_id": "ada", "blocked": True})
    await control.post("/user/delete", {"user_ids": ["bob"]})
    for headers in (ada, bob):
        assert (await control.get("/user/info", headers)).status_code == 401
    await make(control, "bob")
    assert (await control.get("/user/info", bob)).status_code == 401, "somebody else has the name now"
    await make(control, "root", user_role="proxy_admin")
    root = await browser(control, "root")
    assert (await control.get("/spend/logs", root)).status_code == 200
    await control.post("/user/update", {"user_id": "root", "user_role": "internal_user_viewer"})
    assert (await control.post("/user/new", {}, root)).status_code == 403


async def test_signing_out(control: Rig) -> None:
    await make(control, "ada")
    headers = await browser(control, "ada")
    other = await browser(control, "ada")
    answer = await control.http.post("/logout", headers=headers)
    assert answer.status_code == 200
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert (await control.get("/user/info", headers)).status_code == 401
    assert (await control.get("/user/info", other)).status_code == 200
    assert (await control.http.post("/logout", headers=headers)).status_code == 200
    assert (await control.http.post("/logout")).status_code == 200


async def test_where_one_is_signed_in_and_ending_it(control: Rig) -> None:
    await make(control, "ada")
    await make(control, "eve")
    firefox = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    here = page(cookie_of(await login(control, "ada", **firefox)))
    there, third = await browser(control, "ada"), await browser(control, "ada")
    eve = await browser(control, "eve")
    listed = (await control.get("/sessions", here)).json()["sessions"]
    assert len(listed) == 3
    assert [each["label"] for each in listed if each["current"]] == ["Firefox on Linux"]
    assert all(each["user_id"] == "ada" and each["method"] == "password" for each in listed)
    foreign = (await control.get("/sessions", eve)).json()["sessions"][0]["id"]

    async def end(headers: dict[str, str], **body: Any) -> tuple[int, Any]:
        answer = await control.post("/sessions/end", body, headers)
        return answer.status_code, answer.json().get("ended")

    assert await end(here, session_id=foreign) == (404, None)
    assert await end(here, all=True, user_id="eve") == (404, None)
    assert (await control.get("/sessions", here, user_id="eve")).status_code == 404
    for body in ({}, {"all": True, "others": True}, {"session_id": ""}, {"all": "yes"}):
        assert (await control.post("/sessions/end", body, here)).status_code == 400
    gone = next(each["id"] for each in listed if not each["current"])
    assert await end(here, session_id=gone) == (200, 1)
    assert await end(here, session_id=gone) == (404, None)
    assert await end(here, others=True) == (200, 1)
    for headers in (there, third):
        assert (await control.get("/sessions", headers)).status_code == 401
    assert await end(here, all=True) == (200, 1)
    assert (await control.get("/sessions", here)).status_code == 401
    assert await end(ADMIN, all=True, user_id="eve") == (200, 1)
    assert (await control.get("/sessions", eve)).status_code == 401


async def test_an_administrator_sees_his_own_sessions_first(control: Rig) -> None:
    boss = await operator(control)
    assert [each["user_id"] for each in (await control.get("/sessions", boss)).json()["sessions"]] == [
        "default_user_id"
    ]
    named = await control.get("/sessions", boss, user_id="default_user_id")
    assert len(named.json()["sessions"]) == 1


async def test_changing_the_password(control: Rig) -> None:
    made = await make(control, "ada")
    here, there = await browser(control, "ada"), await browser(control, "ada")

    async def change(current: str, new: str, headers: dict[str, str] = here) -> tuple[int, str | None]:
        body = {"current_password": current, "new_password": new}
        answer = await control.post("/user/password/change", body, headers)
        return answer.status_code, None if answer.status_code == 200 else answer.json()["error"]["param"]

    assert await change(PASSWORD, OTHER, bearer(made["key"])) == (403, "None"), "a key is not its owner"
    assert await change("wrong", OTHER) == (400, "current_password")
    assert await change(PASSWORD, "short") == (400, "new_password")
    assert await change(PASSWORD, "ada-ada-ada-ada") == (400, "new_password")
    assert (await control.get("/sessions", there)).status_code == 200
    assert await change(PASSWORD, OTHER) == (200, None)
    assert (await control.get("/sessions", there)).status_code == 401, "all others have ended"
    assert (await control.get("/sessions", here)).status_code == 200
    assert (await login(control, "ada")).status_code == 401
    assert (await login(control, "ada", OTHER)).status_code == 200
    assert await change(OTHER, PASSWORD, await operator(control)) == (400, "current_password")


async def test_a_password_set_by_others_ends_all_sessions(control: Rig) -> None:
    await make(control, "ada")
    headers = await browser(control, "ada")
    await control.post("/user/update", {"user_id": "ada", "password": OTHER})
    assert (await control.get("/sessions", headers)).status_code == 401
    assert (await login(control, "ada", OTHER)).status_code == 200


async def test_trying_passwords_is_slowed_down(control: Rig) -> None:
    await make(control, "ada")
    statuses = [(await login(control, "ada", "wrong")).status_code for _ in range(15)]
    assert statuses == [401] * 10 + [429] * 5
    blocked = await login(control, "ada")
    assert blocked.status_code == 429, "the right password waits as well"
    assert 1 <= int(blocked.headers["retry-after"]) <= 300
    control.clock.ahead = int(blocked.headers["retry-after"])
    assert (await login(control, "ada")).status_code == 200
    assert (await login(control, "ada")).status_code == 200


async def test_the_table_holds_digests_only(control: Rig) -> None:
    await make(control, "ada")
    cookie = cookie_of(await login(control, "ada"))
    for path in control.path.rglob("*.db*"):
        content = path.read_bytes()
        for secret in (cookie, PASSWORD, cookie[4:30]):
            assert secret.encode() not in content


async def test_many_sessions_of_one_user(control: Rig) -> None:
    await make(control, "ada")
    first = last = await browser(control, "ada")
    for ahead in range(1, 21):
        control.clock.ahead = ahead
        last = await browser(control, "ada")
    assert (await control.get("/sessions", first)).status_code == 401
    assert len((await control.get("/sessions", last)).json()["sessions"]) == 20


async def test_a_browser_on_this_machine_needs_no_tls(control: Rig) -> None:
    await make(control, "ada")
    here = {"host": "localhost:4000"}
    answer = await login(control, "ada", **here)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{LOCAL}=phs-")
    assert "secure" not in cookie.lower()
    assert "HttpOnly" in cookie
    held = {"cookie": cookie.partition(";")[0]}
    assert (await control.get("/sessions", held | here)).status_code == 200
    assert (await control.get("/sessions", held)).status_code == 401, "under another name the plain cookie is nothing"
    body = {"others": True}
    ended = await control.post("/sessions/end", body, held | here | {"origin": "http://localhost:4000", HEADER: "1"})
    assert ended.status_code == 200
    assert (await control.post("/sessions/end", body, held | here | ORIGIN)).status_code == 403


async def test_reading_changes_nothing_but_when_a_session_was_used(control: Rig) -> None:
    await make(control, "ada")
    headers = await browser(control, "ada")
    before = await control.services.database.read(
        lambda c: sessions.of_user(c, "ada", control.services.sessions.alive(0))
    )
    await control.get("/sessions", headers)
    after = await control.services.database.read(
        lambda c: sessions.of_user(c, "ada", control.services.sessions.alive(0))
    )
    assert before == after
