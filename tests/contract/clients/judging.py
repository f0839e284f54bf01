"""What every client must have seen, whichever it is: the answers of the simulator, in the words of ``tests/clients``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

BEGINS = "Hello! I am the demo model of Phantom Gateway"
THOUGHT = "Let me think about this."
CALLS = [["weather", {"city": "demo"}], ["clock", {"zone": "demo"}]]


@dataclass(frozen=True)
class Client:
    """What differs from client to client: its words for why an answer ended, its classes of errors, what it does not show."""

    stop: str
    calls: str
    key: str
    rate: str
    long: str
    cut: str
    model: str
    retry_after: bool = True
    """Whether its error knows the header."""
    thinks: tuple[str, ...] = ("claude", "gemini")
    """The models whose thoughts it shows."""


def judge(facts: dict[str, Any], client: Client, model: str) -> None:
    """Compare what a client saw of a model with what was answered."""
    failed = {name: seen["failed"] for name, seen in facts.items() if "failed" in seen}
    assert not failed, "\n".join(failed.values())
    _judge_answers(facts, client, model)
    _judge_calls(facts, client, model)
    _judge_errors(facts["errors"], client)


def _judge_answers(facts: dict[str, Any], client: Client, model: str) -> None:
    for name in ("plain", "stream"):
        seen = facts[name]
        assert seen["text"].startswith(BEGINS), name
        assert (seen["input"], seen["output"]) == (5, 63), name
        assert seen["end"] == client.stop, name
        assert seen["model"].rpartition("/")[2] == model, name
    assert facts["stream"]["pieces"] == 63
    assert facts["stream"]["same"]
    assert facts["image"]["text"].startswith(BEGINS)
    # the simulated Gemini counts images, the others do not
    assert facts["image"]["input"] == (264 if model == "gemini" else 6)
    assert facts["structured"]["parsed"] == {"name": "demo", "age": 0}


def _judge_calls(facts: dict[str, Any], client: Client, model: str) -> None:
    for name in ("tools", "tools_streamed", "thinking"):
        seen = facts[name]
        assert seen["calls"] == CALLS, name
        assert seen["end"] == client.calls, name
        assert seen["last"]["text"].startswith(BEGINS), name
        assert seen["last"]["end"] == client.stop, name
        # three turns or more and the words of the results
        assert seen["last"]["input"] > 15, name
    assert facts["thinking"]["thought"] == (THOUGHT if model in client.thinks else "")


def _judge_errors(errors: dict[str, Any], client: Client) -> None:
    for name in ("key", "rate", "long", "cut", "model"):
        assert getattr(client, name) in errors[name]["kinds"], f"{name}: {errors[name]}"
    if client.retry_after:
        assert 1 <= int(errors["rate"]["retry_after"]) <= 7
