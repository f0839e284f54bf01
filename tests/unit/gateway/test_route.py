"""The attempt loop: who is asked after whom, what is learnt, where a request goes in the end, and what the trail says of it."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import QUICK, Rig, deployment, running

from phantom_gateway.ledger.trail import Step
from phantom_gateway.spine.messages import OwnRouting
from phantom_gateway.spine.snapshot import Deployment, Prices, Routing

Build = Callable[[int], tuple[Deployment, ...]]


def routing(**fields: Any) -> Routing:
    known = {name: getattr(QUICK, name) for name in QUICK.__struct_fields__}
    return Routing(**known | fields)


def group(*models: str, **fields: Any) -> Build:
    """Deployments d1, d2, ... of one group, in the order of their tiers."""
    return lambda port: tuple(
        deployment(port, f"d{n}", model, order=n, **fields) for n, model in enumerate(models, start=1)
    )


def each(**models: str) -> Build:
    """A group for each name, served by a deployment of the same name."""
    return lambda port: tuple(deployment(port, name, model, name) for name, model in models.items())


def asked(rig: Rig) -> dict[str, int]:
    """How often each upstream model was asked."""
    return {name: found["requests"] for name, found in rig.simulator.counts()["models"].items()}


def trail(rig: Rig) -> list[tuple[str, str, str]]:
    """The steps of the only request without their figures."""
    return [step[:3] for step in rig.closed().trail]


@asynccontextmanager
async def refusing(message: str, code: str = "") -> AsyncIterator[int]:
    """An upstream that refuses every request with 400 and these words; its port."""
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    answer = b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        await reader.readexactly(int(length.partition(b":")[2]))
        writer.write(answer + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


# --- within a group ---------------------------------------------------------------------------------------------------


async def test_a_plain_request_has_no_trail(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.chat(rig.key())
        assert "x-phantom-routing-trail" not in answer.headers
        assert rig.closed().trail == ()


async def test_the_trail_of_a_retry(tmp_path: Path) -> None:
    async with running(tmp_path, group("bad;mode=503", "up"), routing=routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key())
        assert trail(rig) == [
            ("skip", "d2", "order"),
            ("try", "d1", "ServiceUnavailable 503"),
            ("try", "d2", "success"),
        ]
        assert answer.headers["x-phantom-routing-trail"].startswith("skip d2 order; try d1 ServiceUnavailable 503")


async def test_the_trail_of_a_failure_is_told_with_the_error(tmp_path: Path) -> None:
    async with running(tmp_path, group("up;mode=500"), routing=routing(num_retries=1)) as rig:
        answer = await rig.chat(rig.key())
        assert answer.status == 500
        kinds = [(step.kind, step.why) for step in rig.closed().trail]
        assert kinds == [
            ("try", "InternalServer 500"),
            ("wait", "backoff"),
            ("try", "InternalServer 500"),
            ("stop", "retries"),
        ]
        assert answer.headers["x-phantom-routing-trail"].endswith("stop retries 1")


async def test_one_of_several_says_among_how_many(tmp_path: Path) -> None:
    build = lambda port: tuple(deployment(port, name) for name in ("a", "b", "c"))  # noqa: E731
    async with running(tmp_path, build, routing=routing(strategy="least-busy")) as rig:
        await rig.chat(rig.key())
        assert rig.closed().trail[0] == Step("among", "gpt", "least-busy", 3)


async def test_a_failing_one_opens_and_one_request_at_a_time_probes_it(tmp_path: Path) -> None:
    rules = routing(num_retries=1, allowed_fails=0, cooldown_s=600.0)
    async with running(tmp_path, group("bad;mode=500,fail_first=2,key=p", "up"), routing=rules) as rig:
        key = rig.key()
        assert [(await rig.chat(key)).status for _ in range(5)] == [200] * 5
        assert asked(rig) == {"bad": 1, "up": 5}
        assert rig.worker.table is not None
        health = rig.worker.table.targets[0].health
        assert health.state(time.monotonic()) == "open"
        health.cooldown_until = 0.0  # as if its time were over
        # half-open: of many at once one probes, and fails, nobody notices
        answers = await asyncio.gather(*(rig.chat(key, simulate={"first_ms": 300}) for _ in range(6)))
        assert [answer.status for answer in answers] == [200] * 6
        assert asked(rig)["bad"] == 2
        health.cooldown_until = 0.0
        assert (await rig.chat(key)).headers["x-litellm-model-id"] == "d1"
        assert health.state(time.monotonic()) == "closed"
        assert health.requests == 3


async def test_who_alone_does_not_know_the_model_rests_when_another_does(tmp_path: Path) -> None:
    """A 404 may be the request's fault; that another deployment answered it proves the contrary."""
    rules = routing(num_retries=1, allowed_fails=1, cooldown_s=30.0)
    async with running(tmp_path, group("gone;mode=404", "up"), routing=rules) as rig:
        key = rig.key()
        assert [(await rig.chat(key)).status for _ in range(10)] == [200] * 10
        assert asked(rig) == {"gone": 2, "up": 10}


async def test_a_stream_that_breaks_off_counts_against_its_deployment(tmp_path: Path) -> None:
    rules = routing(allowed_fails=0, cooldown_s=30.0)
    async with running(tmp_path, group("bad;mode=fin,at=3,pace_ms=1", "up"), routing=rules) as rig:
        key = rig.key()
        first = await rig.chat(key, stream=True)
        assert first.events()[-1] != "[DONE]"
        assert (await rig.chat(key, stream=True)).headers["x-litellm-model-id"] == "d2"


async def test_a_lone_deployment_with_fallbacks_rests_and_leaves_it_to_them(tmp_path: Path) -> None:
    rules = routing(allowed_fails=1, cooldown_s=30.0, fallbacks={"gpt": ("other",)})
    async with running(tmp_path, each(gpt="bad;mode=500", other="up"), routing=rules) as rig:
        key = rig.key()
        assert [(await rig.chat(key)).status for _ in range(6)] == [200] * 6
        assert asked(rig) == {"bad": 2, "up": 6}


@pytest.mark.parametrize("mode", ["403", "429,retry_after=60", "500", "fin"])
async def test_a_caller_of_a_wildcard_cannot_take_its_models_from_the_others(tmp_path: Path, mode: str) -> None:
    """Who chooses the model chooses what becomes of it: the deployments rest for that model only."""
    rules = routing(allowed_fails=0, cooldown_s=30.0, total_timeout_s=2.0)
    build = lambda port: tuple(deployment(port, name, "*", "w/*") for name in ("a", "b"))  # noqa: E731
    async with running(tmp_path, build, routing=rules) as rig:
        key = rig.key()
        for _ in range(2):
            assert (await rig.chat(key, model=f"w/bad;mode={mode}")).status >= 429
        assert [(await rig.chat(key, model="w/good")).status for _ in range(4)] == [200] * 4
        assert rig.worker.table is not None
        now = time.monotonic()
        for target in rig.worker.table.targets:
            assert target.health.total().state(now) == "closed"
            assert target.bound(f"bad;mode={mode}").health.state(now) in ("open", "resting")
        # and who asks for the bad one is not made to wait for it again
        before = asked(rig)
        assert (await rig.chat(key, model=f"w/bad;mode={mode}")).status == 429
        assert asked(rig) == before


async def test_retries_are_a_bounded_share_of_the_requests(tmp_path: Path) -> None:
    rules = routing(num_retries=3, allowed_fails=1000, retry_after_s=0.0)
    build = lambda port: tuple(deployment(port, name, "up;mode=500") for name in ("a", "b", "c", "d"))  # noqa: E731
    async with running(tmp_path, build, routing=rules) as rig:
        key = rig.key()
        rig.worker.router.retries.take(1e12)  # the reserve does not fill up while this runs
        answers = await asyncio.gather(*(rig.chat(key) for _ in range(60)))
        assert {answer.status for answer in answers} == {500}
        retries = sum(closed.attempts - 1 for closed in rig.journal()[1])
        # ten at once, less the one just taken, and a tenth of sixty
        assert retries == 9 + 6
        assert asked(rig) == {"up": 60 + retries}
        stops = Counter(closed.trail[-1][:3] for closed in rig.journal()[1])
        assert stops["stop", "", "retry_budget"] >= 45


# --- kinds of failures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "policy", "tries"),
    [
        ("500", {"InternalServer": 3}, 4),
        ("500", {"RateLimit": 3}, 1),
        ("502", {"InternalServer": 2}, 3),
        ("502", {"Default": 2}, 3),
        ("503", {"ServiceUnavailable": 1, "Default": 4}, 2),
        ("408", {"Timeout": 2}, 3),
        ("400", {"BadRequest": 0}, 1),
    ],
)
async def test_retries_by_kind_of_failure(tmp_path: Path, mode: str, policy: Any, tries: int) -> None:
    async with running(tmp_path, group(f"up;mode={mode}"), routing=routing(retry_policy=policy)) as rig:
        await rig.chat(rig.key())
        assert asked(rig) == {"up": tries}


async def test_a_refused_request_may_be_tried_elsewhere_where_the_policy_says_so(tmp_path: Path) -> None:
    rules = routing(retry_policies={"gpt": {"BadRequest": 1}}, retry_policy={"BadRequest": 0})
    async with running(tmp_path, group("bad;mode=400", "up"), routing=rules) as rig:
        assert (await rig.chat(rig.key())).headers["x-litellm-model-id"] == "d2"


async def test_a_caller_may_want_fewer_retries_than_the_policy(tmp_path: Path) -> None:
    rules = routing(retry_policy={"InternalServer": 3})
    async with running(tmp_path, group("up;mode=500"), routing=rules) as rig:
        await rig.chat(rig.key(), num_retries=1)
        assert asked(rig) == {"up": 2}


async def test_allowed_failures_by_kind(tmp_path: Path) -> None:
    rules = routing(num_retries=1, allowed_fails=0, allowed_fails_policy={"RateLimit": 2}, cooldown_s=30.0)
    async with running(tmp_path, group("busy;mode=429_none", "up"), routing=rules) as rig:
        key = rig.key()
        assert [(await rig.chat(key)).status for _ in range(6)] == [200] * 6
        assert asked(rig)["busy"] == 3


# --- fallbacks --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "code", "kind"),
    [
        ("This model's maximum context length is 8192 tokens.", "context_length_exceeded", "context_window"),
        ("prompt is too long: 200001 tokens > 200000 maximum", "", "context_window"),
        ("The response was filtered by our content management policy.", "content_filter", "content_policy"),
    ],
)
async def test_a_refusal_that_another_model_can_help(tmp_path: Path, message: str, code: str, kind: str) -> None:
    async with refusing(message, code) as port:
        build = lambda up: (deployment(port, "small"), deployment(up, "big", group="big"))  # noqa: E731
        helps = routing(**{f"{kind}_fallbacks": {"gpt": ("big",)}})
        async with running(tmp_path / "a", build, routing=helps) as rig:
            answer = await rig.chat(rig.key())
            assert answer.headers["x-litellm-model-id"] == "big", answer.body
            assert ("fallback", "big", kind) in trail(rig)
        other = "content_policy" if kind == "context_window" else "context_window"
        useless = routing(fallbacks={"gpt": ("big",)}, **{f"{other}_fallbacks": {"*": ("big",)}})
        async with running(tmp_path / "b", build, routing=useless) as rig:
            answer = await rig.chat(rig.key())
            assert answer.status == 400
            assert answer.error["message"].endswith(message)


async def test_fallbacks_of_the_request_win_and_may_be_turned_off(tmp_path: Path) -> None:
    build = each(gpt="bad;mode=500", second="up", third="up")
    async with running(tmp_path, build, routing=routing(fallbacks={"gpt": ("second",)}, allowed_fails=99)) as rig:
        key = rig.key()
        assert (await rig.chat(key)).headers["x-litellm-model-id"] == "second"
        assert (await rig.chat(key, fallbacks=["third"])).headers["x-litellm-model-id"] == "third"
        assert (await rig.chat(key, fallbacks=[{"model": "third"}])).headers["x-litellm-model-id"] == "third"
        assert (await rig.chat(key, fallbacks=[])).status == 500
        assert (await rig.chat(key, disable_fallbacks=True)).status == 500
        assert (await rig.chat(key, fallbacks=["third"], disable_fallbacks=True)).status == 500


async def test_a_key_may_be_routed_otherwise_than_the_rest(tmp_path: Path) -> None:
    build = each(gpt="bad;mode=500", second="up", third="up", dear="up")
    rules = routing(fallbacks={"gpt": ("second",)}, num_retries=0, allowed_fails=99)
    async with running(tmp_path, build, routing=rules) as rig:
        values = Routing(fallbacks={"gpt": ("third",)}, num_retries=2)
        own = OwnRouting(name="n", said=("fallbacks", "num_retries"), values=values)
        mine = await rig.chat(rig.key(routing=own))
        assert (mine.headers["x-litellm-model-id"], asked(rig)["bad"]) == ("third", 3)
        assert (await rig.chat(rig.key())).headers["x-litellm-model-id"] == "second"
        assert asked(rig)["bad"] == 4
        fewer = await rig.chat(rig.key(routing=own), num_retries=0, fallbacks=["dear"])
        assert (fewer.headers["x-litellm-model-id"], asked(rig)["bad"]) == ("dear", 5)


async def test_a_fallback_of_the_request_must_be_allowed_to_the_key(tmp_path: Path) -> None:
    async with running(tmp_path, each(gpt="up", dear="up")) as rig:
        answer = await rig.chat(rig.key(models=("gpt",)), fallbacks=["dear"])
        assert (answer.status, answer.error["type"]) == (403, "key_model_access_denied")
        assert (await rig.chat(rig.key(), fallbacks=["nothing-like-it"])).status == 403
        assert asked(rig) == {}


async def test_a_dear_fallback_of_the_request_is_reserved_for(tmp_path: Path) -> None:
    dear = Prices(version="t", input=10**14, output=10**14)
    build = lambda port: (deployment(port), deployment(port, "dear", group="dear", prices=dear))  # noqa: E731
    async with running(tmp_path, build) as rig:
        key = rig.limited("budget", 10**9, "30d")
        assert (await rig.chat(key, max_tokens=5)).status == 200
        answer = await rig.chat(key, max_tokens=5, fallbacks=["dear"])
        assert (answer.status, answer.error["type"]) == (422, "budget_exceeded")


@pytest.mark.parametrize(
    ("field", "kind", "status"),
    [
        ("mock_testing_fallbacks", "", 500),
        ("mock_testing_context_fallbacks", "context_window_", 400),
        ("mock_testing_content_policy_fallbacks", "content_policy_", 400),
    ],
)
async def test_fallbacks_can_be_tried_on_purpose(tmp_path: Path, field: str, kind: str, status: int) -> None:
    rules = routing(**{f"{kind}fallbacks": {"gpt": ("other",)}})
    async with running(tmp_path, each(gpt="first", other="up"), routing=rules) as rig:
        wish: dict[str, Any] = {field: True}
        answer = await rig.chat(rig.key(), **wish)
        assert answer.headers["x-litellm-model-id"] == "other"
        assert asked(rig) == {"up": 1}
        # nobody reaches by it what his key does not open
        denied = await rig.chat(rig.key(models=("gpt",)), **wish)
        assert denied.status == status
        assert asked(rig) == {"up": 1}


async def test_fallbacks_are_bounded_over_all_reasons(tmp_path: Path) -> None:
    build = each(gpt="x;mode=500", a="x;mode=500", b="x;mode=500", c="up")
    rules = routing(default_fallbacks=("a", "b", "c"), max_fallbacks=2)
    async with running(tmp_path, build, routing=rules) as rig:
        assert (await rig.chat(rig.key())).status == 500
        assert rig.closed().fallbacks == 2


# --- who serves whom --------------------------------------------------------------------------------------------------


async def test_tags_decide_where_a_request_goes(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (
            deployment(port, "free", tags=("free",)),
            deployment(port, "paid", tags=("paid", "eu")),
            deployment(port, "rest", tags=("default",)),
        )

    async with running(tmp_path / "any", build, routing=routing(tag_filtering=True)) as rig:
        served = []
        for tags, own in ((["free"], ()), (["paid", "x"], ()), (["other"], ()), ([], ()), ([], ("paid",))):
            answer = await rig.chat(rig.key(tags=own), tags=tags)
            served.append(answer.headers["x-litellm-model-id"])
        assert served == ["free", "paid", "rest", "rest", "paid"]
        assert ("skip", "paid", "tags") in [step[:3] for step in rig.journal()[1][0].trail]
    strict = routing(tag_filtering=True, tags_match_any=False)
    async with running(tmp_path / "all", build, routing=strict) as rig:
        served = [
            (await rig.chat(rig.key(), tags=tags)).headers["x-litellm-model-id"]
            for tags in (["paid", "eu"], ["paid", "free"], ["eu"])
        ]
        assert served == ["paid", "rest", "paid"]


async def test_without_a_deployment_for_its_tags_a_request_is_refused(tmp_path: Path) -> None:
    build = lambda port: (deployment(port, "free", tags=("free",)),)  # noqa: E731
    async with running(tmp_path, build, routing=routing(tag_filtering=True)) as rig:
        answer = await rig.chat(rig.key(), tags=["paid"])
        assert (answer.status, answer.error["param"]) == (400, "tags")
        assert (await rig.chat(rig.key())).status == 200, "without tags and without a default, anywhere"


async def test_deployments_of_a_team_serve_it_and_nobody_else(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (
            deployment(port, "ours"),
            deployment(port, "theirs", team_id="t"),
            deployment(port, "x", group="x", team_id="t"),
        )

    async with running(tmp_path, build) as rig:
        mine, other = rig.key(team_id="t"), rig.key(team_id="u")
        assert (await rig.chat(mine)).headers["x-litellm-model-id"] == "theirs"
        assert (await rig.chat(other)).headers["x-litellm-model-id"] == "ours"
        assert (await rig.chat(mine, model="x")).status == 200
        assert (await rig.chat(other, model="x")).status == 400
        assert b'"x"' not in (await rig.get("/v1/models", other)).body
        assert b'"x"' in (await rig.get("/v1/models", mine)).body


async def test_an_input_too_long_goes_where_it_fits(tmp_path: Path) -> None:
    def build(port: int) -> tuple[Deployment, ...]:
        return (
            deployment(port, "small", max_input_tokens=20, order=1),
            deployment(port, "large", max_input_tokens=2000, order=2),
            deployment(port, "huge", group="huge"),
        )

    rules = routing(input_check=True, context_window_fallbacks={"gpt": ("huge",)})
    async with running(tmp_path, build, routing=rules) as rig:
        long = [{"role": "user", "content": "x" * 400}]
        longest = [{"role": "user", "content": "x" * 20_000}]
        assert (await rig.chat(rig.key(), messages=long)).headers["x-litellm-model-id"] == "large"
        assert (await rig.chat(rig.key(), messages=longest)).headers["x-litellm-model-id"] == "huge"
        answer = await rig.chat(rig.key(), messages=longest, disable_fallbacks=True)
        assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")


async def test_a_conversation_stays_with_its_deployment_until_that_rests(tmp_path: Path) -> None:
    build = lambda port: tuple(deployment(port, name) for name in ("a", "b", "c"))  # noqa: E731
    async with running(tmp_path, build, routing=routing(affinity=("prompt_caching",))) as rig:
        key, first = rig.key(), {"role": "user", "content": "y" * 5000}
        homes = set()
        for turns in range(6):
            more = [{"role": "assistant", "content": "z"}, {"role": "user", "content": "and?"}] * turns
            homes.add((await rig.chat(key, messages=[first, *more])).headers["x-litellm-model-id"])
        assert len(homes) == 1
        assert rig.worker.table is not None
        home = next(target for target in rig.worker.table.targets if target.id in homes)
        home.health.rest(asyncio.get_running_loop().time(), 60.0)
        assert (await rig.chat(key, messages=[first])).headers["x-litellm-model-id"] not in homes


async def test_use_is_counted_where_the_strategy_needs_it(tmp_path: Path) -> None:
    build = lambda port: (deployment(port, "a", rpm=10), deployment(port, "b", rpm=10))  # noqa: E731
    async with running(tmp_path, build, routing=routing(strategy="usage-based-routing-v2")) as rig:
        key = rig.key()
        for _ in range(8):
            await rig.chat(key, simulate={"prompt_tokens": 30, "completion_tokens": 10})
        assert Counter(closed.deployment_id for closed in rig.journal()[1]) == {"a": 4, "b": 4}
        assert rig.worker.table is not None
        used = [target.health.use.figures(asyncio.get_running_loop().time()) for target in rig.worker.table.targets]
        assert used == [(4.0, 160.0), (4.0, 160.0)]
