"""A real browser at a real gateway that looks used. Every page that a test opens is watched: see ``Watched``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from tests.support import demo_data
from tests.support.demo_data import Demo
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway

from phantom_gateway.control.ui.files import UiFiles

ROOT = Path(__file__).parents[2]
AXE = ROOT / "ui" / "node_modules" / "axe-core" / "axe.min.js"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip
PATIENCE_MS = 30_000
"""What is to be seen is seen much sooner, but for a machine that does other things as well."""
WATCH = """
window.__violations = [];
document.addEventListener('securitypolicyviolation', (event) => {
  window.__violations.push(event.violatedDirective + ' ' + event.blockedURI);
});
"""


@dataclass
class Watched:
    """What must not happen on any page: requests elsewhere, breaches of the policy, errors of scripts."""

    page: Page
    origin: str
    foreign: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Listen from now on."""
        self.page.on("request", lambda request: self._ask(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))

    def check(self) -> None:
        """Fail when something of it has happened."""
        assert not self.foreign, self.foreign
        assert not self.errors, self.errors
        if self.page.url.startswith(self.origin):
            assert self.page.evaluate("window.__violations") == []
            assert self.page.title() != "owned"
            assert self.page.locator("img, iframe, object, embed").count() == 0

    def _ask(self, url: str) -> None:
        if not url.startswith((self.origin + "/", "data:", "blob:")):
            self.foreign.append(url)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser of this system; ``CHROMIUM`` names another."""
    path = os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("NO BROWSER: the Admin UI is not tested. Install chromium, or name one in CHROMIUM.")
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def used(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[tuple[Gateway, Demo]]:
    """A gateway with a month behind it."""
    assert UiFiles().built, "run `make ui`"
    directory = tmp_path_factory.mktemp("ui")
    config = directory / "config.yaml"
    config.write_text(demo_data.config(shared_simulator.port))
    with running_gateway(directory / "data", config) as gateway:
        demo = demo_data.fill(gateway)
        demo_data.canaries(gateway)
        yield gateway, demo


@pytest.fixture(scope="session")
def gateway(used: tuple[Gateway, Demo]) -> Gateway:
    """The gateway alone."""
    return used[0]


@pytest.fixture(scope="session")
def demo(used: tuple[Gateway, Demo]) -> Demo:
    """What is on it."""
    return used[1]


@pytest.fixture(scope="session")
def signed_in(chromium: Browser, gateway: Gateway) -> Callable[[str], str]:
    """Signs a person in, once for all tests; gives the session cookie."""
    found: dict[str, str] = {}

    def cookie(user: str) -> str:
        if user not in found:
            context = chromium.new_context()
            password = MASTER_KEY if user == "admin" else demo_data.PASSWORD
            answer = context.request.post(
                f"{gateway.url}/v2/login",
                data={"username": user, "password": password},
                headers={"origin": gateway.url},
            )
            assert answer.ok, answer.text()
            found[user] = next(
                str(each.get("value")) for each in context.cookies() if each.get("name") == "phantom-session"
            )
            context.close()
        return found[user]

    return cookie


Opener = Callable[..., Page]


@pytest.fixture
def browse(chromium: Browser, gateway: Gateway, signed_in: Callable[[str], str]) -> Iterator[Opener]:
    """Opens a page as somebody; at the end every page is checked."""
    contexts: list[BrowserContext] = []
    watched: list[Watched] = []

    def opened(
        path: str = "", user: str | None = "admin", *, theme: str = "light", language: str = "en", width: int = 1440
    ) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": 900}, locale="en-GB", reduced_motion="reduce"
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        context.add_init_script(WATCH)
        stored = (
            f"localStorage.setItem('phantom.theme', '{theme}'); localStorage.setItem('phantom.language', '{language}');"
        )
        context.add_init_script(stored)
        if user is not None:
            context.add_cookies([{"name": "phantom-session", "value": signed_in(user), "url": gateway.url}])
        page = context.new_page()
        watch = Watched(page, gateway.url)
        watch.start()
        watched.append(watch)
        page.goto(f"{gateway.url}/ui/{path}")
        return page

    yield opened
    for watch in watched:
        watch.check()
    for context in contexts:
        context.close()
