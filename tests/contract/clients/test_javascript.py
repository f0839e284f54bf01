"""JavaScript clients that others wrote, unmodified, through the gateway: each on a model of every provider's format.

Their scripts in ``tests/clients/js`` say what they saw; the packages come from its lock file.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.contract.clients.conftest import UPSTREAMS, Stage
from tests.contract.clients.judging import Client, judge
from tests.support.node import Node, find_node

SOURCE = Path(__file__).parents[2] / "clients" / "js"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
Seen = dict[str, Any]

_VERCEL: Seen = {"stop": "stop", "calls": "tool-calls", "cut": "error of the stream"}
_VERCEL |= dict.fromkeys(("key", "rate", "long", "model"), "APICallError")
CLIENTS: dict[tuple[str, str], Client] = {
    ("anthropic_sdk", ""): Client(
        stop="end_turn", calls="tool_use", key="AuthenticationError", rate="RateLimitError", long="BadRequestError",
        cut="APIError", model="BadRequestError",
    ),
    # its provider for chat completions shows no thoughts
    ("ai_sdk", "openai"): Client(**_VERCEL, thinks=()),
    ("ai_sdk", "responses"): Client(**_VERCEL, thinks=tuple(UPSTREAMS)),
    ("ai_sdk", "anthropic"): Client(**_VERCEL),
    ("ai_sdk", "google"): Client(**_VERCEL | {"cut": "APICallError"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def node() -> Node:
    return find_node(20)


@pytest.fixture(scope="module")
def place(node: Node) -> Path:
    """Where the packages are, and the scripts beside them."""
    place = node.installed(SOURCE)
    for script in SOURCE.glob("*.js"):
        shutil.copy(script, place)
    return place


@pytest.fixture(scope="module")
def outcomes(stage: Stage, node: Node, place: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What each script saw."""
    found: Seen = {}
    for script in sorted({script for script, _ in CLIENTS}):
        stage.simulator.reset()
        facts = stage.facts([*node.node, f"{script}.js"], place, tmp_path_factory.mktemp("home"))
        found[script] = facts | {"pictures": sum(PNG in str(each["body"]) for each in stage.received())}
    return found


@pytest.mark.slow
@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize(("script", "speaking"), CLIENTS)
def test_a_client_that_others_wrote(script: str, speaking: str, model: str, outcomes: Seen) -> None:
    judge(outcomes[script][speaking][model], CLIENTS[script, speaking], model)


@pytest.mark.slow
def test_every_picture_arrived(outcomes: Seen) -> None:
    for script, seen in outcomes.items():
        assert seen["pictures"] == len(UPSTREAMS) * sum(1 for name, _ in CLIENTS if name == script), script
