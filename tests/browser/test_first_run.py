"""From nothing to a first answer, guided; and the playground in each API format."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.browser.conftest import WATCH, Opener, Watched
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Gateway]:
    """A gateway that nobody has used."""
    config = tmp_path / "config.yaml"
    config.write_text("{}\n")
    with running_gateway(tmp_path / "data", config) as gateway:
        yield gateway


def test_the_first_run_is_guided(chromium: Browser, fresh: Gateway, shared_simulator: SimulatorThread) -> None:
    context = chromium.new_context(locale="en-GB", reduced_motion="reduce")
    page = context.new_page()
    watch = Watched(page, fresh.url)
    context.add_init_script(WATCH)
    watch.start()
    page.goto(f"{fresh.url}/ui/")
    page.get_by_label("Address or user name").fill("admin")
    page.get_by_label("Password or master key").fill(MASTER_KEY)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Get started")).to_be_visible()
    provider = page.get_by_role("listitem", name="Step 1: Provider key")
    provider.get_by_label("Provider", exact=True).select_option("compatible")
    provider.get_by_label("API key").fill("sk-of-the-provider")
    provider.get_by_label("Address").fill("http://127.0.0.1:1/v1")
    provider.get_by_label("Model to test with").fill("up")
    provider.get_by_role("button", name="Test and save").click()
    expect(provider.get_by_text("It does not answer")).to_be_visible()
    provider.get_by_label("Address").fill(f"http://127.0.0.1:{shared_simulator.port}/v1")
    provider.get_by_role("button", name="Test and save").click()
    expect(provider.get_by_text("the key is saved as compatible")).to_be_visible()
    model = page.get_by_role("listitem", name="Step 2: First model")
    expect(model.get_by_label("Name for callers")).to_have_value("up")
    expect(model.get_by_label("With the key")).to_have_value("compatible")
    model.get_by_label("Name for callers").fill("house-model")
    model.get_by_role("button", name="Add model").click()
    expect(page.get_by_role("listitem", name="Step 2: First model (done)")).to_be_visible()
    key = page.get_by_role("listitem", name="Step 3: First key")
    key.get_by_role("button", name="Make key").click()
    secret = page.get_by_test_id("new-key").inner_text()
    chat = page.get_by_role("listitem", name="Step 4: First chat")
    expect(chat.get_by_label("Model")).to_have_value("house-model")
    for tool, part in {"Claude Code": "ANTHROPIC_AUTH_TOKEN", "Codex": "wire_api", "LangChain": "ChatOpenAI"}.items():
        chat.get_by_role("button", name=tool).click()
        snippet = chat.get_by_test_id("snippet")
        expect(snippet).to_contain_text(part)
        expect(snippet).to_contain_text(secret)
        expect(snippet).to_contain_text("house-model")
    chat.get_by_role("button", name="Send").click()
    expect(chat.get_by_text("Say hello in five languages.").first).to_be_visible()
    expect(page.get_by_role("listitem", name="Step 4: First chat (done)")).to_be_visible()
    assert "sk-of-the-provider" not in page.content()
    assert fresh.chat(secret, "house-model").status_code == 200
    page.goto(f"{fresh.url}/ui/")  # the second time nobody is led anywhere
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    watch.check()
    context.close()


def _lane(page: Page) -> str:
    return page.get_by_role("region", name="Model 1").get_by_role("log").inner_text()


def test_the_playground_speaks_every_format_with_tools_images_and_schema(browse: Opener, gateway: Gateway) -> None:
    page = browse("playground")
    page.get_by_label("Call as").fill(gateway.key())
    page.get_by_text("Parameters").click()
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_role("textbox", name="Tools").fill("[{]")
    expect(page.get_by_text("This is no JSON.")).to_be_visible()
    page.get_by_role("textbox", name="Tools").fill("")
    page.get_by_role("button", name="Example: Tools").click()
    lane = page.get_by_role("region", name="Model 1")
    for name in ("OpenAI chat", "Anthropic", "Gemini", "OpenAI Responses"):
        page.get_by_role("button", name="New conversation").click()
        page.get_by_role("button", name=name, exact=True).click()
        page.get_by_label("Add image").set_input_files({"name": "pixel.png", "mimeType": "image/png", "buffer": PIXEL})
        expect(page.get_by_role("list", name="Images").get_by_text("pixel.png")).to_be_visible()
        page.get_by_label("Message").fill("call weather")
        page.get_by_role("button", name="Send").click()
        expect(lane.get_by_text("calls weather")).to_be_visible()
        lane.get_by_label("Result of weather").fill("18 degrees, sunny")
        lane.get_by_role("button", name="Send results").click()
        expect(lane.get_by_text("18 degrees, sunny").first).to_be_visible()
        expect(lane.get_by_text("First token")).to_be_visible()
        expect(lane.get_by_role("alert")).to_have_count(0)
        expect(lane.locator(".measures")).to_contain_text("+")
    page.get_by_role("button", name="Clear: Tools").click()
    page.get_by_role("button", name="Example: JSON schema").click()
    page.get_by_role("button", name="New conversation").click()
    page.get_by_label("Message").fill("Answer me.")
    page.get_by_role("button", name="Send").click()
    expect(lane.get_by_text("First token")).to_be_visible()
    answer = json.loads(_lane(page).split("Answer me.")[1].strip())
    assert set(answer) == {"answer", "sure"}
