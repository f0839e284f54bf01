from __future__ import annotations

import json
import os
import time

from bench.measure import MESSAGES, Scenario, command, cpu_ns, family, halves, pinned, rss
from bench.targets import Gateway


def test_a_process_seen_from_outside() -> None:
    before = cpu_ns(os.getpid())
    while time.process_time_ns() % 10 and cpu_ns(os.getpid()) == before:
        pass
    assert cpu_ns(os.getpid()) > before
    assert rss(os.getpid()) > 1 << 20
    assert "python" in command(os.getpid())
    assert command(0) == ""
    assert os.getpid() in family(os.getppid())


def test_pinning_is_undone() -> None:
    before = os.sched_getaffinity(0)
    ours, theirs = halves()
    assert ours | theirs == before
    with pinned(ours):
        assert os.sched_getaffinity(0) == ours
    assert os.sched_getaffinity(0) == before


def test_bodies_carry_their_controls() -> None:
    stream = json.loads(Scenario("s", 1, 1, chunks=7, pace_ms=2).body("m", 7, 2))
    assert stream["stream"]
    assert stream["simulate"] == {"chunks": 7, "pace_ms": 2}
    assert "stream" not in json.loads(Scenario("s", 1, 1).body("m", 0, 0))
    messages = json.loads(Scenario("s", 1, 1, chunks=7, path=MESSAGES).body("m", 7, 2))
    assert "stream_options" not in messages


def test_a_translated_stream_names_another_model_and_ends_otherwise() -> None:
    target = Gateway(4010, {0})
    target.stop()  # it never started
    to_anthropic = Scenario("s", 1, 1, chunks=1, upstream="anthropic").spec(target)
    assert (json.loads(to_anthropic.body)["model"], to_anthropic.mark) == ("bench-anthropic", "[DONE]")
    to_openai = Scenario("s", 1, 1, chunks=1, path=MESSAGES).spec(target)
    assert (json.loads(to_openai.body)["model"], to_openai.mark) == ("bench", "message_stop")
