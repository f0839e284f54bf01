"""The settings: two who edit one, where everything is written, what has changed; and the cache, switched on and emptied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import Opener
from tests.browser.test_every_page import in_both_themes
from tests.support.gateway import Gateway

SECTION = {"router_settings": "cooldown_time", "litellm_settings": "cache"}


@pytest.fixture(autouse=True)
def as_before(gateway: Gateway) -> Iterator[None]:
    yield
    for section, name in (*SECTION.items(), ("litellm_settings", "cache_params")):
        gateway.admin("POST", "/config/field/delete", json={"config_type": section, "field_name": name})


def _set(gateway: Gateway, value: float) -> None:
    body = {"config_type": "router_settings", "field_name": "cooldown_time", "field_value": value}
    assert gateway.admin("POST", "/config/field/update", json=body).status_code == 200


def _edit(page: Page, name: str) -> None:
    page.get_by_role("button", name=f"Edit {name}", exact=True).click()


def test_two_who_edit_a_setting_see_both_and_what_has_changed(browse: Opener, gateway: Gateway) -> None:
    page = browse("settings")
    page.get_by_role("button", name="Routing", exact=True).click()
    _edit(page, "cooldown_time")
    form = page.get_by_role("dialog", name="cooldown_time")
    form.get_by_role("textbox", name="Value").fill("7")
    _set(gateway, 12)
    form.get_by_role("button", name="Save changes").click()
    both = page.get_by_role("dialog", name="Two changes at once")
    expect(both.get_by_role("row").filter(has_text="cooldown_time")).to_contain_text("12")
    assert in_both_themes(page) == []
    both.get_by_role("button", name="Save mine anyway").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Everything that is set").click()
    page.get_by_label("Search settings and values").fill("cooldown")
    row = page.get_by_role("row").filter(has_text="router_settings.cooldown_time")
    expect(row).to_contain_text("7")
    expect(row).to_contain_text("UI and API")
    page.get_by_label("Search settings and values").fill("num_retries")
    expect(page.get_by_role("row").filter(has_text="router_settings.num_retries")).to_contain_text("config.yaml:")
    assert in_both_themes(page) == []
    page.get_by_role("button", name="Last changes").click()
    change = page.locator("details").first.get_by_role("row").filter(has_text="router_settings.cooldown_time")
    expect(change).to_contain_text("12")
    expect(change).to_contain_text("7")
    assert in_both_themes(page) == []


def test_the_cache_is_switched_on_set_used_and_emptied(browse: Opener, gateway: Gateway) -> None:
    page = browse("cache")
    page.get_by_role("button", name="Switch it on").click()
    expect(page.get_by_text("in the workers' memory")).to_be_visible()
    key = gateway.key()
    assert [gateway.chat(key, "gpt-5").headers["x-phantom-cache"] for _ in range(2)] == ["miss", "hit"]
    _edit(page, "cache_params")
    form = page.get_by_role("dialog", name="cache_params")
    form.get_by_role("textbox", name="Value").fill('{"host": "redis.example"}')
    form.get_by_role("button", name="Save changes").click()
    expect(form.get_by_text("cannot be set over the API")).to_be_visible()
    form.get_by_role("textbox", name="Value").fill('{"ttl": 77}')
    form.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("region", name="Settings").get_by_role("row").filter(has_text="ttl").first).to_contain_text(
        "77"
    )
    assert in_both_themes(page) == []
    page.get_by_role("button", name="Forget all answers").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget all answers").click()
    expect(page.get_by_text("All answers are forgotten.")).to_be_visible()
    assert gateway.chat(key, "gpt-5").headers["x-phantom-cache"] == "miss"
