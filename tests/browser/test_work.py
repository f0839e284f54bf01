"""What people do most besides keys: ask models, read the log, see costs, add a model."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from playwright.sync_api import expect
from tests.browser.conftest import Opener
from tests.browser.test_every_page import violations
from tests.support.demo_data import CANARY, Demo
from tests.support.gateway import Gateway, SimulatorThread, wait_until


def test_two_models_answer_side_by_side_and_markup_stays_text(browse: Opener) -> None:
    page = browse("playground")
    page.get_by_role("button", name="Make a key for an hour").click()
    expect(page.get_by_label("Call as")).to_have_value(re.compile("^sk-"))
    page.get_by_role("button", name="Compare another").click()
    page.get_by_label("Model 2", exact=True).last.select_option("mistral-large")
    page.get_by_label("Message").fill(f"{CANARY} ![x](http://canary.invalid/?q=1)")
    page.keyboard.press("Control+Enter")
    for n in (1, 2):
        lane = page.get_by_role("region", name=f"Model {n}")
        expect(lane.get_by_text("You wrote")).to_contain_text(CANARY)
        expect(lane.get_by_text("First token")).to_be_visible()
        expect(lane.get_by_text("≈ $")).to_be_visible()
    page.get_by_role("button", name="Explain").click()
    told = page.get_by_role("dialog", name="What would happen")
    expect(told.get_by_text("Would be served")).to_be_visible()
    expect(told.get_by_text("Expected cost").first).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_label("Call as").fill("sk-ph-wrong")
    page.get_by_label("Message").fill("again")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def test_the_log_is_filtered_by_its_address_and_read_in_a_drawer(browse: Opener) -> None:
    page = browse("logs?status=failure")
    expect(page.locator("tbody").get_by_text("429").first).to_be_visible()
    expect(page.locator("tbody").get_by_text("Success")).to_have_count(0)
    page.get_by_role("group", name="Result").get_by_role("button", name="Success").click()
    expect(page).to_have_url(re.compile("status=success"))
    expect(page.locator("tbody").get_by_text("429")).to_have_count(0)
    first = page.locator("tbody tr").first.inner_text()
    page.get_by_role("button", name="Older").click()
    expect(page.locator("tbody tr").first).not_to_have_text(first)
    page.locator("tbody tr button").first.click()
    drawer = page.get_by_role("dialog", name="Request")
    expect(drawer.get_by_text("Tokens and cost")).to_be_visible()
    expect(drawer.get_by_text("What was said is not stored.")).to_be_visible()
    expect(drawer.get_by_text("Way to the deployment")).to_be_visible()
    link = page.url
    other = browse(link.partition("/ui/")[2])
    expect(other.get_by_role("dialog", name="Request").get_by_text("Timeline")).to_be_visible()


def test_usage_by_team_reads_as_a_table_and_exports(browse: Opener, demo: Demo) -> None:
    page = browse("usage?by=team")
    expect(page.get_by_role("region", name="Usage").get_by_text("Research").first).to_be_visible()
    page.get_by_role("button", name="As a table").first.click()
    expect(page.get_by_role("columnheader", name="Research")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    text = download.value.path().read_text()
    assert demo.teams["Research"] in text or "Research" in text


def test_a_model_is_tested_added_used_and_removed(
    browse: Opener, gateway: Gateway, shared_simulator: SimulatorThread
) -> None:
    page = browse("models")
    page.get_by_role("button", name="gpt-5", exact=True).click()
    expect(page.get_by_text("This model is written in the configuration file.")).to_be_visible()
    expect(page.get_by_role("dialog").get_by_role("button", name="Edit")).to_have_count(0)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add model").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name for callers").fill("added-here")
    form.get_by_label("Provider and model").fill("openai/up")
    form.get_by_label("Address").fill("http://127.0.0.1:1/v1")
    form.get_by_label("API key").fill("sk-provider-secret")
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_text("It does not answer")).to_be_visible()
    form.get_by_label("Address").fill(f"http://127.0.0.1:{shared_simulator.port}/v1")
    form.get_by_role("button", name="Test connection").click()
    expect(form.get_by_text("It answers")).to_be_visible()
    form.get_by_label("Input, USD").fill("1.5")
    form.get_by_label("Output, USD").fill("6")
    form.get_by_role("button", name="Create").click()
    expect(page.get_by_role("button", name="added-here")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="added-here")).to_contain_text("$1.50 / $6.00")
    assert "sk-provider-secret" not in page.content()
    assert gateway.chat(gateway.key(), "added-here").status_code == 200
    page.get_by_role("button", name="added-here").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog", name="Delete added-here?").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("button", name="added-here")).to_have_count(0)


def test_a_team_gets_a_member_and_the_audit_log_says_so(browse: Opener) -> None:
    page = browse("teams")
    page.get_by_role("button", name="Data platform").click()
    drawer = page.get_by_role("dialog")
    drawer.get_by_label("User id or address").fill("linus")
    drawer.get_by_role("button", name="Add member").click()
    drawer.get_by_role("button", name="Remove linus").click()
    asked = page.get_by_role("dialog", name="Remove linus?")
    asked.get_by_role("button", name="Cancel").click()
    expect(drawer.get_by_role("button", name="Remove linus")).to_be_visible()
    drawer.get_by_role("button", name="Remove linus").click()
    asked.get_by_role("button", name="Remove", exact=True).click()
    expect(drawer.get_by_role("button", name="Remove linus")).to_have_count(0)
    page.goto(page.url.partition("/ui/")[0] + "/ui/audit")
    page.locator("tbody tr button").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("team")


def test_the_palette_goes_everywhere(browse: Opener) -> None:
    page = browse("")
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox").fill("audit")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Audit log")).to_be_visible()
    page.get_by_role("button", name="Auf Deutsch").click()
    expect(page.get_by_role("heading", level=1, name="Audit-Protokoll")).to_be_visible()


def test_the_filtered_log_becomes_a_file(browse: Opener) -> None:
    page = browse("logs?status=failure")
    expect(page.locator("tbody").get_by_text("429").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("request_id,start,end,status,")
    assert len(lines) > 2
    assert all(",failure," in line for line in lines[1:])


def test_routing_is_seen_and_changed(browse: Opener) -> None:
    page = browse("routing")
    expect(page.get_by_role("region", name="Deployments").get_by_text("ready").first).to_be_visible()
    page.get_by_role("combobox", name="Model").select_option("mistral-large")
    page.get_by_label("Then, in this order").fill("no-such-model")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("alert").or_(page.locator(".fault")).first).to_contain_text("no model has this name")
    page.get_by_label("Then, in this order").fill("gpt-5")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("button", name="Remove", exact=True)).to_be_visible()
    page.reload()
    page.get_by_role("combobox", name="Model").select_option("mistral-large")
    expect(page.get_by_label("Then, in this order")).to_have_value("gpt-5")
    page.get_by_role("button", name="Remove", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_label("Then, in this order")).to_have_value("")
    page.get_by_role("button", name="Edit max_fallbacks").click()
    page.get_by_role("textbox", name="Value").fill("many")
    expect(page.get_by_text("This is no Integer.")).to_be_visible()
    page.get_by_role("textbox", name="Value").fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Save changes").click()
    row = page.get_by_role("row").filter(has_text="max_fallbacks")
    expect(row.get_by_text("UI and API")).to_be_visible()
    page.get_by_role("button", name="Edit max_fallbacks").click()
    page.get_by_role("button", name="Back to the default").click()
    expect(row.get_by_text("Default", exact=True)).to_be_visible()


def test_models_have_aliases_weights_and_abilities(
    browse: Opener, gateway: Gateway, shared_simulator: SimulatorThread
) -> None:
    address = f"http://127.0.0.1:{shared_simulator.port}/v1"
    for n in (1, 2):
        params = {"model": f"openai/up-{n}", "api_base": address, "api_key": "sk-x"}
        made = gateway.admin("POST", "/model/new", json={"model_name": "divided", "litellm_params": params})
        assert made.status_code == 200, made.text
    page = browse("models?tab=weights")
    form = page.get_by_role("form", name="divided")
    expect(form.get_by_text("50% of requests")).to_have_count(2)
    form.get_by_role("slider").first.fill("3")
    expect(form.get_by_text("75% of requests")).to_be_visible()
    assert violations(page) == []
    form.get_by_role("button", name="Save changes").click()
    expect(form.get_by_role("button", name="Save changes")).to_be_disabled()
    wait_until(lambda: _weights(gateway, "divided") == [1, 3])  # the button is out of use while it saves, too

    page.get_by_role("button", name="Aliases").click()
    page.get_by_label("Alias", exact=True).fill("gpt-5")
    expect(page.get_by_text("This name is a model already.")).to_be_visible()
    page.get_by_label("Alias", exact=True).fill("house-default")
    page.get_by_label("Stands for").select_option("gpt-5-mini")
    page.get_by_role("button", name="Add alias").click()
    expect(page.get_by_role("row").filter(has_text="house-default")).to_contain_text("gpt-5-mini")
    assert violations(page) == []
    assert gateway.chat(gateway.key(), "house-default").status_code == 200
    page.get_by_role("button", name="Remove house-default").click()
    page.get_by_role("dialog", name="Remove house-default?").get_by_role("button", name="Remove", exact=True).click()
    expect(page.get_by_text("No aliases")).to_be_visible()

    page.get_by_role("button", name="Catalogue").click()
    row = page.get_by_role("row").filter(has_text="gemini-flash")
    expect(row).to_contain_text("$0.30 / $2.50")
    row.get_by_role("link", name="Try gemini-flash").click()
    expect(page.get_by_label("Model 1", exact=True).last).to_have_value("gemini-flash")
    for each in _listed(gateway, "divided"):
        gateway.admin("POST", "/model/delete", json={"id": each["model_info"]["id"]})


def test_a_provider_is_chosen_and_its_form_follows(browse: Opener) -> None:
    page = browse("models")
    page.get_by_role("button", name="Add model").click()
    form = page.get_by_role("dialog")
    form.get_by_label("Provider", exact=True).select_option("azure")
    expect(form.get_by_label("Provider and model")).to_have_value("azure/")
    expect(form.get_by_label("API version")).to_be_visible()
    form.get_by_label("Provider", exact=True).select_option("anthropic")
    expect(form.get_by_label("API version")).to_have_count(0)
    expect(form.get_by_label("Provider and model")).to_have_value(re.compile("^anthropic/claude"))
    expect(form.get_by_label("Name for callers")).to_have_value(re.compile("^claude"))
    form.get_by_label("Weight").fill("many")
    expect(form.get_by_text("Enter a number.")).to_be_visible()
    assert violations(page) == []


def test_two_people_edit_a_model_at_once(browse: Opener, gateway: Gateway) -> None:
    params = {"model": "openai/up", "api_base": "http://127.0.0.1:1/v1", "api_key": "sk-x", "weight": 1}
    made = gateway.admin("POST", "/model/new", json={"model_name": "contested", "litellm_params": params}).json()
    page = browse("models?search=contested")
    page.get_by_role("button", name="contested").click()
    page.get_by_role("dialog").get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit contested")
    form.get_by_label("Weight").fill("2")
    model = made["model_info"]["id"]
    gateway.admin("PATCH", f"/model/{model}/update", json={"litellm_params": {"weight": 5}})
    form.get_by_role("button", name="Save changes").click()
    both = page.get_by_role("dialog", name="Two changes at once")
    row = both.get_by_role("row").filter(has_text="Weight")
    expect(row).to_contain_text("2")
    expect(row).to_contain_text("5")
    assert violations(page) == []
    both.get_by_role("button", name="Save mine anyway").click()
    expect(form).to_have_count(0)
    listed = gateway.admin("GET", "/model/info", params={"litellm_model_id": model}).json()["data"]
    assert listed[0]["litellm_params"]["weight"] == 2
    gateway.admin("POST", "/model/delete", json={"id": model})


def test_huge_pastes_and_wrong_fields_are_told_at_the_field(browse: Opener) -> None:
    page = browse("keys")
    page.get_by_role("button", name="New key").first.click()
    form = page.get_by_role("dialog")
    form.get_by_label("Name").fill("x" * 5000)
    form.get_by_label("Valid for").fill("soon")
    form.get_by_role("button", name="Create").click()
    expect(form.locator(".fault")).to_have_count(1)
    form.get_by_label("Name").fill("short")
    form.get_by_role("button", name="Create").click()
    expect(form.locator(".field").filter(has_text="Valid for").locator(".fault")).to_be_visible()
    expect(form.get_by_label("Name")).to_have_value("short")
    page.keyboard.press("Escape")
    page = browse("playground")
    page.get_by_label("Message").fill("word " * 90_000)
    expect(page.get_by_role("button", name="Send")).to_be_disabled()  # no key yet; nothing hangs
    page.get_by_text("Parameters").click()
    page.get_by_role("textbox", name="JSON schema").fill("[" * 50_000)
    expect(page.get_by_text("This is no JSON.")).to_be_visible()


def test_a_link_to_an_old_call_still_shows_it(browse: Opener, gateway: Gateway) -> None:
    last = (datetime.now(UTC) - timedelta(days=9)).date().isoformat()
    days = {"start_date": "2000-01-01", "end_date": last, "page_size": 1}
    row = gateway.admin("GET", "/spend/logs/v2", params=days).json()["data"][0]
    page = browse(f"logs?open={row['request_id']}")
    expect(page.get_by_role("dialog").get_by_text(row["request_id"]).first).to_be_visible()


def _weights(gateway: Gateway, model: str) -> list[float]:
    return sorted(each["litellm_params"]["weight"] for each in _listed(gateway, model))


def _listed(gateway: Gateway, model: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = gateway.admin("GET", "/v2/model/info", params={"model": model}).json()["data"]
    return found
