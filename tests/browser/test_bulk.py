"""The same done to many at once, with undo; and the pages that are tables of something else."""

from __future__ import annotations

import json
import re

from playwright.sync_api import Page, expect
from tests.browser.conftest import Opener
from tests.browser.test_every_page import violations
from tests.support.demo_data import Demo
from tests.support.gateway import Gateway


def _made(gateway: Gateway, prefix: str) -> dict[str, str]:
    found = {}
    for n in range(5):
        name = f"{prefix}-{n}"
        answer = gateway.admin("POST", "/key/generate", json={"key_alias": name, "max_budget": n + 1})
        found[name] = answer.json()["token"]
    return found


def _field(gateway: Gateway, tokens: dict[str, str], name: str) -> list[object]:
    return [gateway.admin("GET", "/key/info", params={"key": token}).json()["info"][name] for token in tokens.values()]


def _confirm(page: Page, action: str) -> None:
    page.get_by_role("group", name="With the chosen").get_by_role("button", name=action, exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name=action, exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_many_keys_are_blocked_limited_undone_and_deleted(browse: Opener, gateway: Gateway) -> None:
    tokens = _made(gateway, "many")
    page = browse("keys?search=many-")
    page.get_by_role("checkbox", name="Choose all of this page").check()
    page.get_by_role("checkbox", name="Choose many-4").uncheck()
    expect(page.get_by_text("4 chosen")).to_be_visible()
    assert violations(page) == []
    _confirm(page, "Block")
    expect(page.get_by_text("Done: 4 of 4.")).to_be_visible()
    assert _field(gateway, tokens, "blocked") == [True, True, True, True, False]
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Undone: 4.")).to_be_visible()
    assert _field(gateway, tokens, "blocked") == [False] * 5
    expect(page.get_by_role("row").filter(has_text="Active")).to_have_count(5)
    page.get_by_role("checkbox", name="Choose all of this page").check()
    page.get_by_role("group", name="With the chosen").get_by_role("button", name="Set budget and limits").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_role("button", name="Set budget and limits")).to_be_disabled()
    form.get_by_label("Budget (USD)", exact=True).fill("7")
    form.get_by_label("Requests per minute").fill("60")
    form.get_by_role("button", name="Set budget and limits").click()
    expect(page.get_by_text("Done: 5 of 5.")).to_be_visible()
    assert _field(gateway, tokens, "max_budget") == [7.0] * 5
    page.get_by_role("button", name="Undo").last.click()
    expect(page.get_by_text("Undone: 5.")).to_be_visible()
    assert _field(gateway, tokens, "max_budget") == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert _field(gateway, tokens, "rpm_limit") == [None] * 5
    page.get_by_role("checkbox", name="Choose all of this page").check()
    gateway.admin("POST", "/key/delete", json={"keys": [tokens["many-0"]]})
    page.get_by_role("group", name="With the chosen").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    failed = page.get_by_role("dialog").get_by_role("alert")
    expect(failed).to_contain_text("1 failed.")
    expect(failed).to_contain_text("many-0")
    page.get_by_role("dialog").get_by_role("button", name="Close").last.click()
    expect(page.get_by_text("Nothing matches these filters")).to_be_visible()


def test_many_keys_are_rotated_and_not_lost(browse: Opener, gateway: Gateway) -> None:
    old = [gateway.key(key_alias=f"turn-{n}") for n in range(3)]
    page = browse("keys?search=turn-")
    page.get_by_role("checkbox", name="Choose all of this page").check()
    page.get_by_role("group", name="With the chosen").get_by_role("button", name="Rotate").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Old one works for").select_option("")
    dialog.get_by_role("button", name="Rotate").click()
    expect(dialog.get_by_test_id("new-keys")).to_have_count(3)
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(dialog.get_by_text("Copy them or keep the file first")).to_be_visible()
    with page.expect_download() as download:
        dialog.get_by_role("button", name="Keep as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert (lines[0], [line.partition(",")[0] for line in sorted(lines[1:])]) == (
        "name,key",
        ["turn-0", "turn-1", "turn-2"],
    )
    new = [line.partition(",")[2] for line in lines[1:]]
    assert all(gateway.chat(key, "demo").status_code == 200 for key in new)
    assert all(gateway.chat(key, "demo").status_code == 401 for key in old)
    dialog.get_by_role("button", name="I have kept them").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert not any(key in page.content() for key in new)
    expect(page.get_by_role("group", name="With the chosen")).to_have_count(0)


def test_a_role_an_access_group_and_a_project_are_made(browse: Opener, gateway: Gateway, demo: Demo) -> None:
    page = browse("roles")
    page.get_by_role("button", name="New role").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name of the role").fill("help-desk")
    form.get_by_label("Search").fill("key.")
    form.get_by_role("combobox", name="key.block").select_option("everything")
    form.get_by_role("combobox", name="key.read").select_option("own teams")
    assert violations(page) == []
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row").filter(has_text="help-desk")).to_contain_text("2")
    role = gateway.admin("GET", "/role/info", params={"role": "help-desk"}).json()
    assert role["grants"] == {"key.block": "all", "key.read": "team"}, json.dumps(role)
    page.get_by_role("button", name="help-desk").click()
    expect(page.get_by_role("dialog").get_by_text("own teams")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Edit").click()
    edit = page.get_by_role("dialog", name="Edit help-desk")
    edit.get_by_role("combobox", name="key.block").select_option("not")
    edit.get_by_role("button", name="Save changes").click()
    expect(edit).to_have_count(0)
    assert gateway.admin("GET", "/role/info", params={"role": "help-desk"}).json()["grants"] == {"key.read": "team"}

    page = browse("access_groups", theme="dark")
    page.get_by_role("button", name="New access group").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("small-models")
    form.get_by_label("Models").fill("gpt-5-mini, gemini-flash")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row").filter(has_text="small-models")).to_contain_text("gpt-5-mini, gemini-flash")

    page = browse("projects")
    page.get_by_role("button", name="New project").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("Autumn launch")
    form.get_by_label("Team id").fill("no-such-team")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_text(re.compile("no such team", re.IGNORECASE))).to_be_visible()
    form.get_by_label("Team id").fill(demo.teams["Research"])
    form.get_by_label("Budget (USD)", exact=True).fill("12")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row").filter(has_text="Autumn launch")).to_contain_text("of $12.00")


def test_health_is_checked(browse: Opener) -> None:
    page = browse("health")
    expect(page.get_by_text("connected")).to_be_visible()
    page.get_by_role("button", name="Check all now").click()
    page.get_by_role("dialog").get_by_role("button", name="Check all now").click()
    expect(page.get_by_role("region", name="Checks").get_by_text("answers").first).to_be_visible()
    page.get_by_role("button", name="does not answer").click()
    expect(page).to_have_url(re.compile("status=unhealthy"))
