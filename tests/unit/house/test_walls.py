"""Who may import whom, and what a gateway worker must never load."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.house.tree import ROOT

HEAVY = ("fastapi", "starlette", "uvicorn", "sqlalchemy", "alembic", "pydantic", "yaml", "typer", "rich", "litellm")
"""Frameworks that belong to control or the command line: a worker that loads one is slow to start and large."""

NOT_OF_THE_DATA_PLANE = (
    "phantom_gateway.control",
    "phantom_gateway.store",
    "phantom_gateway.cli",
    "phantom_gateway.bridge",
)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT / "src")}


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-logo", "--no-cache"]
    outcome = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=100)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_worker_loads_nothing_it_does_not_need() -> None:
    program = "import sys, phantom_gateway.gateway.main; print(*sys.modules)"
    outcome = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(outcome.stdout.split())
    assert "phantom_gateway.gateway.worker" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint(NOT_OF_THE_DATA_PLANE)


def test_the_keeper_of_the_bridge_loads_nothing_heavy() -> None:
    program = "import sys, phantom_gateway.bridge.main; print(*sys.modules)"
    outcome = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(outcome.stdout.split())
    assert "phantom_gateway.bridge.keeper" in loaded
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint({"phantom_gateway.control", "phantom_gateway.gateway", "phantom_gateway.store"})


def test_the_supervisor_loads_neither_control_nor_a_worker() -> None:
    program = "import sys, phantom_gateway.cli.serve; print(*sys.modules)"
    outcome = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(outcome.stdout.split())
    assert loaded.isdisjoint({"fastapi", "sqlalchemy", "pydantic", "litellm", "phantom_gateway.control"})


def test_control_loads_redis_only_where_there_is_one() -> None:
    program = "import sys, phantom_gateway.control.process; print(*sys.modules)"
    outcome = subprocess.run(
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, timeout=60, check=True
    )
    loaded = set(outcome.stdout.split())
    assert "phantom_gateway.control.runtime" in loaded
    assert loaded.isdisjoint({"redis", "phantom_gateway.control.cluster"})
