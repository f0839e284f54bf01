"""Every kind of broken upstream, streamed and not, through the gateway: what the caller gets, and what is billed.

One table. What it says of the billing is the policy: an answer that was delivered whole is billed as reported, else as
counted; one that broke off is billed for what was delivered; one that the upstream began and that was lost on its way is
billed by estimate; where the upstream never began one, nothing is billed.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest
from tests.conftest import write_config
from tests.support.calls import Seen, chat, row_of_user
from tests.support.gateway import Gateway, SimulatorThread, running_gateway

from phantom_gateway.simulator.modes import MODES
from phantom_gateway.simulator.staging import AT

CANARY = "sk-upstream-secret-canary"
BOUND_S = 20.0
"""The upstream may be silent for one second and take six in all; the rest is for a busy machine."""
RSS = 260 * 1024 * 1024

PROMPT, CHUNKS = 5, 6
ASKED = {"chunks": CHUNKS, "pace_ms": 5}

INTERNAL, TIMEOUT, THROTTLED, INVALID = (
    "internal_server_error",
    "timeout_error",
    "throttling_error",
    "invalid_request_error",
)


class Outcome(NamedTuple):
    """``status`` and ``kind`` of the answer; ``billed``: ``all`` as the provider says, ``some`` as counted, ``guess``, ``none``."""

    status: int
    kind: str = ""
    billed: str = "none"
    code: str = ""


class Ending(NamedTuple):
    """Of a stream that began: ``done``, ``open`` (no marker, because there was none) or ``error``; and what is billed."""

    end: str
    billed: str = "all"
    kind: str = ""


FINE, STREAMED = Outcome(200, billed="all"), Ending("done")
COUNTED = Outcome(200, billed="some")
BROKEN = Outcome(502, INTERNAL)
LATE = Outcome(504, TIMEOUT, "guess")
LOST = Outcome(502, INTERNAL, "guess")
BROKEN_OFF = Ending("error", "some", INTERNAL)

REFUSALS = {
    "400": Outcome(400, INVALID),
    "too_long": Outcome(400, INVALID, code="context_length_exceeded"),
    "401": Outcome(502, "upstream_authentication_error"),
    "402": Outcome(502, "upstream_authentication_error"),
    "403": Outcome(502, "upstream_authentication_error"),
    "404": Outcome(404, "not_found_error"),
    "408": Outcome(408, TIMEOUT),
    "413": Outcome(413, INVALID),
    "429": Outcome(429, THROTTLED),
    "429_none": Outcome(429, THROTTLED),
    "429_date": Outcome(429, THROTTLED),
    "429_absurd": Outcome(429, THROTTLED),
    "500": Outcome(500, INTERNAL),
    "502": BROKEN,
    "503": Outcome(503, INTERNAL),
    "529": Outcome(503, INTERNAL),
    "html": BROKEN,
    "html_502": BROKEN,
    "huge_header": BROKEN,
    "empty_body": BROKEN,
    "body_of_204": BROKEN,
    "redirect": BROKEN,
    "flood_1xx": BROKEN,
    "two_status_lines": BROKEN,
    "both_cl_te": BROKEN,
    "gzip_bomb": LOST,
}
"""The same whether streamed or not: nothing of an answer came."""

TABLE: dict[str, tuple[Outcome, Outcome | Ending]] = {
    mode: (outcome, outcome) for mode, outcome in REFUSALS.items()
} | {
    "ok": (FINE, STREAMED),
    "slow_first_byte": (FINE, STREAMED),
    "slow_drip": (FINE, STREAMED),
    "stall": (LATE, Ending("error", "some", TIMEOUT)),
    "fin": (LOST, BROKEN_OFF),
    "rst": (LOST, BROKEN_OFF),
    "no_done": (FINE, Ending("open")),
    "no_usage": (COUNTED, Ending("done", "some")),
    "usage_last": (FINE, STREAMED),
    "error_event": (BROKEN, Ending("error", "some", "server_error")),
    "cr_only": (FINE, STREAMED),
    "crlf": (FINE, STREAMED),
    "bom": (LOST, STREAMED),
    "split_utf8": (FINE, STREAMED),
    "long_line": (FINE, STREAMED),
    "data_no_space": (FINE, STREAMED),
    "event_only": (FINE, STREAMED),
    "comments": (FINE, STREAMED),
    "pings": (FINE, STREAMED),
    # a bad chunk is passed on as it is: chunks are not parsed on their way, and the others are unharmed
    "nul": (LOST, BROKEN_OFF),
    "invalid_json_chunk": (LOST, BROKEN_OFF),
    "wrong_content_type": (FINE, STREAMED),
    "gzip": (FINE, STREAMED),
    "huge_body": (LOST, BROKEN),
    "continue_100": (FINE, STREAMED),
    "http10": (FINE, STREAMED),
    # the end marker is the last thing in the stream, and exactly that is cut off
    "length_short": (LOST, Ending("open")),
    "length_long": (LOST, STREAMED),
    "bytes_after_end": (FINE, STREAMED),
    "bad_chunk_size": (LOST, STREAMED),
    "chunk_no_end": (LATE, STREAMED),
}

USAGES: dict[str, tuple[str, str]] = {
    "off": ("some", "some"),
    "last": ("all", "all"),
    "always": ("all", "all"),
    "negative": ("some", "some"),
    "absurd": ("some", "some"),
}

ENTRY = """\
  - model_name: "{name}"
    litellm_params:
      model: openai/up
      api_base: http://127.0.0.1:{simulator}/v1
      api_key: sk-upstream-secret-canary
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
      timeout: 6
    model_info:
      id: "{name}"
      max_output_tokens: 1000
"""
END = """\
router_settings:
  num_retries: 0
  allowed_fails: 100000
phantom:
  upstream:
    stall_timeout: 1
"""
KINDS = ("plain", "stream")
AT_ONCE = 8
LARGE = ("huge_body", "gzip_bomb", "huge_header", "long_line")
"""Asked one at a time: memory is looked at."""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """A deployment for each case: a faulty one rests afterwards."""
    names = ["gpt", "healthy", *(f"{mode}-{kind}" for mode in MODES for kind in KINDS)]
    entries = "".join(ENTRY.format(name=name, simulator="{simulator}") for name in names)
    directory = tmp_path_factory.mktemp("faults")
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


def test_the_table_knows_every_mode() -> None:
    assert set(TABLE) == set(MODES)


class Found(NamedTuple):
    """What came of a question, and what the simulator counted."""

    seen: Seen
    produced: int
    requests: int


def ask(gateway: Gateway, key: str, mode: str, kind: str) -> Seen:
    """The question of a case, and one to the upstream that is well."""
    name = f"{mode}-{kind}"
    asked: dict[str, Any] = {"user": name, "simulate": ASKED | {"mode": mode}}
    if mode == "huge_body":
        asked["simulate"] |= {"pace_ms": 0, "size": 80 << 20}
    if kind == "stream":
        asked["stream"] = True
    seen = chat(gateway, key, model=name, **asked)
    healthy = chat(gateway, key, model="healthy", simulate={"chunks": 2})
    assert (healthy.status, healthy.whole) == (200, True)
    return seen


@pytest.fixture(scope="module")
def found(gateway: Gateway, key: str, shared_simulator: SimulatorThread) -> dict[tuple[str, str], Found]:
    """All questions, asked several at a time: most of them wait. Those that cost memory are asked alone."""
    shared_simulator.reset()
    cases = [(mode, kind) for mode in sorted(TABLE) for kind in KINDS]
    worker = gateway.children("gateway")[0]
    seen: dict[tuple[str, str], Seen] = {}
    for mode, kind in cases:
        if mode in LARGE:
            seen[mode, kind] = ask(gateway, key, mode, kind)
            assert worker.memory_info().rss < RSS
    rest = [case for case in cases if case not in seen]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        seen |= dict(zip(rest, pool.map(lambda case: ask(gateway, key, *case), rest), strict=True))
    assert worker.memory_info().rss < RSS
    assert all(
        "redirected" not in request["target"] for request in shared_simulator.requests(1000) if "target" in request
    )
    counts = shared_simulator.counts()["users"]
    tallies = {(mode, kind): counts[f"{mode}-{kind}"] for mode, kind in cases}
    return {case: Found(seen[case], each["completion_tokens"], each["requests"]) for case, each in tallies.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mode", sorted(TABLE))
def test_mode(gateway: Gateway, found: dict[tuple[str, str], Found], mode: str, kind: str) -> None:
    expected = TABLE[mode][KINDS.index(kind)]
    seen, produced, requests = found[mode, kind]
    assert seen.seconds < BOUND_S
    hides_everything(seen)
    assert seen.whole, "the gateway's own framing is never broken"
    if isinstance(expected, Ending):
        holds_ending(seen, expected)
    else:
        holds_outcome(seen, expected)
    if kind == "stream" and mode in ("nul", "invalid_json_chunk"):
        # What follows on the unreadable piece is read by nobody, however much is on its way.
        produced = min(produced, AT + 1)
    holds_bill(gateway, f"{mode}-{kind}", expected.billed, produced, seen.call_id)
    assert requests == 1


def hides_everything(seen: Seen) -> None:
    """No key of the upstream's, no trace, no address."""
    told = seen.body + repr(seen.headers.raw).encode()
    for secret in (CANARY.encode(), b"Traceback", b'File "', b"127.0.0.1", b"phantom_gateway"):
        assert secret not in told


def holds_outcome(seen: Seen, expected: Outcome) -> None:
    assert seen.status == expected.status, seen.body[:500]
    if expected.kind:
        assert seen.error is not None
        assert seen.error["type"] == expected.kind
        assert seen.error["code"] == (expected.code or str(expected.status))
        assert seen.error["message"]
    else:
        assert b'"choices"' in seen.body


def holds_ending(seen: Seen, expected: Ending) -> None:
    assert seen.status == 200, seen.body[:500]
    assert seen.done == (expected.end == "done")
    errors = [event for event in seen.events if event.startswith(b'{"error"')]
    if expected.end == "error":
        assert len(errors) == 1
        assert seen.error is not None
        assert seen.error["type"] == expected.kind
    else:
        assert not errors
    assert seen.events


def holds_bill(gateway: Gateway, name: str, billed: str, produced: int, call_id: str) -> None:
    row = row_of_user(gateway, name)
    assert row["request_id"] == call_id
    if billed == "none":
        assert row["status"] == "failure"
        assert row["cost_nano"] == 0
        return
    if billed == "guess":
        assert (row["status"], row["usage_source"]) == ("failure", "estimated")
        assert "lost_attempts" in row["usage_flags"]
        assert row["input"] > 0
        assert row["cost_nano"] == row["input"] * 1000 + (row["output"] or 0) * 2000
        return
    if billed == "all":
        assert row["usage_source"] == "provider"
        assert (row["input"], row["output"]) == (PROMPT, CHUNKS)
    else:
        assert row["usage_source"] == "estimated"
        assert row["input"] > 0
        assert row["output"] >= produced > 0
        assert row["output"] <= 3 * CHUNKS
    assert row["cost_nano"] == row["input"] * 1000 + row["output"] * 2000


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("style", sorted(USAGES))
def test_usage(gateway: Gateway, key: str, simulator: SimulatorThread, style: str, kind: str) -> None:
    name = f"usage-{style}-{kind}"
    asked: dict[str, Any] = {"user": name, "simulate": ASKED | {"usage": style}}
    if kind == "stream":
        asked["stream"] = True
    seen = chat(gateway, key, model="healthy", **asked)
    assert (seen.status, seen.whole, seen.done) == (200, True, kind == "stream")
    holds_bill(gateway, name, USAGES[style][KINDS.index(kind)], CHUNKS, seen.call_id)


def test_an_endless_line_ends_with_an_error(gateway: Gateway, key: str, simulator: SimulatorThread) -> None:
    worker = gateway.children("gateway")[0]
    asked = {"mode": "long_line", "size": 64 << 20, "chunks": 6}
    seen = chat(gateway, key, model="gpt", stream=True, user="endless", simulate=asked)
    assert seen.error is not None
    assert not seen.done
    assert len(seen.body) < 1 << 20
    assert worker.memory_info().rss < RSS
    assert chat(gateway, key, model="healthy").status == 200


def test_every_row_proves(gateway: Gateway, key: str) -> None:
    assert gateway.verify() == 0
