"""Every kind of broken upstream again, where Anthropic's format is spoken on either side: passed through, and translated both ways.

The expectations are those of ``test_faults``; what differs by format stands here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO, Seen
from tests.support.gateway import Gateway, SimulatorThread, running_gateway
from tests.system.test_faults import (
    ASKED,
    BOUND_S,
    BROKEN_OFF,
    CANARY,
    CHUNKS,
    END,
    KINDS,
    RSS,
    STREAMED,
    TABLE,
    USAGES,
    Ending,
    Outcome,
    hides_everything,
    holds_bill,
)

from phantom_gateway.simulator.modes import MODES

ROUTES = {"same": ("messages", "anthropic"), "out": ("messages", "openai"), "in": ("chat", "anthropic")}
"""Who asks, and who answers."""
PATHS = {"messages": "/v1/messages", "chat": "/v1/chat/completions"}
UNREADABLE = {"nul": BROKEN_OFF, "invalid_json_chunk": BROKEN_OFF}
"""A piece that cannot be read cannot be translated, and an answer with a hole is none."""
SAID = {"no_done": STREAMED, "length_short": STREAMED}
"""Why the answer ended was said, only not that nothing follows: in Anthropic's format there is one event for both."""
DIFFERENT: dict[str, dict[str, Ending]] = {
    "same": {"error_event": Ending("error", "some", "api_error")},
    "out": {"error_event": Ending("error", "some", "upstream_error"), **UNREADABLE, **SAID},
    "in": {"error_event": Ending("error", "some", "upstream_error"), **UNREADABLE},
}
ENTRY = """\
  - model_name: "{name}"
    litellm_params:
      model: {provider}/up
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
      timeout: 6
    model_info:
      id: "{name}"
      max_output_tokens: 1000
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """A deployment for each case: a faulty one rests afterwards."""
    entries = "".join(
        ENTRY.format(name=name, provider=provider, simulator="{simulator}")
        for route, (_, provider) in ROUTES.items()
        for name in (f"healthy-{route}", *(f"{mode}-{kind}-{route}" for mode in MODES for kind in KINDS))
    )
    directory = tmp_path_factory.mktemp("dialect-faults")
    config = write_config(directory, shared_simulator, f"model_list:\n{entries}{END}")
    with running_gateway(directory / "data", config) as running:
        yield running
        running.stop()
        output = "".join(running.lines)
        assert CANARY not in output
        assert "Traceback" not in output
        assert "hello there" not in output


@pytest.fixture(scope="module")
def key(gateway: Gateway) -> str:
    return gateway.key(max_budget=1000)


def ask(gateway: Gateway, key: str, route: str, model: str, **fields: Any) -> Seen:
    """One request in the words of the route's caller, read to its end."""
    caller = ROUTES[route][0]
    user = fields.pop("user", "")
    body: dict[str, Any] = {"model": model, "messages": HELLO, "max_tokens": 500} | fields
    if user:
        body |= {"metadata": {"user_id": user}} if caller == "messages" else {"user": user}
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    seen, began = Seen(), time.monotonic()
    try:
        with httpx.stream("POST", gateway.url + PATHS[caller], headers=headers, json=body, timeout=60) as response:
            seen.status, seen.headers = response.status_code, response.headers
            for piece in response.iter_bytes():
                seen.body += piece
            seen.whole = True
    except httpx.TransportError:
        pass
    seen.seconds = time.monotonic() - began
    return seen


def is_done(seen: Seen, caller: str) -> bool:
    if caller == "chat":
        return seen.done
    return any(event.startswith(b'{"type":"message_stop"') for event in seen.events)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", sorted(TABLE))
@pytest.mark.parametrize("route", ROUTES)
def test_mode(gateway: Gateway, key: str, simulator: SimulatorThread, route: str, mode: str, kind: str) -> None:
    expected = TABLE[mode][KINDS.index(kind)]
    if kind == "stream":
        expected = DIFFERENT[route].get(mode, expected)
    name = f"{mode}-{kind}-{route}"
    asked: dict[str, Any] = {"user": name, "simulate": ASKED | {"mode": mode}}
    if mode == "huge_body":
        asked["simulate"] |= {"pace_ms": 0, "size": 80 << 20}
    if kind == "stream":
        asked["stream"] = True
    seen = ask(gateway, key, route, name, **asked)
    assert seen.seconds < BOUND_S
    hides_everything(seen)
    assert seen.whole, "the gateway's own framing is never broken"
    if isinstance(expected, Ending):
        holds_ending(seen, ROUTES[route][0], expected)
    else:
        holds_outcome(seen, ROUTES[route][0], expected)
    produced = simulator.counts()["users"][name]["completion_tokens"]
    holds_bill(gateway, name, expected.billed, produced, seen.call_id)
    assert simulator.counts()["users"][name]["requests"] == 1
    assert gateway.children("gateway")[0].memory_info().rss < RSS


def holds_outcome(seen: Seen, caller: str, expected: Outcome) -> None:
    assert seen.status == expected.status, seen.body[:500]
    if not expected.kind:
        assert (b'"content":[' if caller == "messages" else b'"choices":[') in seen.body
        return
    assert seen.error is not None
    assert seen.error["code" if caller == "messages" else "type"] == expected.kind
    assert seen.error["message"]
    if caller == "messages":
        assert seen.body.startswith(b'{"type":"error",')


def holds_ending(seen: Seen, caller: str, expected: Ending) -> None:
    assert seen.status == 200, seen.body[:500]
    assert is_done(seen, caller) == (expected.end == "done"), seen.body[-500:]
    errors = [event for event in seen.events if event.startswith((b'{"error"', b'{"type":"error"'))]
    assert len(errors) == (expected.end == "error")
    if errors:
        assert seen.error is not None
        assert expected.kind in (seen.error.get("code"), seen.error["type"])
        assert not seen.body.endswith(b"[DONE]\n\n")
    if caller == "messages":
        assert (
            seen.body.count(b"event: message_start") == 1 or b"\r" in seen.body or b"event:message_start" in seen.body
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("style", sorted(USAGES))
@pytest.mark.parametrize("route", ROUTES)
def test_usage(gateway: Gateway, key: str, simulator: SimulatorThread, route: str, style: str, kind: str) -> None:
    name = f"usage-{style}-{kind}-{route}"
    asked: dict[str, Any] = {"user": name, "simulate": ASKED | {"usage": style}}
    if kind == "stream":
        asked["stream"] = True
    seen = ask(gateway, key, route, f"healthy-{route}", **asked)
    assert (seen.status, seen.whole, is_done(seen, ROUTES[route][0])) == (200, True, kind == "stream")
    holds_bill(gateway, name, USAGES[style][KINDS.index(kind)], CHUNKS, seen.call_id)


@pytest.mark.parametrize("route", ROUTES)
def test_an_endless_line_ends_with_an_error(gateway: Gateway, key: str, route: str) -> None:
    asked = {"mode": "long_line", "size": 64 << 20, "chunks": 6}
    seen = ask(gateway, key, route, f"healthy-{route}", stream=True, user=f"endless-{route}", simulate=asked)
    assert seen.error is not None
    assert not is_done(seen, ROUTES[route][0])
    assert len(seen.body) < 1 << 20
    assert gateway.children("gateway")[0].memory_info().rss < RSS


def test_every_row_proves(gateway: Gateway, key: str) -> None:
    assert gateway.verify() == 0
