"""Every kind of broken upstream again, where another format than OpenAI's chats is spoken on either side.

The expectations are those of ``test_faults``; what differs by format stands here. All questions are asked once, several at a time,
because most of them wait; each test then looks at what came of one.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO, Seen
from tests.support.gateway import Gateway, SimulatorThread, running_gateway
from tests.system.test_faults import (
    ASKED,
    AT_ONCE,
    BOUND_S,
    BROKEN_OFF,
    CANARY,
    CHUNKS,
    END,
    KINDS,
    LARGE,
    RSS,
    STREAMED,
    TABLE,
    USAGES,
    Ending,
    Outcome,
    hides_everything,
    holds_bill,
)

from phantom_gateway.simulator.staging import AT

ROUTES = {
    "same": ("messages", "anthropic"),
    "out": ("messages", "openai"),
    "in": ("chat", "anthropic"),
    "own": ("responses", "openai"),
    "plain": ("responses", "hosted_vllm"),
    "far": ("responses", "anthropic"),
    "only": ("chat", "openai"),
}
"""Who asks, and who answers."""
MODEL_MODES = {"only": "responses"}
"""Models that have nothing but the Responses API."""
PATHS = {"messages": "/v1/messages", "chat": "/v1/chat/completions", "responses": "/v1/responses"}
WHOLE = {"messages": b'"content":[', "chat": b'"choices":[', "responses": b'"output":['}
UNREADABLE = {"nul": BROKEN_OFF, "invalid_json_chunk": BROKEN_OFF}
"""A piece that cannot be read cannot be translated, and an answer with a hole is none."""
SAID = {"no_done": STREAMED, "length_short": STREAMED}
"""Why the answer ended was said, only not that nothing follows: in Anthropic's format there is one event for both."""
UNSAID = {"no_done": BROKEN_OFF, "length_short": BROKEN_OFF}
"""In the Responses API the event that is missing would have said both."""
FAILED = {"error_event": Ending("error", "some", "upstream_error")}
DIFFERENT: dict[str, dict[str, Ending]] = {
    "same": {"error_event": Ending("error", "some", "api_error")},
    "out": {**FAILED, **UNREADABLE, **SAID},
    "in": {**FAILED, **UNREADABLE},
    "own": {"error_event": Ending("error", "some", "server_error"), **UNSAID},
    "plain": {**FAILED, **UNREADABLE, **SAID},
    "far": {**FAILED, **UNREADABLE, **SAID},
    "only": {**FAILED, **UNREADABLE, **UNSAID},
}
ENTRY = """\
  - model_name: {name}
    litellm_params:
      model: {provider}/up
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
      timeout: 6
      cooldown_time: 0
    model_info:
      max_output_tokens: 1000
      mode: {mode}
"""


class Case(NamedTuple):
    """One question."""

    route: str
    mode: str
    kind: str

    @property
    def name(self) -> str:
        return f"{self.mode}-{self.kind}-{self.route}"


class Found(NamedTuple):
    """What came of it, and what the simulator counted."""

    seen: Seen
    produced: int
    requests: int


CASES = [Case(route, mode, kind) for route in ROUTES for mode in sorted(TABLE) for kind in KINDS]

pytestmark = pytest.mark.timeout(400)


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """A deployment for each route, which never rests."""
    entries = "".join(
        ENTRY.format(name=route, provider=provider, simulator="{simulator}", mode=MODEL_MODES.get(route, "chat"))
        for route, (_, provider) in ROUTES.items()
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


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Makes a connection for each question."""
    with httpx.Client(timeout=60, limits=httpx.Limits(max_keepalive_connections=0), trust_env=False) as made:
        yield made


class Asking(NamedTuple):
    """Who asks whom."""

    client: httpx.Client
    url: str
    key: str


@pytest.fixture(scope="module")
def asking(client: httpx.Client, gateway: Gateway, key: str) -> Asking:
    return Asking(client, gateway.url, key)


def ask(asking: Asking, route: str, **fields: Any) -> Seen:
    """One request in the words of the route's caller, read to its end."""
    caller = ROUTES[route][0]
    user = fields.pop("user", "")
    if caller == "responses":
        fields |= {"input": HELLO, "max_output_tokens": 500}
    else:
        fields |= {"messages": HELLO, "max_tokens": 500}
    body: dict[str, Any] = {"model": route} | fields
    if user:
        body |= {"metadata": {"user_id": user}} if caller == "messages" else {"user": user}
    headers = {"x-api-key": asking.key, "anthropic-version": "2023-06-01"}
    seen, began = Seen(), time.monotonic()
    try:
        with asking.client.stream("POST", asking.url + PATHS[caller], headers=headers, json=body) as response:
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
    last = b'{"type":"message_stop"' if caller == "messages" else b'{"type":"response.completed"'
    return any(event.startswith(last) for event in seen.events)


def ask_case(asking: Asking, case: Case) -> Seen:
    asked: dict[str, Any] = {"user": case.name, "simulate": ASKED | {"mode": case.mode}}
    if case.mode == "huge_body":
        asked["simulate"] |= {"pace_ms": 0, "size": 80 << 20}
    elif case.mode == "slow_drip":
        asked["simulate"] |= {"size": 96}
    if case.kind == "stream":
        asked["stream"] = True
    return ask(asking, case.route, **asked)


@pytest.fixture(scope="module")
def found(gateway: Gateway, asking: Asking, shared_simulator: SimulatorThread) -> dict[Case, Found]:
    """All questions, asked."""
    shared_simulator.reset()
    seen = {case: ask_case(asking, case) for case in CASES if case.mode in LARGE}
    assert gateway.children("gateway")[0].memory_info().rss < RSS
    rest = [case for case in CASES if case.mode not in LARGE]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen |= dict(zip(rest, pool.map(lambda case: ask_case(asking, case), rest), strict=True))
    counts = shared_simulator.counts()["users"]
    tallies = {case: counts[case.name] for case in CASES}
    return {case: Found(seen[case], each["completion_tokens"], each["requests"]) for case, each in tallies.items()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mode(gateway: Gateway, found: dict[Case, Found], case: Case) -> None:
    expected = TABLE[case.mode][KINDS.index(case.kind)]
    if case.kind == "stream":
        expected = DIFFERENT[case.route].get(case.mode, expected)
    seen, produced, requests = found[case]
    assert seen.seconds < BOUND_S
    hides_everything(seen)
    assert seen.whole, "the gateway's own framing is never broken"
    if isinstance(expected, Ending):
        holds_ending(seen, ROUTES[case.route][0], expected)
    else:
        holds_outcome(seen, ROUTES[case.route][0], expected)
    if case.kind == "stream" and case.mode in UNREADABLE:
        # What follows on the unreadable piece is read by nobody, however much is on its way.
        produced = min(produced, AT + 1)
    holds_bill(gateway, case.name, expected.billed, produced, seen.call_id)
    assert requests == 1


def holds_outcome(seen: Seen, caller: str, expected: Outcome) -> None:
    assert seen.status == expected.status, seen.body[:500]
    if not expected.kind:
        assert WHOLE[caller] in seen.body
        return
    assert seen.error is not None
    if caller == "messages":
        assert seen.error["code"] == (expected.code or expected.kind)
    else:
        assert seen.error["type"] == expected.kind
    assert seen.error["message"]
    if caller == "messages":
        assert seen.body.startswith(b'{"type":"error",')


def holds_ending(seen: Seen, caller: str, expected: Ending) -> None:
    assert seen.status == 200, seen.body[:500]
    assert is_done(seen, caller) == (expected.end == "done"), seen.body[-500:]
    errors = [event for event in seen.events if event.startswith((b'{"error"', b'{"type":"error"'))]
    assert len(errors) == (expected.end == "error")
    if errors:
        error = json.loads(errors[0])["error"]
        assert expected.kind in (error.get("code"), error["type"])
        assert not seen.body.endswith(b"[DONE]\n\n")
    if caller == "messages":
        assert (
            seen.body.count(b"event: message_start") == 1 or b"\r" in seen.body or b"event:message_start" in seen.body
        )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("style", sorted(USAGES))
@pytest.mark.parametrize("route", ROUTES)
def test_usage(gateway: Gateway, asking: Asking, route: str, style: str, kind: str) -> None:
    name = f"usage-{style}-{kind}-{route}"
    asked: dict[str, Any] = {"user": name, "simulate": ASKED | {"usage": style}}
    if kind == "stream":
        asked["stream"] = True
    seen = ask(asking, route, **asked)
    assert (seen.status, seen.whole, is_done(seen, ROUTES[route][0])) == (200, True, kind == "stream")
    holds_bill(gateway, name, USAGES[style][KINDS.index(kind)], CHUNKS, seen.call_id)


@pytest.mark.parametrize("route", ROUTES)
def test_an_endless_line_ends_with_an_error(gateway: Gateway, asking: Asking, route: str) -> None:
    asked = {"mode": "long_line", "size": 64 << 20, "chunks": 6}
    seen = ask(asking, route, stream=True, user=f"endless-{route}", simulate=asked)
    assert seen.error is not None
    assert not is_done(seen, ROUTES[route][0])
    assert len(seen.body) < 1 << 20
    assert gateway.children("gateway")[0].memory_info().rss < RSS


def test_every_row_proves(gateway: Gateway) -> None:
    assert gateway.verify() == 0
