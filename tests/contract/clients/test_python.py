"""Python clients that others wrote, unmodified, through the gateway: each on a model of every provider's format.

They live in environments of their own (`make clients`, `make bridge`), where their scripts in ``tests/clients/python`` run.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from tests.contract.clients.conftest import UPSTREAMS, Stage
from tests.contract.clients.judging import Client, judge

ROOT = Path(__file__).parents[3]
SCRIPTS = ROOT / "tests" / "clients" / "python"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
Seen = dict[str, Any]

_ANTHROPIC: Seen = {"stop": "end_turn", "calls": "tool_use"}
_OPENAI: Seen = {"stop": "stop", "calls": "tool_calls"}
_LANGCHAIN: Seen = {"key": "ModelAuthenticationError", "rate": "ModelRateLimitError", "long": "ContextOverflowError"}
_LANGCHAIN |= {"model": "ModelInvalidRequestError"}
_PYDANTIC: Seen = {"key": "ModelAuthenticationError", "rate": "ModelRateLimitError"}
_PYDANTIC |= {"long": "ModelContextWindowExceededError", "model": "ModelRequestRejectedError", "cut": "ModelAPIError"}
_LITELLM: Seen = {"key": "AuthenticationError", "rate": "RateLimitError", "long": "ContextWindowExceededError"}
_LITELLM |= {"model": "BadRequestError", "cut": "MidStreamFallbackError"}
ALL = tuple(UPSTREAMS)

CLIENTS: dict[tuple[str, str], Client] = {
    ("anthropic_sdk", ""): Client(
        **_ANTHROPIC, key="AuthenticationError", rate="RateLimitError", long="BadRequestError", cut="APIStatusError",
        model="BadRequestError",
    ),
    ("google_genai", ""): Client(
        stop="STOP", calls="STOP", key="ClientError", rate="ClientError", long="ClientError", cut="ServerError",
        model="ClientError",
    ),
    # LangChain shows no thoughts of chat completions
    ("langchain_chat", "openai"): Client(**_OPENAI, **_LANGCHAIN, cut="APIError", thinks=()),
    ("langchain_chat", "responses"): Client("completed", "completed", **_LANGCHAIN, cut="APIError", thinks=ALL),
    ("langchain_chat", "anthropic"): Client(**_ANTHROPIC, **_LANGCHAIN, cut="APIStatusError"),
    ("pydantic_agent", "openai"): Client("stop", "tool_call", **_PYDANTIC, retry_after=False),
    ("pydantic_agent", "responses"): Client("stop", "stop", **_PYDANTIC, retry_after=False, thinks=ALL),
    ("pydantic_agent", "anthropic"): Client("stop", "tool_call", **_PYDANTIC, retry_after=False),
    ("pydantic_agent", "google"): Client("stop", "stop", **_PYDANTIC, retry_after=False),
    ("litellm_sdk", "litellm_proxy"): Client(**_OPENAI, **_LITELLM),
    ("litellm_sdk", "openai"): Client(**_OPENAI, **_LITELLM, retry_after=False),
    ("litellm_sdk", "anthropic"): Client(**_OPENAI, **_LITELLM, retry_after=False),
}  # fmt: skip


def python_of(script: str) -> Path:
    """The interpreter that has the client."""
    place, target = (".venv-bridge", "bridge") if script == "litellm_sdk" else (".venv-clients", "clients")
    python = ROOT / place / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not python.exists():
        pytest.skip(f"the clients of {script} are not installed: make {target}")
    return python


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What each script saw, filled as they are asked for: a script runs once."""
    return {"home": tmp_path_factory.mktemp("home")}


def seen_by(script: str, stage: Stage, outcomes: Seen) -> Seen:
    if script not in outcomes:
        stage.simulator.reset()
        command = [str(python_of(script)), "-X", "utf8", f"{script}.py"]
        facts = stage.facts(command, SCRIPTS, outcomes["home"])
        pictures = sum(PNG in str(each["body"]) for each in stage.received())
        outcomes[script] = facts | {"pictures": pictures}
    seen: Seen = outcomes[script]
    return seen


@pytest.mark.slow
@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize(("script", "speaking"), CLIENTS)
def test_a_client_that_others_wrote(script: str, speaking: str, model: str, stage: Stage, outcomes: Seen) -> None:
    seen = seen_by(script, stage, outcomes)
    judge(seen[speaking][model], CLIENTS[script, speaking], model)


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted({script for script, _ in CLIENTS}))
def test_every_picture_arrived(script: str, stage: Stage, outcomes: Seen) -> None:
    seen = seen_by(script, stage, outcomes)
    assert seen["pictures"] == len(UPSTREAMS) * sum(1 for name, _ in CLIENTS if name == script)
