"""The OpenAI SDK for JavaScript as it is, pointed at the gateway with a virtual key.

``npm ci`` runs once per lock file, into ``.cache`` of the repository. Node comes from the system when it is new enough for
the SDK, else from the wheel in the development dependencies.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.gateway import Gateway
from tests.support.node import find_node

HERE = Path(__file__).parent / "javascript"


@pytest.mark.slow
@pytest.mark.usefixtures("simulator")
def test_the_sdk_for_javascript(shared_gateway: Gateway) -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())
    needed = int(re.sub(r"\D*(\d+).*", r"\1", lock["packages"]["node_modules/openai"]["engines"]["node"]))
    node = find_node(needed)
    place = node.installed(HERE)
    shutil.copy(HERE / "contract.test.js", place)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "AZURE_"))} | {
        "GATEWAY_URL": shared_gateway.url,
        "KEY": shared_gateway.key(),
        "DENIED_KEY": shared_gateway.key(models=["demo"]),
        "LIMITED_KEY": shared_gateway.key(rpm_limit=1),
        "POOR_KEY": shared_gateway.key(max_budget=0.000001),
        "NO_PROXY": "127.0.0.1",
    }
    command = [*node.node, "--test", "--test-reporter=tap", "contract.test.js"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=100, env=variables)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^# pass ([1-9]\d*)$", done.stdout, re.MULTILINE), done.stdout
