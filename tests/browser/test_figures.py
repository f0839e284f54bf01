"""What the pages of figures do: overview, log and usage, with what they ask the gateway by themselves."""

from __future__ import annotations

import re
from typing import Any

import httpx
from playwright.sync_api import Page, Route, expect
from tests.browser.conftest import PATIENCE_MS, Opener
from tests.browser.test_every_page import violations
from tests.support.gateway import MASTER_KEY, Gateway, wait_until

from phantom_gateway.control.spending.live import MOST_EACH


def calls(page: Page) -> Any:
    return page.get_by_role("region", name="Logs").locator("tbody tr")


def test_the_overview_compares_stacks_and_warns(browse: Opener) -> None:
    page = browse("")
    for name in (
        "Spend",
        "Requests",
        "Tokens",
        "Error rate",
        "Latency, median",
        "First token, median",
        "Saved by caches",
    ):
        expect(page.locator(".kpi").filter(has_text=name).locator(".delta")).to_contain_text(re.compile(r"[▲▼%]"))
    expect(page.get_by_role("heading", name="Spend by model")).to_be_visible()
    page.get_by_role("group", name="By").get_by_role("button", name="Team").click()
    expect(page).to_have_url(re.compile("by=team"))
    page.get_by_role("region", name="Spend by team").get_by_role("button", name="As a table").click()
    expect(page.get_by_role("columnheader", name="Research")).to_be_visible()
    expect(page.get_by_role("meter").first).to_have_attribute("aria-valuetext", re.compile(r"^\$.+ of \$"))
    expect(page.get_by_text(re.compile("^starts anew in")).first).to_be_visible()
    expect(page.get_by_text("“search-production” has used up its budget")).to_be_visible()
    page.get_by_role("region", name="Providers").get_by_role("link", name="mistral").click()
    expect(page.get_by_role("heading", level=1, name="Logs")).to_be_visible()
    expect(page).to_have_url(re.compile("provider=mistral"))


def test_calls_are_shown_as_they_end(browse: Opener, gateway: Gateway) -> None:
    page = browse("logs?live=true")
    expect(page.get_by_text("New calls appear as they end.")).to_be_visible()
    key = gateway.key(key_alias="seen-live")
    assert gateway.chat(key, "gpt-5").status_code == 200
    expect(calls(page).first).to_contain_text("seen-live")
    page.get_by_role("group", name="Key").get_by_role("button", name="notebooks").click()
    expect(page.get_by_text("New calls appear as they end.")).to_be_visible()
    assert gateway.chat(key, "gpt-5").status_code == 200
    expect(calls(page).filter(has_text="seen-live")).to_have_count(0)
    assert violations(page) == []


def test_a_lost_stream_is_said_and_made_good(browse: Opener, gateway: Gateway) -> None:
    page = browse("logs")
    page.route("**/spend/logs/live*", refuse)
    page.get_by_role("button", name="Live", exact=True).click()
    expect(page.get_by_text("The live connection is lost.")).to_be_visible()
    assert gateway.chat(gateway.key(key_alias="seen-late"), "gpt-5").status_code == 200
    expect(calls(page).first).to_contain_text("seen-late")
    page.unroute("**/spend/logs/live*")
    expect(page.get_by_text("New calls appear as they end.")).to_be_visible()


def test_streams_that_are_left_are_free_again(gateway: Gateway) -> None:
    headers = {"authorization": f"Bearer {MASTER_KEY}"}
    address = f"{gateway.url}/spend/logs/live?seconds=600"
    for _ in range(2 * MOST_EACH):
        with httpx.stream("GET", address, headers=headers, timeout=PATIENCE_MS / 1000) as answer:
            assert answer.status_code == 200
            assert next(answer.iter_lines()).startswith("retry:")
        wait_until(lambda: httpx.get(address.replace("600", "0"), headers=headers).status_code == 200)


def refuse(route: Route) -> None:
    route.fulfill(status=429, content_type="application/json", body="{}")


def test_sessions_are_traces(browse: Opener) -> None:
    page = browse("logs?view=sessions")
    page.get_by_role("button", name=re.compile("ago|yesterday")).first.click()
    drawer = page.get_by_role("dialog", name=re.compile("Session|Request"))
    expect(drawer).to_be_visible()
    page.goto(page.url.partition("?")[0] + "?trace=session-3")
    trace = page.get_by_role("dialog", name="Session")
    expect(trace.get_by_role("listitem")).to_have_count(4)
    assert violations(page) == []
    trace.get_by_role("listitem").first.get_by_role("button").click()
    request = page.get_by_role("dialog", name="Request")
    expect(request.get_by_text("Send it again")).to_be_visible()
    expect(request.get_by_text("/v1/chat/completions")).to_be_visible()
    page.keyboard.press("Escape")
    expect(trace).to_be_visible()


def test_usage_is_looked_into_and_priced_elsewhere(browse: Opener) -> None:
    page = browse("usage?by=team&days=30")
    table = page.get_by_role("region", name="Usage")
    table.get_by_role("button", name="Research").click()
    expect(page).to_have_url(re.compile("team_id="))
    expect(table.get_by_role("button", name="claude-sonnet")).to_be_visible()
    table.get_by_role("button", name="Requests", exact=True).click()
    expect(page).to_have_url(re.compile("measure=requests"))
    expect(page.get_by_role("meter")).to_be_visible()
    expect(page.get_by_text("a day of the last week it comes to")).to_be_visible()
    page.get_by_role("combobox", name="Other model").select_option("gpt-5-mini")
    expect(page.get_by_role("region", name="What if it had been …").get_by_role("row").last).to_contain_text(
        re.compile(r"-\d+%")
    )
    page.get_by_role("combobox", name="Compare with").select_option("none")
    expect(page.get_by_text("nothing to compare with").first).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name=re.compile("^Team:")).click()
    expect(page).not_to_have_url(re.compile("team_id="))
