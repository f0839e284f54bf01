"""Somebody asks for more, an administrator decides, and both see what came of it; and which limits hold in effect."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.test_every_page import violations
from tests.support.demo_data import CANARY, Demo
from tests.support.gateway import Gateway


def test_a_request_is_made_granted_in_part_and_in_force(browse: Opener, gateway: Gateway) -> None:
    made = gateway.admin("POST", "/user/update", json={"user_id": "ada", "max_budget": 50, "models": ["gpt-5-mini"]})
    assert made.status_code == 200, made.text
    page = browse("account", "ada")
    expect(page.get_by_role("region", name="Limits in effect").get_by_text("binds first")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="Ask for more").click()
    form = page.get_by_role("dialog", name="New request")
    form.get_by_label("New budget (USD)").fill("10")
    form.get_by_label("Reason").fill(CANARY)
    form.get_by_role("button", name="Send request").click()
    expect(form.get_by_text("must be more than the present 50")).to_be_visible()
    assert violations(page) == []
    form.get_by_label("New budget (USD)").fill("120")
    form.get_by_label("Further models").fill("gpt-5, claude-sonnet")
    form.get_by_role("button", name="Send request").click()
    expect(form).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="$50.00 → $120.00")).to_be_visible()

    inbox = browse("approvals", theme="dark")
    inbox.get_by_role("row").filter(has_text="$50.00 → $120.00").get_by_role("button").click()
    drawer = inbox.get_by_role("dialog", name="Request")
    expect(drawer.get_by_text(CANARY)).to_be_visible()
    expect(drawer.get_by_role("region", name="Limits in effect").first).to_be_visible()
    assert violations(inbox) == []
    drawer.get_by_label("Grant this budget (USD)").fill("80")
    drawer.get_by_label("Grant these models").fill("gpt-5")
    drawer.get_by_label("Note").fill("80 for now")
    drawer.get_by_role("button", name="Approve").click()
    expect(drawer).to_have_count(0)
    expect(inbox.get_by_text("No requests")).to_be_visible()
    user = gateway.admin("GET", "/v2/user/info", params={"user_id": "ada"}).json()
    assert (user["max_budget"], user["models"]) == (80, ["gpt-5-mini", "gpt-5"])

    page.get_by_role("button", name="Approved").click()
    page.get_by_role("row").filter(has_text="ada@example.com").get_by_role("button").first.click()
    expect(page.get_by_role("dialog", name="Request").get_by_text("80 for now")).to_be_visible()
    expect(page.get_by_role("dialog", name="Request").get_by_role("button", name="Approve")).to_have_count(0)
    assert gateway.admin("POST", "/user/update", json={"user_id": "ada", "max_budget": None, "models": []}).is_success


def test_the_drawer_says_whose_limit_binds(browse: Opener, demo: Demo) -> None:
    page = browse(f"keys?open={demo.keys['search-production']['token']}")
    effect = page.get_by_role("dialog").get_by_role("region", name="Limits in effect").first
    expect(
        effect.get_by_role("row")
        .filter(has_text="Key search-production")
        .get_by_text(re.compile("binds first|used up"))
    ).to_be_visible()
    expect(effect.get_by_role("row").filter(has_text="Team Search")).to_contain_text("left of $50.00")
    expect(effect.get_by_role("row").filter(has_text="Organisation Engineering")).to_be_visible()
