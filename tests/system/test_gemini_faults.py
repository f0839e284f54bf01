"""Every kind of broken upstream again, where Google's format is spoken on either side: passed through, and translated both ways.

The expectations are those of ``test_faults``; what differs by format stands here. All cases are asked at once, as far as they
are selected: most of them wait.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx
import pytest
from tests.conftest import write_config
from tests.support.calls import Seen
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
from phantom_gateway.simulator.staging import AT

ROUTES = {"same": ("generate", "gemini"), "out": ("generate", "openai"), "in": ("chat", "gemini")}
"""Who asks, and who answers."""
UNREADABLE = {"nul": BROKEN_OFF, "invalid_json_chunk": BROKEN_OFF}
"""A piece that cannot be read cannot be translated, and an answer with a hole is none."""
WHOLE = {"no_done": STREAMED}
"""Google's streams have no end marker that could be missing."""
CUT = {"length_short": BROKEN_OFF}
"""The last event says why the answer ended, and exactly that is cut off."""
DIFFERENT: dict[str, dict[str, Ending]] = {
    "same": {"error_event": Ending("error", "some", "INTERNAL"), **WHOLE, **CUT},
    "out": {"error_event": Ending("error", "some", "upstream_error"), "length_short": STREAMED, **UNREADABLE, **WHOLE},
    "in": {"error_event": Ending("error", "some", "upstream_error"), **UNREADABLE, **WHOLE, **CUT},
}
HEAVY = frozenset({"huge_body", "gzip_bomb", "long_line", "huge_header"})
"""Asked one after the other: how much memory each needs is to be seen."""
AT_ONCE = 4
ENTRY = """\
  - model_name: "{name}"
    litellm_params:
      model: {provider}/up
      api_base: http://127.0.0.1:{simulator}{base}
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
      timeout: 6
    model_info:
      id: "{name}"
      max_output_tokens: 1000
"""


class Case(NamedTuple):
    """One request."""

    route: str
    mode: str
    kind: str
    style: str = ""

    @property
    def name(self) -> str:
        """Its model, and the name under which it is found again."""
        return "-".join(part for part in ("gemini", self.style, self.mode, self.kind, self.route) if part)


CASES = [Case(route, mode, kind) for route in ROUTES for mode in sorted(TABLE) for kind in KINDS]
STYLES = [Case(route, "ok", kind, style) for route in ROUTES for style in sorted(USAGES) for kind in KINDS]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """A deployment for each case: a faulty one rests afterwards."""
    entries = "".join(
        ENTRY.format(
            name=case.name,
            provider=ROUTES[case.route][1],
            base="/v1" if ROUTES[case.route][1] == "openai" else "",
            simulator="{simulator}",
        )
        for case in (*CASES, *STYLES)
    )
    directory = tmp_path_factory.mktemp("gemini-faults")
    config = write_config(directory, shared_simulator, f"model_list:\n{entries}{END}")
    with running_gateway(directory / "data", config) as running:
        yield running
        running.stop()
        output = "".join(running.lines)
        assert CANARY not in output
        assert "Traceback" not in output
        assert "hello there" not in output


@pytest.fixture(scope="module")
def seen(request: pytest.FixtureRequest, gateway: Gateway) -> dict[Case, Seen]:
    """What came of the selected cases."""
    key = gateway.key(max_budget=1000)
    mine = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    chosen: list[Case] = [found.params["case"] for found in mine if found is not None and "case" in found.params]
    light = [case for case in chosen if case.mode not in HEAVY]
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=gateway.url, limits=limits, timeout=60, headers={"x-goog-api-key": key}) as client:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            found = dict(zip(light, pool.map(lambda case: ask(client, case), light), strict=True))
        for case in chosen:
            if case.mode in HEAVY:
                found[case] = ask(client, case)
                assert gateway.children("gateway")[0].memory_info().rss < RSS
    return found


@pytest.fixture(scope="module")
def counted(seen: dict[Case, Seen], shared_simulator: SimulatorThread) -> dict[str, Any]:
    """What the upstream counted, by the name of the case."""
    assert seen
    users: dict[str, Any] = shared_simulator.counts()["users"]
    return users


def ask(client: httpx.Client, case: Case) -> Seen:
    """One request in the words of the route's caller, read to its end."""
    simulate: dict[str, Any] = ASKED | {"mode": case.mode, "label": case.name}
    if case.style:
        simulate |= {"usage": case.style}
    if case.mode == "huge_body":
        simulate |= {"pace_ms": 0, "size": 80 << 20}
    streamed = case.kind == "stream"
    body: dict[str, Any] = {"simulate": simulate}
    if ROUTES[case.route][0] == "chat":
        path = "/v1/chat/completions"
        body |= {"model": case.name, "messages": [{"role": "user", "content": "hello there"}], "max_tokens": 500}
        body |= {"stream": True} if streamed else {}
    else:
        path = f"/v1beta/models/{case.name}:{'streamGenerateContent?alt=sse' if streamed else 'generateContent'}"
        body |= {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]}
        body |= {"generationConfig": {"maxOutputTokens": 500}}
    headers = {"x-litellm-end-user-id": case.name}
    told, began = Seen(), time.monotonic()
    try:
        with client.stream("POST", path, headers=headers, json=body) as response:
            told.status, told.headers = response.status_code, response.headers
            for piece in response.iter_bytes():
                told.body += piece
            told.whole = True
    except httpx.TransportError:
        pass
    told.seconds = time.monotonic() - began
    return told


def is_done(told: Seen, caller: str) -> bool:
    return told.done if caller == "chat" else any(b'"finishReason"' in event for event in told.events)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mode(gateway: Gateway, counted: dict[str, Any], seen: dict[Case, Seen], case: Case) -> None:
    expected = TABLE[case.mode][KINDS.index(case.kind)]
    if case.kind == "stream":
        expected = DIFFERENT[case.route].get(case.mode, expected)
    told, caller = seen[case], ROUTES[case.route][0]
    assert told.seconds < BOUND_S
    hides_everything(told)
    assert told.whole, "the gateway's own framing is never broken"
    if isinstance(expected, Ending):
        holds_ending(told, caller, expected)
    else:
        holds_outcome(told, caller, expected)
    mine = counted[case.name]
    produced = mine["completion_tokens"]
    if case.mode in UNREADABLE and expected is BROKEN_OFF:
        # the upstream may have gone on until it heard that nobody reads any more
        produced = min(produced, AT + 1)
    holds_bill(gateway, case.name, expected.billed, produced, told.call_id)
    assert mine["requests"] == 1


def holds_outcome(told: Seen, caller: str, expected: Outcome) -> None:
    assert told.status == expected.status, told.body[:500]
    if not expected.kind:
        assert (b'"candidates":[' if caller == "generate" else b'"choices":[') in told.body
        return
    assert told.error is not None
    assert told.error["message"]
    if caller == "generate":
        reason = expected.code or expected.kind
        assert (told.error["code"], told.error["details"][0]["reason"]) == (expected.status, reason)
    else:
        assert told.error["type"] == expected.kind


def holds_ending(told: Seen, caller: str, expected: Ending) -> None:
    assert told.status == 200, told.body[:500]
    assert is_done(told, caller) == (expected.end == "done"), told.body[-500:]
    errors = [event for event in told.events if event.startswith(b'{"error"')]
    assert len(errors) == (expected.end == "error")
    if errors:
        assert told.error is not None
        named = [told.error.get("type"), told.error.get("status")]
        named += [detail["reason"] for detail in told.error.get("details", ())]
        assert expected.kind in named


@pytest.mark.parametrize("case", STYLES, ids=lambda case: case.name)
def test_usage(gateway: Gateway, seen: dict[Case, Seen], case: Case) -> None:
    told, caller = seen[case], ROUTES[case.route][0]
    assert (told.status, told.whole) == (200, True)
    assert is_done(told, caller) == (case.kind == "stream")
    holds_bill(gateway, case.name, USAGES[case.style][KINDS.index(case.kind)], CHUNKS, told.call_id)


@pytest.mark.parametrize("route", ROUTES)
def test_modes_are_all_there(route: str) -> None:
    assert {case.mode for case in CASES if case.route == route} == set(MODES)


def test_every_row_proves(gateway: Gateway, seen: dict[Case, Seen]) -> None:
    assert seen
    assert gateway.verify() == 0
