"""A key's life in the UI: made, shown once, used, changed, rotated, blocked, deleted."""

from __future__ import annotations

import json
import re

import httpx
from playwright.sync_api import Page, expect
from tests.browser.conftest import Opener
from tests.support.gateway import Gateway


def revealed(page: Page) -> str:
    text = page.get_by_test_id("new-key").inner_text().strip()
    assert text.startswith("sk-")
    return text


def works(gateway: Gateway, key: str) -> bool:
    return gateway.chat(key, "gpt-5-mini", max_tokens=5).status_code == 200


def test_a_key_from_its_making_to_its_end(browse: Opener, gateway: Gateway) -> None:
    page = browse("keys")
    page.get_by_role("button", name="New key").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("made-here")
    form.get_by_label("Budget (USD)").fill("not a number")
    expect(form.get_by_text("Enter a number.")).to_be_visible()
    expect(form.get_by_role("button", name="Create")).to_be_disabled()
    form.get_by_label("Budget (USD)").fill("7,5")
    form.get_by_label("Starts anew every").fill("soon")
    form.get_by_role("button", name="Create").click()
    expect(form.get_by_text(re.compile("budget_duration"))).to_be_visible()
    form.get_by_label("Starts anew every").fill("30d")
    form.get_by_role("button", name="Create").click()

    key = revealed(page)
    assert works(gateway, key)
    page.get_by_role("button", name="Copy key").click()
    assert page.evaluate("navigator.clipboard.readText()") == key
    expect(page.get_by_text(f"Bearer {key}")).to_be_visible()
    page.get_by_role("button", name="I have copied it").click()
    assert key not in page.content()
    expect(page.get_by_text("$0.00 of $7.50").first).to_be_visible()

    page.get_by_role("button", name="made-here").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("button", name="Block", exact=True).click()
    expect(page.get_by_text("made-here is blocked.")).to_be_visible()
    assert not works(gateway, key)
    page.get_by_role("button", name="Undo").click()
    expect(drawer.get_by_role("button", name="Block", exact=True)).to_be_visible()
    assert works(gateway, key)

    drawer.get_by_role("button", name="Rotate").click()
    rotate = page.get_by_role("dialog", name="Rotate made-here")
    rotate.get_by_label("Old one works for").select_option("1h")
    rotate.get_by_role("button", name="Rotate").click()
    second = revealed(page)
    assert second != key
    for _ in range(3):  # it goes when somebody says so, not by a slip
        page.keyboard.press("Escape")
        expect(page.get_by_text("it cannot be shown again")).to_be_visible()
    page.get_by_role("dialog").last.get_by_role("button", name="Close", exact=True).first.click()
    assert revealed(page) == second
    assert works(gateway, second)
    assert works(gateway, key), "the old one goes on for an hour"
    page.get_by_role("button", name="I have copied it").click()

    changes = page.get_by_role("dialog").get_by_role("region", name="Changes")
    expect(changes.get_by_text("key.rotated").or_(changes.get_by_text("key.regenerated"))).to_be_visible()
    changes.get_by_text("key.created").click()
    expect(changes.get_by_role("rowheader", name="key_alias")).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    page.get_by_role("dialog", name="Delete made-here?").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert not works(gateway, second)


def test_two_changes_at_once_are_shown_side_by_side(browse: Opener, gateway: Gateway) -> None:
    made = gateway.admin("POST", "/key/generate", json={"key_alias": "contested", "max_budget": 10}).json()
    page = browse(f"keys?open={made['token']}")
    page.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit contested")
    form.get_by_label("Budget (USD)").fill("20")
    gateway.admin("POST", "/key/update", json={"key": made["token"], "max_budget": 30}).raise_for_status()
    form.get_by_role("button", name="Save changes").click()
    both = page.get_by_role("dialog", name="Two changes at once")
    row = both.get_by_role("row").filter(has_text="Budget (USD)")
    expect(row).to_contain_text("20")
    expect(row).to_contain_text("30")
    both.get_by_role("button", name="Save mine anyway").click()
    expect(page.get_by_role("dialog", name="Edit contested")).to_have_count(0)
    info = gateway.admin("GET", "/key/info", params={"key": made["token"]}).json()["info"]
    assert info["max_budget"] == 20


def test_search_sort_and_state_are_in_the_address(browse: Opener) -> None:
    page = browse("keys")
    page.get_by_role("searchbox").fill("search-")
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("button", name="Sort by Name").or_(page.get_by_title("Sort by Name")).first.click()
    expect(page).to_have_url(re.compile(r"search=search-.*sort=key_alias|sort=key_alias.*search=search-"))
    page.reload()
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("combobox", name="State").select_option("blocked")
    expect(page.get_by_text("Nothing matches these filters")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("leaked-2025")).to_be_visible()


def test_a_user_makes_a_key_within_bounds_and_sees_own_ones_only(browse: Opener, gateway: Gateway) -> None:
    page = browse("keys", "grace")
    expect(page.get_by_text("No keys yet")).to_be_visible()
    page.get_by_role("button", name="New key").first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("of-grace")
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    key = revealed(page)
    info = httpx.get(f"{gateway.url}/key/info", headers={"Authorization": f"Bearer {key}"}).json()
    assert info["info"]["user_id"] == "grace", json.dumps(info)
    page.get_by_role("button", name="I have copied it").click()
    expect(page.get_by_role("row")).to_have_count(2)
