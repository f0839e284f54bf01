"""One gateway for the clients that others wrote: a model on each provider's own format, and the ways in which each fails."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.support.gateway import Gateway, SimulatorThread, running_gateway

DEPLOYMENT = """\
  - model_name: {name}
    litellm_params:
      model: "{provider}/up{control}"
      api_base: http://127.0.0.1:{simulator}{base}
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
"""
UPSTREAMS = {"gpt": ("openai", "/v1"), "claude": ("anthropic", "/v1"), "gemini": ("gemini", "/v1beta")}
FAILURES = {
    "": "",
    "-limited": ";mode=429,retry_after=7",
    "-long": ";mode=too_long",
    "-cut": ";mode=fin,pace_ms=5",
}
SETTINGS = "router_settings:\n  num_retries: 0\n  allowed_fails: 1000\n"
SECONDS = 200.0
"""More than any client ever needs: a test may not hang."""


@dataclass(frozen=True)
class Stage:
    """The gateway, a key, and the simulator behind it."""

    gateway: Gateway
    simulator: SimulatorThread
    key: str

    def environment(self, home: Path) -> dict[str, str]:
        """What a client's process is told: where the gateway is, and nothing of this machine's user."""
        kept = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT", "TMPDIR")
        told = {name: os.environ[name] for name in kept if name in os.environ}
        return told | {
            "HOME": str(home),
            "GATEWAY_URL": self.gateway.url,
            "KEY": self.key,
            # a proxy that is not there: nothing but the gateway can be reached
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
            "PYTHONWARNINGS": "ignore",
        }

    def facts(
        self, command: list[str], place: Path, home: Path, extra: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Run a client's script and read what it saw."""
        environment = self.environment(home) | dict(extra or {})
        done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=SECONDS, env=environment)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        facts: dict[str, Any] = json.loads(done.stdout)
        return facts

    def received(self) -> list[dict[str, Any]]:
        """What the providers got since the last reset."""
        return self.simulator.requests(1000)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Stage]:
    """One gateway for all clients of a file."""
    directory = tmp_path_factory.mktemp("clients")
    config = directory / "config.yaml"
    deployments = [
        DEPLOYMENT.format(
            name=name + suffix, provider=provider, control=control, simulator=shared_simulator.port, base=base
        )
        for name, (provider, base) in UPSTREAMS.items()
        for suffix, control in FAILURES.items()
    ]
    config.write_text("model_list:\n" + "".join(deployments) + SETTINGS)
    with running_gateway(directory / "data", config) as gateway:
        yield Stage(gateway, shared_simulator, gateway.key())
