"""Routing end to end: shares, retries, fallbacks, rest, and what the upstreams see of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import NamedTuple

import pytest
from tests.support.calls import chat, row_of_user
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

CANARY = "sk-upstream-secret-canary"


class Echo(BaseHTTPRequestHandler):
    """An upstream that repeats the key it was sent in its error."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        body = f'{{"error":{{"message":"API key not valid: {self.headers["authorization"]}"}}}}'.encode()
        self.send_response(400)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


def deployment(group: str, port: int, model: str = "up", **more: object) -> str:
    extra = "".join(f"      {name}: {value}\n" for name, value in more.items())
    return (
        f'  - model_name: {group}\n    litellm_params:\n      model: "openai/{model}"\n'
        f"      api_base: http://127.0.0.1:{port}/v1\n      api_key: {CANARY}\n{extra}"
        f"      input_cost_per_token: 0.000001\n      output_cost_per_token: 0.000002\n"
        f"    model_info: {{max_output_tokens: 1000}}\n"
    )


class Stage(NamedTuple):
    """A gateway between two simulators."""

    gateway: Gateway
    key: str
    one: SimulatorThread
    two: SimulatorThread

    def seen(self, user: str) -> tuple[int, int]:
        """How many requests with this label each upstream has received."""
        first, second = (each.counts()["users"].get(user, {}).get("requests", 0) for each in (self.one, self.two))
        return first, second


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    one, two = SimulatorThread(), SimulatorThread()
    echo = HTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=echo.serve_forever, daemon=True)
    thread.start()
    entries = [
        deployment("shared", one.port, weight=3),
        deployment("shared", two.port, weight=1),
        deployment("one-dead", one.port, "up;mode=500"),
        deployment("one-dead", two.port),
        deployment("patient", one.port, max_retries=2),
        deployment("impatient", one.port, max_retries=0),
        deployment("dead", one.port, "up;mode=500"),
        deployment("dead-alone", one.port, "up;mode=503", max_retries=0),
        deployment("limited", one.port, "up;mode=429,retry_after=30"),
        deployment("limited", two.port),
        deployment("limited-alone", one.port, "up;mode=429,retry_after=30"),
        deployment("revoked", one.port, "up;mode=401"),
        deployment("revoked", two.port),
        deployment("first-tier", one.port, order=1),
        deployment("first-tier", two.port, order=2),
        deployment("breaks", one.port, "up;mode=fin,at=2,pace_ms=5"),
        deployment("breaks", two.port),
        deployment("good", two.port),
        deployment("last-resort", two.port),
        deployment("echo", echo.server_port),
        deployment("nowhere", 1),
        deployment("slow", one.port, "up;mode=slow_first_byte,first_ms=30000", timeout=1, max_retries=0),
    ]
    text = f"""\
model_list:
{"".join(entries)}router_settings:
  num_retries: 2
  retry_after: 0
  allowed_fails: 3
  cooldown_time: 30
  model_group_alias: {{nick: good}}
  fallbacks:
    - dead: [dead-alone, good]
    - nowhere: [good]
    - echo: [good]
    - slow: [good]
    - patient: []
    - impatient: []
    - limited-alone: []
  default_fallbacks: [last-resort]
"""
    directory = tmp_path_factory.mktemp("routing")
    config = directory / "config.yaml"
    config.write_text(text)
    with running_gateway(directory / "data", config) as gateway:
        yield Stage(gateway, gateway.key(), one, two)
        assert CANARY not in "".join(gateway.lines)
    for each in (one, two):
        each.close()
    echo.shutdown()
    echo.server_close()
    thread.join(5)


def test_shares_follow_the_weights(stage: Stage) -> None:
    for _ in range(200):
        assert chat(stage.gateway, stage.key, model="shared", user="weights").status == 200
    one, two = stage.seen("weights")
    assert one + two == 200
    assert 110 <= one <= 190


def test_the_lowest_order_comes_first(stage: Stage) -> None:
    for _ in range(10):
        chat(stage.gateway, stage.key, model="first-tier", user="tier")
    assert stage.seen("tier") == (10, 0)


def test_another_deployment_answers_and_the_dead_one_rests(stage: Stage) -> None:
    for _ in range(30):
        assert chat(stage.gateway, stage.key, model="one-dead", user="rests").status == 200
    one, two = stage.seen("rests")
    assert two == 30
    # four failures in a row are one more than allowed
    assert one <= 4


def test_the_same_deployment_is_asked_again(stage: Stage) -> None:
    faults = {"mode": "500", "fail_first": 2, "key": "again"}
    seen = chat(stage.gateway, stage.key, model="patient", user="again", simulate=faults)
    assert seen.status == 200
    assert seen.headers["x-litellm-attempted-retries"] == "2"
    assert stage.seen("again") == (3, 0)
    assert row_of_user(stage.gateway, "again")["attempts"] == 3


def test_no_retries_are_no_retries(stage: Stage) -> None:
    faults = {"mode": "500", "fail_first": 1, "key": "never"}
    assert chat(stage.gateway, stage.key, model="impatient", user="never", simulate=faults).status == 500
    assert stage.seen("never") == (1, 0)


def test_fallbacks_come_in_their_order(stage: Stage) -> None:
    seen = chat(stage.gateway, stage.key, model="dead", user="falls")
    assert seen.status == 200
    assert seen.headers["x-litellm-attempted-fallbacks"] == "2"
    assert seen.headers["x-litellm-model-group"] == "good"
    row = row_of_user(stage.gateway, "falls")
    assert (row["status"], row["fallbacks"], row["model"]) == ("success", 2, "dead")
    # billed is the one that answered, once
    assert row["cost_nano"] == row["input"] * 1000 + row["output"] * 2000


def test_default_fallbacks(stage: Stage) -> None:
    seen = chat(stage.gateway, stage.key, model="dead-alone", user="default")
    assert seen.status == 200, seen.body
    assert seen.headers["x-litellm-model-group"] == "last-resort"


def test_an_upstream_that_nobody_answers(stage: Stage) -> None:
    seen = chat(stage.gateway, stage.key, model="nowhere")
    assert (seen.status, seen.headers["x-litellm-model-group"]) == (200, "good")


def test_an_upstream_that_takes_too_long(stage: Stage) -> None:
    seen = chat(stage.gateway, stage.key, model="slow", user="slow")
    assert (seen.status, seen.headers["x-litellm-model-group"]) == (200, "good")
    wait_until(lambda: stage.one.counts()["users"]["slow"]["aborted"] == 1)


def test_retry_after_is_honoured(stage: Stage) -> None:
    for _ in range(20):
        assert chat(stage.gateway, stage.key, model="limited", user="limited").status == 200
    one, two = stage.seen("limited")
    assert one <= 1
    assert two == 20
    first = chat(stage.gateway, stage.key, model="limited-alone", user="alone", num_retries=0)
    second = chat(stage.gateway, stage.key, model="limited-alone", user="alone", num_retries=0)
    assert (first.status, second.status) == (429, 429)
    assert first.headers["retry-after"] == "30"
    assert 20 <= int(second.headers["retry-after"]) <= 30
    assert stage.seen("alone") == (1, 0)


def test_a_revoked_provider_key_rests_and_is_never_told(stage: Stage) -> None:
    for _ in range(20):
        seen = chat(stage.gateway, stage.key, model="revoked", user="revoked")
        assert seen.status == 200
        assert CANARY.encode() not in seen.body
    one, _ = stage.seen("revoked")
    assert one <= 1


def test_the_upstreams_words_never_repeat_our_key(stage: Stage) -> None:
    seen = chat(stage.gateway, stage.key, model="echo")
    assert seen.status == 400
    assert seen.error is not None
    assert seen.error["message"] == "API key not valid: Bearer [key]"


def test_no_fallback_after_a_delivered_byte(stage: Stage) -> None:
    ended = {"done": 0, "error": 0}
    deadline = time.monotonic() + 30
    while not ended["error"]:
        assert time.monotonic() < deadline
        seen = chat(stage.gateway, stage.key, model="breaks", stream=True, user="breaks")
        assert seen.status == 200
        ended["done" if seen.done else "error"] += 1
        assert seen.done == (seen.error is None)
        assert seen.body.count(b'"role":"assistant"') == 1
    # the broken one was asked once for each broken answer: nobody was asked twice
    assert sum(stage.seen("breaks")) == sum(ended.values())


def test_an_alias(stage: Stage) -> None:
    seen = chat(stage.gateway, stage.key, model="nick")
    assert (seen.status, seen.headers["x-litellm-model-group"]) == (200, "good")
    assert b'"model":"nick"' in seen.body


def test_the_trail_is_on_the_answer_and_in_the_spend_log(stage: Stage) -> None:
    seen = chat(stage.gateway, stage.key, model="dead", user="trail")
    assert "fallback good general 2" in seen.headers["x-phantom-routing-trail"]
    row_of_user(stage.gateway, "trail")
    shown = stage.gateway.admin("GET", f"/spend/logs/ui/{seen.call_id}").json()
    steps = shown["metadata"]["routing_trail"]
    assert {"kind": "fallback", "name": "good", "why": "general", "value": 2} in steps
    assert (steps[-1]["kind"], steps[-1]["why"]) == ("try", "success")
    plain = chat(stage.gateway, stage.key, model="good", user="no-trail")
    assert "x-phantom-routing-trail" not in plain.headers
    row_of_user(stage.gateway, "no-trail")
    assert stage.gateway.admin("GET", f"/spend/logs/ui/{plain.call_id}").json()["metadata"]["routing_trail"] == []


def test_what_would_happen_is_told_and_nothing_does(stage: Stage) -> None:
    body = {"request_body": {"model": "first-tier", "messages": [], "user": "explained"}, "key": stage.key}
    found = stage.gateway.admin("POST", "/utils/explain", json=body)
    assert found.status_code == 200, found.text
    told = found.json()
    assert (told["allowed"], told["stage"]) == (True, "call")
    assert len(told["route"]["considered"]) == 2
    assert [step["why"] for step in told["route"]["trail"]] == ["order"]
    assert stage.seen("explained") == (0, 0)
    assert CANARY not in found.text


def test_what_traffic_says_of_the_deployments(stage: Stage) -> None:
    for _ in range(6):
        chat(stage.gateway, stage.key, model="one-dead", user="health")

    def states() -> list[str]:
        found = stage.gateway.admin("GET", "/health/latest").json()["deployments"].values()
        return sorted(each["state"] for each in found if each["model_name"] == "one-dead")

    wait_until(lambda: states() == ["closed", "open"])


def test_everything_is_in_the_ledger_once(stage: Stage) -> None:
    assert stage.gateway.verify() == 0
