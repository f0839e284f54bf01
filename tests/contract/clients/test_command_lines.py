"""Claude Code and Codex, unmodified, in sessions with tools through the gateway: with an empty home and nobody else to talk to."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.contract.clients.conftest import UPSTREAMS, Stage
from tests.contract.clients.judging import BEGINS, THOUGHT
from tests.support.node import Node, find_node

SOURCE = Path(__file__).parents[2] / "clients" / "cli"
UNKNOWN_KEY = "sk-unknown-0123456789"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
Event = dict[str, Any]
Session = Callable[..., list[Event]]
"""``session(model, *arguments)``: what the program printed; with ``key``, another key."""

# their packages are large
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def node() -> Node:
    return find_node(20)


@pytest.fixture(scope="module")
def packages(node: Node) -> Path:
    return node.installed(SOURCE, seconds=500) / "node_modules"


@pytest.fixture
def room(tmp_path: Path) -> Path:
    """A folder to work in, with a file and a picture."""
    (tmp_path / "home").mkdir()
    room = tmp_path / "room"
    room.mkdir()
    (room / "demo").write_text("what stands in the file\n")
    (room / "picture.png").write_bytes(base64.b64decode(PNG))
    (room / "person.json").write_text(json.dumps(PERSON))
    return room


def printed(command: list[str], room: Path, environment: dict[str, str]) -> list[Event]:
    done = subprocess.run(
        command, cwd=room, capture_output=True, text=True, timeout=100, env=environment, stdin=subprocess.DEVNULL
    )
    assert done.stdout.strip(), done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.fixture
def claude_code(stage: Stage, node: Node, packages: Path, room: Path) -> Session:
    program = packages / "@anthropic-ai" / "claude-code" / "cli-wrapper.cjs"

    def session(model: str, *arguments: str, key: str = stage.key) -> list[Event]:
        told = {
            "ANTHROPIC_BASE_URL": stage.gateway.url,
            "ANTHROPIC_AUTH_TOKEN": key,
            "ANTHROPIC_MODEL": model,
            "ANTHROPIC_DEFAULT_HAIKU_MODEL": model,
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "0",
            "DISABLE_AUTOUPDATER": "1",
        }
        options = ["--output-format", "stream-json", "--verbose"]
        command = [*node.node, str(program), "-p", *arguments, *options]
        return printed(command, room, stage.environment(room.parent / "home") | told)

    return session


@pytest.fixture
def codex(stage: Stage, node: Node, packages: Path, room: Path) -> Session:
    program = packages / "@openai" / "codex" / "bin" / "codex.js"
    provider = f'{{name="Phantom",base_url="{stage.gateway.url}/v1",env_key="KEY",wire_api="responses",'
    settings = {
        "model_provider": '"phantom"',
        "model_providers.phantom": provider + "request_max_retries=0,stream_max_retries=0}",
        "model_reasoning_effort": '"low"',
        "analytics.enabled": "false",
        "check_for_update_on_startup": "false",
        # the test runs in a folder of its own, and a sandbox needs what not every kernel has
        "sandbox_mode": '"danger-full-access"',
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]

    def session(model: str, *arguments: str, key: str = stage.key) -> list[Event]:
        command = [*node.node, str(program), "exec", "--json", "--skip-git-repo-check", "--ephemeral", "-m", model]
        environment = stage.environment(room.parent / "home") | {"KEY": key}
        return printed([*command, *options, *arguments], room, environment)

    return session


def blocks(events: list[Event], role: str) -> list[Event]:
    """What was said in a session of Claude Code."""
    messages = [event["message"]["content"] for event in events if event["type"] == role]
    return [block for content in messages for block in content]


@pytest.mark.parametrize("model", UPSTREAMS)
def test_claude_code_calls_two_tools_at_once(model: str, claude_code: Session) -> None:
    events = claude_code(model, "call Read Bash", "--allowedTools", "Read,Bash")
    said = blocks(events, "assistant")
    calls = [(block["name"], block["input"]) for block in said if block["type"] == "tool_use"]
    assert calls == [("Read", {"file_path": "demo"}), ("Bash", {"command": "demo"})]
    results = str(blocks(events, "user"))
    assert "what stands in the file" in results
    assert "demo: command not found" in results
    thoughts = {block["thinking"] for block in said if block["type"] == "thinking"}
    assert thoughts == (set() if model == "gpt" else {THOUGHT})
    end = events[-1]
    assert (end["subtype"], end["is_error"]) == ("success", False)
    assert end["result"].startswith(BEGINS)
    used = {name: sum(use[f"{name}Tokens"] for use in end["modelUsage"].values()) for name in ("input", "output")}
    assert used["input"] > 1000
    assert 66 <= used["output"] <= 80


def test_claude_code_understands_what_is_refused(stage: Stage, claude_code: Session) -> None:
    assert claude_code("gpt-long", "hello")[-1]["result"].startswith("Prompt is too long")
    end = claude_code("gpt", "hello", key=UNKNOWN_KEY)[-1]
    assert (end["is_error"], end["api_error_status"]) == (True, 401)
    assert "The API key is not known here." in end["result"]
    assert claude_code("claude-limited", "hello")[-1]["api_error_status"] == 429
    shape = json.dumps({name: value for name, value in PERSON.items() if name != "additionalProperties"})
    told = claude_code("gpt", "call StructuredOutput", "--json-schema", shape)[-1]["result"]
    assert json.loads(told) == {"name": "demo", "age": 0}


def items(events: list[Event], kind: str) -> list[Event]:
    """What a session of Codex consists of."""
    return [event["item"] for event in events if event["type"] == "item.completed" and event["item"]["type"] == kind]


@pytest.mark.parametrize("model", UPSTREAMS)
def test_codex_runs_a_command(model: str, codex: Session) -> None:
    events = codex(model, "call exec_command")
    (run,) = items(events, "command_execution")
    assert run["exit_code"] == 127
    assert "demo: command not found" in run["aggregated_output"]
    assert {item["text"] for item in items(events, "reasoning")} == {THOUGHT}
    assert items(events, "agent_message")[-1]["text"].startswith(BEGINS)
    usage = events[-1]["usage"]
    assert usage["input_tokens"] > 1000
    assert 66 <= usage["output_tokens"] <= 80


def test_codex_shows_a_picture_and_gets_what_it_asked_for(stage: Stage, codex: Session) -> None:
    stage.simulator.reset()
    codex("claude", "-i", "picture.png", "--", "look")
    assert any(PNG[:40] in str(request["body"]) for request in stage.received())
    events = codex("gemini", "--output-schema", "person.json", "hello")
    assert json.loads(items(events, "agent_message")[-1]["text"]) == {"name": "demo", "age": 0}


def test_codex_understands_what_is_refused(codex: Session) -> None:
    reasons = {
        "gpt-long": "ran out of room in the model's context window",
        "claude-long": "ran out of room in the model's context window",
        "gemini-limited": "429 Too Many Requests",
        "gpt-cut": "stream closed before response.completed",
    }
    for model, reason in reasons.items():
        end = codex(model, "hello")[-1]
        assert end["type"] == "turn.failed", model
        assert reason in end["error"]["message"], model
    assert "401 Unauthorized" in codex("gpt", "hello", key=UNKNOWN_KEY)[-1]["error"]["message"]
