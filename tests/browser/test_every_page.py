"""Every page, as every role, in both themes and languages: it loads, says what it is, and breaks no rule of WCAG 2.2 AA."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from tests.browser.conftest import AXE, Opener
from tests.support.demo_data import CANARY, Demo

PAGES = {
    "": ("Overview", "Übersicht"),
    "logs": ("Logs", "Protokoll"),
    "usage": ("Usage", "Nutzung"),
    "start": ("Get started", "Erste Schritte"),
    "playground": ("Playground", "Spielwiese"),
    "models": ("Models", "Modelle"),
    "routing": ("Routing", "Routing"),
    "keys": ("Keys", "Schlüssel"),
    "teams": ("Teams", "Teams"),
    "users": ("Users", "Benutzer"),
    "organizations": ("Organisations", "Organisationen"),
    "projects": ("Projects", "Projekte"),
    "customers": ("Customers", "Kunden"),
    "budgets": ("Budgets", "Budgets"),
    "tags": ("Tags", "Tags"),
    "access_groups": ("Access groups", "Zugriffsgruppen"),
    "roles": ("Roles", "Rollen"),
    "approvals": ("Approvals", "Anträge"),
    "account": ("My account", "Mein Konto"),
    "health": ("Health", "Zustand"),
    "cache": ("Cache", "Cache"),
    "audit": ("Audit log", "Audit-Protokoll"),
    "settings": ("Settings", "Einstellungen"),
}
OWN = {"", "logs", "usage", "playground", "models", "keys", "teams", "approvals", "account", "settings"}
SEEN_BY = {
    "admin": set(PAGES),
    "vera": set(PAGES) - {"start"},
    "ada": OWN | {"start", "organizations", "projects"},
    "linus": OWN,
}
"""What the navigation shows to the operator, a viewer of everything, an internal user who leads a team, and a viewer of his own."""
REFUSED = {"en": "You may not do this", "de": "Das darfst du nicht"}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def settled(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", level=1, name=title, exact=True)).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)
    expect(page.locator("[role=alert] .empty, .notice.bad[role=alert]")).to_have_count(0)  # nothing of it failed


def violations(page: Page) -> list[str]:
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8") + "; 0")
    found: dict[str, Any] = page.evaluate("(tags) => axe.run({ runOnly: tags, resultTypes: ['violations'] })", TAGS)
    return [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in found["violations"]]


def in_both_themes(page: Page) -> list[str]:
    """What is wrong in either theme; the page is not loaded anew for that."""
    found = []
    for theme in ("light", "dark"):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme; }", theme)
        found += [f"{theme} {each}" for each in violations(page)]
    return found


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("user", SEEN_BY)
def test_every_page_keeps_the_rules_and_shows_what_is_for_them(browse: Opener, user: str, language: str) -> None:
    page = browse("", user, language=language)
    named = {path: titles[language == "de"] for path, titles in PAGES.items()}
    settled(page, named[""])
    links = page.get_by_role("navigation").get_by_role("link")
    shown = {str(link.get_attribute("href")).rpartition("/ui/")[2] for link in links.all()}
    shown = {"" if each.endswith("/ui") else each for each in shown}
    assert shown == SEEN_BY[user]
    found = {}
    for path in sorted(shown):
        page.get_by_role("navigation").get_by_role("link", name=named[path], exact=True).click()
        settled(page, named[path])
        expect(page.get_by_text(REFUSED[language])).to_have_count(0)
        if user in ("vera", "linus"):
            expect(page.locator(".page-head .button.primary")).to_have_count(0)
        if wrong := in_both_themes(page):
            found[path] = wrong
        assert page.locator("html").get_attribute("lang") == language
    assert not found


@pytest.mark.parametrize(
    "path", ["keys", "teams", "users", "organizations", "projects", "customers", "tags", "access_groups", "roles"]
)
def test_names_are_text(browse: Opener, path: str) -> None:
    page = browse(path)
    settled(page, PAGES[path][0])
    shown = page.get_by_text(CANARY, exact=True).or_(page.get_by_role("button", name="canary"))
    expect(shown.first).to_be_visible()
    page.get_by_role("row").filter(
        has_text="canary" if path in ("customers", "tags", "access_groups", "roles") else CANARY
    ).first.get_by_role("button").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_be_visible()
    expect(drawer.locator(".skeleton")).to_have_count(0)
    assert violations(page) == []


def test_a_drawer_of_each_kind_keeps_the_rules(browse: Opener, demo: Demo) -> None:
    page = browse(f"keys?open={demo.keys['search-production']['token']}", theme="dark")
    expect(page.get_by_role("dialog").get_by_role("heading", name="search-production")).to_be_visible()
    expect(page.locator(".skeleton")).to_have_count(0)
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "open=" not in page.url


@pytest.mark.parametrize("path", PAGES)
def test_a_narrow_window_does_not_scroll_sideways(browse: Opener, path: str) -> None:
    page = browse(path, width=390)
    settled(page, PAGES[path][0])
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_first_load_is_small(browse: Opener) -> None:
    page = browse("", None)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').filter((each) => each.name.endsWith('.js')).map((each) => each.encodedBodySize)"
    )
    assert 0 < sum(sizes) <= 250_000
    assert in_both_themes(page) == []
    page.get_by_role("button", name="Auf Deutsch").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    assert in_both_themes(page) == []
