"""Signing in, being invited, and a session that ends in the middle of work."""

from __future__ import annotations

import re

from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.support.demo_data import PASSWORD
from tests.support.gateway import MASTER_KEY, Gateway, wait_until


def test_signing_in_leads_to_where_one_wanted(browse: Opener) -> None:
    page = browse("teams", None)
    page.get_by_label("Address or user name").fill("admin")
    page.get_by_label("Password or master key").fill("wrong-wrong-wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_text("User name or password is not right.")).to_be_visible()
    page.get_by_label("Password or master key").fill(MASTER_KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Teams")).to_be_visible()
    assert MASTER_KEY not in page.content()
    assert page.evaluate("document.cookie") == "", "no script reads the session"
    assert "phantom-session" not in page.evaluate("JSON.stringify(localStorage)")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_nothing_typed_is_lost_when_the_session_ends(browse: Opener) -> None:
    page = browse("", None)
    page.get_by_label("Address or user name").fill("root")
    page.get_by_label("Password or master key").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Budgets").click()
    page.get_by_role("button", name="New budget").click()
    form = page.get_by_role("dialog", name="New budget")
    form.get_by_label("Budget name").fill("kept-over-sign-in")
    form.get_by_label("Budget (USD)").fill("12")
    page.context.clear_cookies()
    form.get_by_role("button", name="Create").click()
    again = page.get_by_role("dialog", name="Sign in again")
    expect(again).to_be_visible()
    again.get_by_label("Password or master key").fill(PASSWORD)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_count(0)
    expect(form.get_by_label("Budget name")).to_have_value("kept-over-sign-in")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("button", name="kept-over-sign-in")).to_be_visible()


def test_an_invitation(browse: Opener) -> None:
    page = browse("users?open=new.colleague")
    page.get_by_role("button", name="Invite").click()
    link = page.locator("pre.code").inner_text()
    guest = browse("", None)
    guest.goto(link)
    expect(guest.get_by_text("new.colleague@example.com was invited")).to_be_visible()
    guest.get_by_label("New password").fill("a long new password")
    guest.get_by_role("button", name="Set password and sign in").click()
    expect(guest.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    late = browse("", None)
    late.goto(link)
    expect(late.get_by_text("This invitation is used up or too old")).to_be_visible()


def test_control_goes_away_and_comes_back(browse: Opener, gateway: Gateway) -> None:
    page = browse("keys")
    expect(page.get_by_text("search-production")).to_be_visible()
    page.route(
        re.compile("/whoami|/team/list|/key/"),
        lambda route: route.fulfill(status=503, body='{"error":{"message":"restarting"}}'),
    )
    page.get_by_role("link", name="Teams").click()
    expect(page.get_by_text("The control process is busy or restarting")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Model calls go on; pages show what was last read.")).to_be_visible()
    page.unroute_all()
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("button", name="Research")).to_be_visible()
    (control,) = gateway.children("control")
    control.kill()
    wait_until(lambda: gateway.admin("GET", "/whoami").status_code == 200, 30)
    page.get_by_role("link", name="Keys").click()
    expect(page.get_by_text("search-production")).to_be_visible()
