"""The attempt loop against a provider that fails in every way."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import ASKED, QUICK, Rig, deployment, eventually, running

from phantom_gateway.config.secret import Secret
from phantom_gateway.gateway.call import MAX_RETRY_AFTER_S, _retry_after, _words
from phantom_gateway.spine.snapshot import Deployment, Routing, Settings


def two(first: str, second: str = "up", **fields: Any) -> Callable[[int], tuple[Deployment, ...]]:
    """Two deployments of one group, the first preferred."""
    return lambda port: (deployment(port, "d1", first, order=1, **fields), deployment(port, "d2", second, order=2))


def one(model: str, **fields: Any) -> Callable[[int], tuple[Deployment, ...]]:
    return lambda port: (deployment(port, "d1", model, **fields),)


def routing(**fields: Any) -> Routing:
    known = {name: getattr(QUICK, name) for name in QUICK.__struct_fields__}
    return Routing(**known | fields)


def upstream_requests(rig: Rig) -> int:
    total: int = rig.simulator.counts()["total"]["requests"]
    return total


async def test_a_failed_attempt_is_made_again(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;mode=503,fail_first=2,key=a"), routing=routing(num_retries=2)) as rig:
        answer = await rig.chat(rig.key())
        assert answer.status == 200
        assert answer.headers["x-litellm-attempted-retries"] == "2"
        assert upstream_requests(rig) == 3
        assert rig.closed().attempts == 3
        assert rig.closed().status == "success"


async def test_retries_end(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;mode=500"), routing=routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key())
        assert (answer.status, answer.error["type"]) == (500, "internal_server_error")
        assert upstream_requests(rig) == 2
        closed = rig.closed()
        assert (closed.status, closed.http_status, closed.cost.total) == ("failure", 500, 0)


async def test_a_deployment_may_have_its_own_number_of_retries(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;mode=500", max_retries=0), routing=routing(num_retries=5)) as rig:
        assert (await rig.chat(rig.key())).status == 500
        assert upstream_requests(rig) == 1


async def test_another_deployment_comes_before_the_same_again(tmp_path: Path) -> None:
    async with running(tmp_path, two("bad;mode=503"), routing=routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key())
        assert answer.headers["x-litellm-model-id"] == "d2"
        assert rig.simulator.counts()["models"].keys() == {"bad", "up"}


@pytest.mark.parametrize(
    ("mode", "status", "kind"),
    [
        ("401", 502, "upstream_authentication_error"),
        ("402", 502, "upstream_authentication_error"),
        ("403", 502, "upstream_authentication_error"),
        ("404", 404, "not_found_error"),
        ("408", 408, "timeout_error"),
        ("429", 429, "throttling_error"),
        ("500", 500, "internal_server_error"),
        ("502", 502, "internal_server_error"),
        ("503", 503, "internal_server_error"),
        ("529", 503, "internal_server_error"),
        ("html", 502, "internal_server_error"),
        ("html_502", 502, "internal_server_error"),
        ("redirect", 502, "internal_server_error"),
        ("empty_body", 502, "internal_server_error"),
        ("body_of_204", 502, "internal_server_error"),
        ("huge_header", 502, "internal_server_error"),
        ("both_cl_te", 502, "internal_server_error"),
        ("400", 400, "invalid_request_error"),
        ("413", 413, "invalid_request_error"),
    ],
)
async def test_what_a_failure_is_called(tmp_path: Path, mode: str, status: int, kind: str) -> None:
    async with running(tmp_path, one(f"up;mode={mode}")) as rig:
        answer = await rig.chat(rig.key())
        assert (answer.status, answer.error["type"]) == (status, kind), answer.body
        assert answer.error["code"] == str(status)
        assert b"sk-up" not in answer.body
        assert b"Balance" not in answer.body, "what is left of the operator's money is nobody else's business"
        closed = rig.closed()
        assert (closed.status, closed.error_type, closed.cost.total) == ("failure", kind, 0)


@pytest.mark.parametrize("mode", ["400", "413"])
async def test_a_refused_request_goes_nowhere_else(tmp_path: Path, mode: str) -> None:
    rules = routing(num_retries=3, fallbacks={"gpt": ("other",)})

    def build(port: int) -> tuple[Deployment, ...]:
        return (*two(f"bad;mode={mode}")(port), deployment(port, "d3", group="other"))

    async with running(tmp_path, build, routing=rules) as rig:
        assert (await rig.chat(rig.key())).status == int(mode)
        assert upstream_requests(rig) == 1


async def test_a_silent_upstream_is_a_timeout(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;mode=slow_first_byte,first_ms=5000", timeout_s=0.05)) as rig:
        answer = await rig.chat(rig.key())
        assert (answer.status, answer.error["type"]) == (504, "timeout_error")


async def test_nobody_there(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        gone = deployment(1, "d1", order=1)
        return gone, deployment(port, "d2", order=2)

    async with running(tmp_path, build, routing=routing(num_retries=1)) as rig:
        assert (await rig.chat(rig.key())).headers["x-litellm-model-id"] == "d2"


async def test_fallbacks_in_their_order(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (
            deployment(port, "a", "x;mode=500", "gpt"),
            deployment(port, "b", "y;mode=503", "second"),
            deployment(port, "c", "z", "third"),
        )

    rules = routing(fallbacks={"gpt": ("missing", "second", "third")})
    async with running(tmp_path, build, routing=rules) as rig:
        answer = await rig.chat(rig.key())
        assert answer.headers["x-litellm-model-id"] == "c"
        assert answer.headers["x-litellm-attempted-fallbacks"] == "3"
        assert answer.json()["model"] == "gpt"
        assert rig.closed().fallbacks == 3
        assert rig.closed().deployment_id == "c"


async def test_the_first_failure_is_told_when_all_fallbacks_fail(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return deployment(port, "a", "x;mode=500"), deployment(port, "b", "y;mode=503", "second")

    async with running(tmp_path, build, routing=routing(fallbacks={"gpt": ("second",)})) as rig:
        assert (await rig.chat(rig.key())).status == 500


async def test_failing_deployments_rest_and_the_last_says_until_when(tmp_path: Path) -> None:
    def both(port: int) -> tuple[Deployment, ...]:
        return tuple(deployment(port, name, model="up;mode=500") for name in ("d1", "d2"))

    async with running(tmp_path, both, routing=routing(allowed_fails=1, cooldown_s=30.0)) as rig:
        key = rig.key()
        answers = [await rig.chat(key) for _ in range(24)]
        assert [answer.status for answer in answers].count(500) == upstream_requests(rig) == 4
        resting = answers[-1]
        assert resting.status == 429
        assert resting.error["message"].startswith("No deployments available for selected model, Try again in ")
        assert 20 <= int(resting.headers["retry-after"]) <= 30


async def test_a_deployment_without_an_alternative_never_rests(tmp_path: Path) -> None:
    for mode, status in (("500", 500), ("404", 404), ("401", 502)):
        rules = routing(allowed_fails=0, cooldown_s=30.0)
        async with running(tmp_path / mode, one(f"up;mode={mode}"), routing=rules) as rig:
            key = rig.key()
            assert [(await rig.chat(key)).status for _ in range(4)] == [status] * 4
            assert upstream_requests(rig) == 4


async def test_no_caller_makes_a_deployment_rest(tmp_path: Path) -> None:
    def both(port: int) -> tuple[Deployment, ...]:
        return tuple(deployment(port, name, model="up;mode=404") for name in ("d1", "d2"))

    async with running(tmp_path, both, routing=routing(allowed_fails=0, cooldown_s=30.0)) as rig:
        key = rig.key()
        assert [(await rig.chat(key)).status for _ in range(6)] == [404] * 6


async def test_without_cooldowns_nothing_rests(tmp_path: Path) -> None:
    def both(port: int) -> tuple[Deployment, ...]:
        return tuple(deployment(port, name, model="up;mode=429") for name in ("d1", "d2"))

    async with running(tmp_path, both, routing=routing(allowed_fails=0, cooldown_s=0.0)) as rig:
        key = rig.key()
        assert [(await rig.chat(key)).status for _ in range(4)] == [429] * 4
        assert upstream_requests(rig) == 4


async def test_a_rate_limited_deployment_rests_as_long_as_it_asks(tmp_path: Path) -> None:
    async with running(tmp_path, two("busy;mode=429,retry_after=20"), routing=routing(num_retries=1)) as rig:
        key = rig.key()
        assert (await rig.chat(key)).headers["x-litellm-model-id"] == "d2"
        assert (await rig.chat(key)).headers["x-litellm-attempted-retries"] == "0"
        assert rig.simulator.counts()["models"]["busy"]["requests"] == 1


async def test_the_wait_is_passed_on(tmp_path: Path) -> None:
    async with running(tmp_path, one("busy;mode=429,retry_after=20")) as rig:
        answer = await rig.chat(rig.key())
        assert answer.headers["retry-after"] == "20"
        assert answer.error["details"] == {"retry_after_s": 20}


@pytest.mark.parametrize("mode", ["401", "402"])
async def test_wrong_credentials_rest_and_leave_it_to_others(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, two(f"locked;mode={mode}"), routing=routing(num_retries=1)) as rig:
        key = rig.key()
        for _ in range(2):
            assert (await rig.chat(key)).headers["x-litellm-model-id"] == "d2"
        assert rig.simulator.counts()["models"]["locked"]["requests"] == 1


async def test_no_deployment_for_the_operation(tmp_path: Path) -> None:
    async with running(tmp_path, one("up", paths={"chat": "/chat/completions"})) as rig:
        answer = await rig.post("/v1/embeddings", {"model": "gpt", "input": "x"}, rig.key())
        assert (answer.status, answer.error["param"]) == (400, "model")


async def test_a_stale_connection_is_not_the_deployments_fault(tmp_path: Path) -> None:
    async with running(tmp_path, one("up")) as rig:
        key = rig.key()
        assert (await rig.chat(key)).status == 200
        await rig.simulator.close()
        await rig.simulator.start_tcp("127.0.0.1", rig.simulator_port)
        answer = await rig.chat(key)
        assert (answer.status, answer.headers["x-litellm-attempted-retries"]) == (200, "0")


async def test_a_stream_that_fails_before_its_first_event_goes_elsewhere(tmp_path: Path) -> None:
    for mode in ("503", "html", "empty_body", "error_event,at=0"):
        path = tmp_path / mode.partition(",")[0]
        async with running(path, two(f"bad;mode={mode}"), routing=routing(num_retries=1)) as rig:
            answer = await rig.chat(rig.key(), stream=True)
            assert answer.headers["x-litellm-model-id"] == "d2", mode
            assert answer.events()[-1] == "[DONE]"


async def test_a_stream_that_breaks_after_its_first_event_says_so(tmp_path: Path) -> None:
    async with running(tmp_path, two("bad;mode=fin,at=3,pace_ms=1"), routing=routing(num_retries=3)) as rig:
        answer = await rig.chat(rig.key(), stream=True)
        *events, last = answer.events()
        assert len(events) >= 3
        assert last["error"]["type"] == "internal_server_error"
        closed = rig.closed()
        assert (closed.status, closed.deployment_id, closed.attempts) == ("failure", "d1", 1)
        assert closed.usage.source == "estimated"
        assert closed.cost.total > 0


async def test_a_stream_that_came_at_once_and_broke_behind_its_marker_is_whole(tmp_path: Path) -> None:
    async with running(tmp_path, two("up;mode=length_long"), routing=routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key(), stream=True)
        assert (answer.status, answer.events()[-1], upstream_requests(rig)) == (200, "[DONE]", 1)
        assert (rig.closed().status, rig.closed().usage.source) == ("success", "provider")


async def test_an_error_behind_undelivered_chunks_is_billed_with_the_answer(tmp_path: Path) -> None:
    async with running(tmp_path, two("bad;mode=error_event,at=3"), routing=routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key(), stream=True)
        assert (answer.headers["x-litellm-model-id"], answer.events()[-1]) == ("d2", "[DONE]")
        counted = rig.simulator.counts()["models"]
        assert counted["bad"]["completion_tokens"] == 3
        assert rig.closed().usage.flags == ("lost_attempts",)
        assert rig.closed().usage.output == 3 + counted["up"]["completion_tokens"]


async def test_an_error_inside_a_stream_passes(tmp_path: Path) -> None:
    async with running(tmp_path, one("bad;mode=error_event,at=2,pace_ms=5")) as rig:
        answer = await rig.chat(rig.key(), stream=True)
        assert [isinstance(event, dict) and "error" in event for event in answer.events()].count(True) == 1
        assert rig.closed().error_type == "upstream_error"


async def test_a_stream_without_its_marker_is_whole_when_a_choice_finished(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;mode=no_done")) as rig:
        answer = await rig.chat(rig.key(), stream=True, simulate={"chunks": 3})
        assert answer.whole
        assert rig.closed().status == "success"


async def test_a_caller_that_leaves_stops_the_upstream(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;chunks=1000,pace_ms=5")) as rig:
        task = asyncio.get_running_loop().create_task(rig.chat(rig.key(), stream=True))
        await eventually(lambda: rig.simulator.counts()["total"]["completion_tokens"] > 5)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await eventually(lambda: rig.simulator.counts()["total"]["aborted"] == 1)
        await eventually(lambda: len(rig.journal()[1]) == 1)
        closed = rig.closed()
        assert (closed.client_left, closed.http_status, closed.error_type) == (True, 499, "client_disconnected")
        assert closed.cost.total > 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(None, 0), (b"", 0), (b"7", 7), (b"9" * 20, MAX_RETRY_AFTER_S), (b"soon", 0), (b"-3", 0), (b"1" * 65, 0)],
)
def test_retry_after_in_seconds(value: bytes | None, seconds: int) -> None:
    assert _retry_after(value) == seconds


def test_retry_after_as_a_date() -> None:
    assert _retry_after(formatdate(4102444800, usegmt=True).encode()) == MAX_RETRY_AFTER_S
    assert _retry_after(formatdate(0, usegmt=True).encode()) == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "no"}}', "no"),
        (b'{"error": "plain"}', "plain"),
        (b'{"error": {"message": 5}}', ""),
        (b'{"error": null}', ""),
        (b"[1]", ""),
        (b"<html>", ""),
        (b"\xff", ""),
        (b'{"error": {"message": "%s"}}' % (b"x" * 5000), "x" * 2000),
    ],
)
def test_the_upstreams_words_are_bounded(body: bytes, words: str) -> None:
    assert _words(body, None) == words


def test_the_upstreams_words_do_not_repeat_its_key() -> None:
    assert _words(b'{"error": {"message": "bad key sk-up"}}', Secret("sk-up")) == "bad key [key]"


@pytest.mark.parametrize("mode", ["fin", "rst", "gzip_bomb", "length_short", "bad_chunk_size", "invalid_json_chunk"])
async def test_an_answer_that_was_begun_and_lost_is_billed_by_estimate(tmp_path: Path, mode: str) -> None:
    async with running(tmp_path, one(f"up;mode={mode}")) as rig:
        answer = await rig.chat(rig.limited("budget", 10**9, "30d"), max_tokens=50)
        assert (answer.status, answer.error["type"]) == (502, "internal_server_error")
        closed = rig.closed()
        assert (closed.status, closed.usage.source, closed.usage.flags) == ("failure", "estimated", ("lost_attempts",))
        assert closed.usage.output == 50
        assert closed.cost.total == (closed.usage.input or 0) * 1000 + 50 * 2000
        assert [spend.amount for spend in closed.spends] == [closed.cost.total]


async def test_a_lost_attempt_is_billed_beside_the_one_that_came_through(tmp_path: Path) -> None:
    controls = {"fail_first": 1, "key": "lost", "mode": "fin", "prompt_tokens": 10, "completion_tokens": 5}
    async with running(tmp_path, routing=routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key(), simulate=controls, max_tokens=20)
        assert answer.status == 200
        closed = rig.closed()
        assert (closed.status, closed.attempts, closed.usage.source) == ("success", 2, "estimated")
        assert "lost_attempts" in closed.usage.flags
        assert closed.usage.output == 5 + 20
        assert (closed.usage.input or 0) > 10
        assert closed.cost.total == (closed.usage.input or 0) * 1000 + 25 * 2000 == sum(closed.cost[1:])
        assert answer.headers["x-litellm-response-cost"] == f"{closed.cost.total / 1e9:.9f}"


async def test_attempts_that_answer_with_an_error_are_free(tmp_path: Path) -> None:
    controls = {"fail_first": 1, "key": "free", "mode": "500", "prompt_tokens": 10, "completion_tokens": 5}
    async with running(tmp_path, routing=routing(num_retries=1)) as rig:
        assert (await rig.chat(rig.key(), simulate=controls)).status == 200
        assert (rig.closed().cost.total, rig.closed().usage.source) == (10 * 1000 + 5 * 2000, "provider")


async def test_lost_attempts_never_cost_more_than_was_reserved(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;mode=fin"), routing=routing(num_retries=5)) as rig:
        assert (await rig.chat(rig.limited("budget", 10**9, "30d"), max_tokens=50)).status == 502
        closed = rig.closed()
        (reserved,) = rig.journal()[0][0].reserved
        assert closed.cost.total == reserved.amount
        assert closed.usage.flags == ("lost_attempts", "capped")


LEAVING = {"prompt_tokens": 10, "completion_tokens": 7, "first_ms": 300}


async def test_a_caller_of_a_whole_answer_that_leaves_is_billed_exactly(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await leave(rig, rig.limited("budget", 10**9, "30d"), LEAVING)
        await eventually(lambda: bool(rig.journal()[1]))
        closed = rig.closed()
        assert (closed.status, closed.http_status, closed.error_type) == ("success", 499, "client_disconnected")
        assert (closed.client_left, closed.usage.source) == (True, "provider")
        assert closed.cost.total == 10 * 1000 + 7 * 2000
        assert [spend.amount for spend in closed.spends] == [closed.cost.total]
        await eventually(lambda: rig.worker.server.connections == 0)
        assert rig.worker.book.open_reservations() == 0


async def test_with_cancel_on_disconnect_the_upstream_is_stopped_and_the_estimate_billed(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(cancel_on_disconnect=True)) as rig:
        await leave(rig, rig.key(), LEAVING | {"first_ms": 20_000}, max_tokens=30)
        await eventually(lambda: bool(rig.journal()[1]), 3)
        closed = rig.closed()
        assert (closed.http_status, closed.client_left, closed.usage.source) == (499, True, "estimated")
        assert closed.usage.output == 30
        assert closed.cost.total == (closed.usage.input or 0) * 1000 + 30 * 2000


async def test_a_call_nobody_waits_for_is_stopped_at_its_bound(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(abandoned_timeout_s=0.3)) as rig:
        await leave(rig, rig.key(), LEAVING | {"first_ms": 20_000})
        await eventually(lambda: bool(rig.journal()[1]), 3)
        assert (rig.closed().client_left, rig.closed().usage.source) == (True, "estimated")


async def test_nothing_is_tried_again_for_a_caller_that_left(tmp_path: Path) -> None:
    controls = {"mode": "500", "first_ms": 300}
    async with running(tmp_path, routing=routing(num_retries=5)) as rig:
        await leave(rig, rig.key(), controls)
        await eventually(lambda: bool(rig.journal()[1]))
        assert upstream_requests(rig) == 1
        closed = rig.closed()
        assert (closed.status, closed.client_left, closed.cost.total) == ("failure", True, 0)


async def leave(rig: Rig, key: str, controls: dict[str, Any], **fields: Any) -> None:
    """Ask for a whole answer and hang up while the upstream works on it."""
    body = json.dumps({"model": "gpt", "messages": ASKED, "simulate": controls} | fields).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    lines = (
        "POST /v1/chat/completions HTTP/1.1",
        "host: a",
        f"authorization: Bearer {key}",
        f"content-length: {len(body)}",
    )
    writer.write("\r\n".join([*lines, "", ""]).encode() + body)
    await eventually(lambda: upstream_requests(rig) == 1)
    writer.close()
    await writer.wait_closed()


async def test_all_attempts_together_have_one_deadline(tmp_path: Path) -> None:
    patience = routing(num_retries=50, timeout_s=0.4, total_timeout_s=1.0, default_fallbacks=("other",))
    build = lambda port: (deployment(port), deployment(port, "d2", group="other"))  # noqa: E731
    async with running(tmp_path, build, routing=patience) as rig:
        began = time.monotonic()
        answer = await rig.chat(rig.key(), simulate={"first_ms": 20_000})
        assert (answer.status, answer.error["type"]) == (504, "timeout_error")
        assert time.monotonic() - began < 3
        assert 2 <= upstream_requests(rig) <= 4


async def test_a_deadline_shorter_than_an_attempt_ends_it(tmp_path: Path) -> None:
    async with running(tmp_path, routing=routing(timeout_s=30, total_timeout_s=0.4)) as rig:
        for stream in (False, True):
            began = time.monotonic()
            assert (await rig.chat(rig.key(), stream=stream, simulate={"first_ms": 20_000})).status == 504
            assert time.monotonic() - began < 3


async def test_a_stream_that_has_begun_has_no_deadline(tmp_path: Path) -> None:
    async with running(tmp_path, routing=routing(timeout_s=0.5, total_timeout_s=0.5)) as rig:
        answer = await rig.chat(rig.key(), stream=True, simulate={"chunks": 10, "pace_ms": 120})
        assert answer.events()[-1] == "[DONE]"


@pytest.mark.parametrize("mode", ["429", "503"])
async def test_the_only_deployment_is_asked_again_when_it_said(tmp_path: Path, mode: str) -> None:
    controls = f"up;mode={mode},retry_after=1,fail_first=1,key=w"
    async with running(tmp_path, one(controls), routing=routing(num_retries=2)) as rig:
        began = time.monotonic()
        answer = await rig.chat(rig.key())
        assert answer.status == 200
        assert time.monotonic() - began >= 1
        assert upstream_requests(rig) == 2


@pytest.mark.parametrize(("mode", "kind"), [("429", "throttling_error"), ("503", "internal_server_error")])
async def test_a_wait_beyond_the_deadline_is_told_at_once(tmp_path: Path, mode: str, kind: str) -> None:
    waits = routing(num_retries=2, total_timeout_s=5.0)
    async with running(tmp_path, one(f"up;mode={mode},retry_after=30"), routing=waits) as rig:
        began = time.monotonic()
        answer = await rig.chat(rig.key())
        assert (answer.status, answer.error["type"]) == (int(mode), kind)
        assert answer.headers["retry-after"] == "30"
        assert time.monotonic() - began < 3
        assert upstream_requests(rig) == 1


async def test_one_wait_is_enough(tmp_path: Path) -> None:
    async with running(tmp_path, one("up;mode=429,retry_after=1"), routing=routing(num_retries=9)) as rig:
        assert (await rig.chat(rig.key())).status == 429
        assert upstream_requests(rig) == 2


async def test_another_deployment_is_not_waited_for(tmp_path: Path) -> None:
    async with running(tmp_path, two("up;mode=429,retry_after=30"), routing=routing(num_retries=2)) as rig:
        began = time.monotonic()
        assert (await rig.chat(rig.key())).status == 200
        assert time.monotonic() - began < 3
