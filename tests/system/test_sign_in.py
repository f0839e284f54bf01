"""People sign in through the gateway's public port: what a browser sends and gets passes unharmed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway, wait_until

pytestmark = pytest.mark.usefixtures("simulator")

PASSWORD = "correct horse battery"
CONFIG = """\
phantom:
  sign_in:
    idle_timeout: 2h
litellm_settings:
  max_internal_user_budget: 3
  internal_user_budget_duration: 7d
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """A gateway with settings of its own for people."""
    directory = tmp_path_factory.mktemp("people")
    config = write_config(directory, shared_simulator)
    config.write_text(config.read_text() + CONFIG)
    with running_gateway(directory / "data", config, workers=2, environment={"UI_USERNAME": "boss"}) as running:
        yield running


@pytest.fixture
def browser(gateway: Gateway) -> Iterator[httpx.Client]:
    """A browser on this machine: it keeps cookies, and its pages are the gateway's."""
    headers = {"origin": gateway.url, "x-phantom-request": "1", "user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0"}
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=20) as client:
        yield client


def make(gateway: Gateway, user_id: str, **fields: Any) -> dict[str, Any]:
    answer = gateway.admin("POST", "/user/new", json={"user_id": user_id, "password": PASSWORD} | fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def login(client: httpx.Client, username: str, password: str = PASSWORD, **headers: str) -> httpx.Response:
    body = {"username": username, "password": password}
    return client.post("/v2/login", json=body, headers=headers)


def test_a_person_signs_in_works_and_signs_out(gateway: Gateway, browser: httpx.Client) -> None:
    user = make(gateway, "ada")
    assert (user["max_budget"], user["budget_duration"]) == (3, "7d")
    form = browser.post("/login", data={"username": "ada", "password": PASSWORD})
    assert (form.status_code, form.headers["location"]) == (303, "/ui/?login=success")
    cookie = form.headers["set-cookie"]
    assert cookie.startswith("phantom-session=phs-")
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert browser.get("/user/info").json()["user_id"] == "ada"
    made = browser.post("/key/generate", json={"user_id": "ada", "models": ["gpt"]})
    assert made.status_code == 200, made.text
    assert gateway.chat(made.json()["key"]).status_code == 200
    (session,) = browser.get("/sessions").json()["sessions"]
    assert session["label"] == "Firefox on Linux"
    old = dict(browser.cookies)
    assert browser.post("/logout").status_code == 200
    assert not dict(browser.cookies), "the browser has dropped it"
    assert httpx.get(gateway.url + "/user/info", cookies=old).status_code == 401


def test_under_a_name_of_the_network_the_cookie_needs_tls(gateway: Gateway) -> None:
    make(gateway, "tess")
    answer = httpx.post(
        gateway.url + "/v2/login",
        json={"username": "tess", "password": PASSWORD},
        headers={"host": "gw.example", "x-forwarded-host": "localhost", "x-forwarded-for": "127.0.0.1"},
        timeout=20,
    )
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-phantom-session=phs-")
    assert cookie.endswith("HttpOnly; Max-Age=43200; Path=/; SameSite=strict; Secure")
    held = {"cookie": cookie.partition(";")[0], "host": "gw.example", "x-phantom-request": "1"}
    good = httpx.post(
        gateway.url + "/sessions/end", json={"others": True}, headers=held | {"origin": "https://gw.example"}
    )
    assert good.status_code == 200, good.text
    evil = held | {"origin": "https://evil.example", "x-forwarded-host": "evil.example"}
    assert httpx.post(gateway.url + "/sessions/end", json={"others": True}, headers=evil).status_code == 403


def test_a_session_calls_no_model_and_spends_nothing(gateway: Gateway, browser: httpx.Client) -> None:
    make(gateway, "sam")
    assert login(browser, "sam").status_code == 200
    token = browser.cookies["phantom-session"]
    body = {"model": "gpt", "messages": HELLO}
    for headers in ({}, {"authorization": f"Bearer {token}"}, {"x-api-key": token}):
        assert browser.post("/v1/chat/completions", json=body, headers=headers).status_code == 401
        assert browser.get("/v1/models", headers=headers).status_code == 401
    assert token.encode() not in (gateway.data_dir / "phantom.db").read_bytes()
    with sqlite3.connect(f"file:{gateway.data_dir}/phantom.db?mode=ro", uri=True) as connection:
        assert ("sam",) in connection.execute("SELECT user_id FROM sessions").fetchall()


def test_other_sites_are_refused(gateway: Gateway, browser: httpx.Client) -> None:
    make(gateway, "cleo")
    assert login(browser, "cleo").status_code == 200
    body = {"user_id": "cleo", "user_alias": "changed"}
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        assert browser.post("/user/update", json=body, headers={"origin": origin}).status_code == 403
    del browser.headers["x-phantom-request"]
    assert browser.post("/user/update", json=body).status_code == 403
    assert browser.get("/user/info").json()["user_info"]["user_alias"] is None


def test_out_everywhere_and_deleted(gateway: Gateway, browser: httpx.Client) -> None:
    make(gateway, "max")
    assert login(browser, "max").status_code == 200
    with httpx.Client(base_url=gateway.url, timeout=20) as other:
        assert login(other, "max").status_code == 200
        assert browser.post("/sessions/end", json={"others": True}).json() == {"ended": 1}
        assert other.get("/sessions").status_code == 401
        assert login(other, "max").status_code == 200
        gateway.admin("POST", "/user/delete", json={"user_ids": ["max"]})
        assert other.get("/sessions").status_code == 401
    assert browser.get("/sessions").status_code == 401


def test_the_operator_signs_in(gateway: Gateway, browser: httpx.Client) -> None:
    assert login(browser, "admin", MASTER_KEY).status_code == 401, "UI_USERNAME says boss"
    assert login(browser, "boss", MASTER_KEY).json()["user_role"] == "proxy_admin"
    assert browser.get("/user/list").status_code == 200
    assert MASTER_KEY not in str(browser.cookies)


def test_an_invitation(gateway: Gateway, browser: httpx.Client) -> None:
    make(gateway, "ivy", password=None, user_email="ivy@example.com")
    link = gateway.admin("POST", "/invitation/new", json={"user_id": "ivy"}).json()["id"]
    assert browser.get("/onboarding/get_token", params={"invite_link": link}).json()["user_email"] == "ivy@example.com"
    body = {"invitation_link": link, "user_id": "ivy", "password": PASSWORD}
    assert browser.post("/onboarding/claim_token", json=body).status_code == 200
    assert browser.get("/user/info").json()["user_id"] == "ivy"
    assert browser.post("/onboarding/claim_token", json=body).status_code == 401


def test_a_custom_role(gateway: Gateway, browser: httpx.Client) -> None:
    role = {"role": "auditor", "grants": {"user.read": "all"}}
    assert gateway.admin("POST", "/role/new", json=role).status_code == 200
    make(gateway, "audrey", user_role="auditor")
    assert login(browser, "audrey").json()["user_role"] == "auditor"
    assert browser.get("/user/list").json()["total"] >= 1
    assert browser.get("/role/list").status_code == 403


def test_sessions_outlive_a_restart_of_control(gateway: Gateway, browser: httpx.Client) -> None:
    make(gateway, "rita")
    assert login(browser, "rita").status_code == 200
    (control,) = gateway.children("control")
    control.kill()
    wait_until(lambda: browser.get("/sessions").status_code != 503, 20)
    assert browser.get("/sessions").status_code == 200


def test_trying_passwords(gateway: Gateway) -> None:
    make(gateway, "vic")
    with httpx.Client(base_url=gateway.url, timeout=20) as client:
        statuses = [login(client, "vic", "wrong").status_code for _ in range(12)]
        assert statuses[:10] == [401] * 10
        assert set(statuses[10:]) == {429}
        assert login(client, "vic").status_code == 429
