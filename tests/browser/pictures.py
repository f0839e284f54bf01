"""``docs/ui/``: pictures of every page, light and dark, wide and narrow. Needs a browser: ``make ui`` first, then run this.

The gateway it shows is started for the purpose and looks used (``tests.support.demo_data``).
"""

from __future__ import annotations

import importlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from tests.support import demo_data
from tests.support.gateway import MASTER_KEY, SimulatorThread, running_gateway

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "docs" / "ui"
PAGES = (
    "overview", "logs", "usage", "start", "playground", "models", "routing", "keys", "teams", "users", "organizations", "projects",
    "customers", "budgets", "access_groups", "roles", "approvals", "tags", "health", "cache", "audit", "settings",
)  # fmt: skip
SET: dict[str, dict[str, Any]] = {
    "litellm_settings": {"cache": True, "cache_params": {"ttl": 3600}},
    "router_settings": {"cooldown_time": 30, "allowed_fails": 3},
}
"""What somebody has set since the start."""
SIZES = {"wide": (1440, 900), "narrow": (390, 844)}


def main() -> int:
    """Take them all; ``python -m tests.browser.pictures``."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        sys.stderr.write("no browser: install chromium, or name one in CHROMIUM\n")
        return 1
    TARGET.mkdir(parents=True, exist_ok=True)
    simulator = SimulatorThread()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "config.yaml"
        config.write_text(demo_data.config(simulator.port))
        with running_gateway(Path(folder) / "data", config) as gateway, sync_playwright() as playwright:
            demo = demo_data.fill(gateway)
            demo_data.wishes(gateway, demo)
            for section, values in SET.items():
                gateway.admin("POST", "/config/update", json={section: values})
            talker = gateway.key()
            browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
            for theme in ("light", "dark"):
                for size in SIZES:
                    _tour(browser, f"{gateway.url}/ui/", theme, size, (demo.keys["search-production"]["token"], talker))
            browser.close()
    simulator.close()
    return 0


def _tour(browser: Browser, url: str, theme: str, size: str, keys: tuple[str, str]) -> None:
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, locale="en-GB", reduced_motion="reduce")
    context.add_init_script(f"localStorage.setItem('phantom.theme', '{theme}')")
    page = context.new_page()
    page.goto(url)
    page.get_by_label("Password or master key").wait_for()
    _take(page, f"sign_in-{theme}-{size}")
    page.get_by_label("Address or user name").fill("admin")
    page.get_by_label("Password or master key").fill(MASTER_KEY)
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Overview").wait_for()
    for name in PAGES:
        page.goto(url + ("" if name == "overview" else name))
        _take(page, f"{name}-{theme}-{size}")
    page.goto(f"{url}keys?open={keys[0]}")
    page.get_by_role("dialog").get_by_text("Facts").or_(page.get_by_text("Spend by model, 30 days")).first.wait_for()
    _take(page, f"key-{theme}-{size}")
    _talk(page, url, keys[1])
    _take(page, f"playground-{theme}-{size}")
    for tab in ("running", "reloads"):
        page.goto(f"{url}settings?tab={tab}")
        page.get_by_role("row").nth(1).wait_for()
        _take(page, f"{tab}-{theme}-{size}")
    page.goto(f"{url}models?tab=catalogue")
    _take(page, f"catalogue-{theme}-{size}")
    page.get_by_role("row").first.wait_for()
    page.goto(f"{url}approvals")
    page.get_by_role("row").nth(1).get_by_role("button").click()
    page.get_by_role("button", name="Approve", exact=True).wait_for()
    _take(page, f"approval-{theme}-{size}")
    context.request.post(f"{url.removesuffix('ui/')}logout", headers=_own(url))
    page.goto(url)
    page.get_by_label("Address or user name").fill("ada")
    page.get_by_label("Password or master key").fill(demo_data.PASSWORD)
    page.keyboard.press("Enter")
    page.get_by_role("heading", level=1, name="Overview").wait_for()
    page.goto(f"{url}account")
    page.get_by_text("Your keys").wait_for()
    _take(page, f"account-{theme}-{size}")
    context.close()


def _own(url: str) -> dict[str, str]:
    return {"origin": url.removesuffix("/ui/"), "x-phantom-request": "1"}


def _talk(page: Page, url: str, key: str) -> None:
    page.goto(f"{url}playground")
    page.get_by_label("Call as").fill(key)
    page.get_by_role("button", name="Compare another").click()
    page.get_by_label("Message").fill("What does a gateway do for a team that uses several models?")
    page.get_by_role("button", name="Send").click()
    page.get_by_text("First token").nth(1).wait_for()


def _take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    (TARGET / f"{name}.png").write_bytes(_small(page.screenshot()))


def _small(png: bytes) -> bytes:
    """The same picture in 128 colours, where Pillow is there to make it so."""
    try:
        images: Any = importlib.import_module("PIL.Image")  # not a dependency: pictures are only larger without it
    except ImportError:
        return png
    small = io.BytesIO()
    images.open(io.BytesIO(png)).convert("RGB").quantize(128).save(small, "PNG", optimize=True)
    return small.getvalue()


if __name__ == "__main__":
    sys.exit(main())
