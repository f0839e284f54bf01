from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import ASKED, Answer, Rig, ask, running

from phantom_gateway.config.secret import Secret
from phantom_gateway.providers.passes import PASSES
from phantom_gateway.simulator.modes import MODES
from phantom_gateway.spine.messages import Limit
from phantom_gateway.spine.snapshot import Address, Deployment, HttpLimits, Pass, PricedModel, Prices

PRICES = Prices(version="t1", input=1_000_000_000, output=2_000_000_000)
LISTS = {
    name: {"gpt-4o": PricedModel(prices=PRICES, max_output_tokens=100)} for name in ("openai", "anthropic", "gemini")
}
CHAT = {"model": "gpt-4o", "messages": ASKED}


def passes(**fields: Any) -> Callable[[int], tuple[Pass, ...]]:
    """The built-in providers and ``/svc``, all leading to the simulator."""

    def build(port: int) -> tuple[Pass, ...]:
        address = Address(scheme="http", host="127.0.0.1", port=port, allow_private=("127.0.0.0/8",))
        made = []
        for each in PASSES:
            upstream = Deployment(
                id=f"pass-through/{each.name}", group=f"/{each.name}", provider=each.provider, model="*", address=address,
                api_key=Secret("sk-up-canary"), auth_header=each.auth_header, auth_prefix=each.auth_prefix,
            )  # fmt: skip
            made.append(
                Pass(
                    path=f"/{each.name}",
                    upstream=upstream,
                    shape=each.shape,
                    metered=each.metered,
                    free=each.free,
                    root=each.root,
                )
            )
        settings: dict[str, Any] = {"provider": "pass_through", "address": address, "api_key": Secret("sk-up-canary")}
        upstream = Deployment(id="pass-through/svc", group="/svc", model="*", **settings | fields.pop("upstream", {}))
        return (*made, Pass(path="/svc", upstream=upstream, **fields))

    return build


def serving(tmp_path: Path, **fields: Any) -> Any:
    return running(tmp_path, passes=passes(**fields), price_lists=LISTS)


async def sent(rig: Rig, method: str, path: str, key: str, body: bytes = b"", **headers: str) -> Answer:
    return await ask(rig.port, method, path, body, {"authorization": f"Bearer {key}"} | headers)


async def test_a_chat_passes_and_is_billed_by_its_usage(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        answer = await rig.post("/openai/v1/chat/completions", {**CHAT, "unknown": 1}, rig.key())
        assert answer.json()["choices"][0]["message"]["content"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        usage, closed = answer.json()["usage"], rig.closed()
        assert (closed.usage.input, closed.usage.output) == (usage["prompt_tokens"], usage["completion_tokens"])
        assert closed.cost.total == usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 2000
        assert (closed.call_type, closed.group, closed.model) == ("pass_through_endpoint", "/openai", "gpt-4o")
        assert (closed.provider, closed.deployment_id, closed.status) == ("openai", "pass-through/openai", "success")
        (request,) = rig.simulator.requests()
        assert json.loads(request["body"]) == {**CHAT, "unknown": 1}
        assert request["target"] == "/v1/chat/completions"
        assert request["headers"].count(["host", f"127.0.0.1:{rig.simulator_port}"]) == 1


@pytest.mark.parametrize("path", ["/openai/chat/completions", "/openai_passthrough/v1/chat/completions"])
@pytest.mark.parametrize("told", [False, True])
async def test_streams_pass_unchanged(tmp_path: Path, path: str, told: bool) -> None:
    body = {**CHAT, "stream": True} | ({"stream_options": {"include_usage": True}} if told else {})
    async with serving(tmp_path) as rig:
        answer = await rig.post(path, body, rig.key())
        direct = await ask(rig.simulator_port, "POST", "/v1/chat/completions", json.dumps(body).encode(), {})
        assert answer.body == direct.body
        closed = rig.closed()
        assert closed.usage.source == ("provider" if told else "estimated")
        assert (closed.stream, closed.cost.total > 0, closed.ttft_us is not None) == (True, True, True)


async def test_vectors_are_no_words(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        answer = await rig.post("/openai/v1/embeddings", {"model": "gpt-4o", "input": "one two three"}, rig.key())
        closed = rig.closed()
        assert (answer.status, closed.usage.input, closed.usage.output, closed.cost.total) == (200, 3, 0, 3000)


async def test_every_method_passes_and_other_answers_too(tmp_path: Path) -> None:
    async with serving(tmp_path, subpaths=True) as rig:
        key = rig.key()
        assert (await sent(rig, "GET", "/openai/v1/models", key)).json()["data"][0]["id"] == "demo"
        for method in ("PUT", "PATCH", "DELETE", "OPTIONS"):
            assert (await sent(rig, method, "/svc/thing", key)).status == 405  # the simulator's own
        assert (await sent(rig, "HEAD", "/svc/v1/models", key)).status in (200, 405)
        assert {request["method"] for request in rig.simulator.requests()} >= {
            "GET",
            "PUT",
            "PATCH",
            "DELETE",
            "OPTIONS",
            "HEAD",
        }
        opened, closed = rig.journal()
        assert len(opened) == len(closed) == 6
        assert all(record.cost.total == 0 for record in closed)


async def test_only_a_key_that_may(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        for headers in ({}, {"authorization": "Bearer sk-unknown"}):
            assert (await ask(rig.port, "POST", "/openai/v1/chat/completions", b"{}", headers)).status == 401
        refused = {
            "type": rig.key(key_type="management"),
            "route": rig.key(allowed_routes=("/v1/chat/completions", "openai_routes")),
            "model": rig.key(models=("gpt-4o-mini",)),
            "team": rig.key(model_lists=(("team", ("other",)),)),
        }
        for why, key in refused.items():
            assert (await rig.post("/openai/v1/chat/completions", CHAT, key)).status == 403, why
        for allowed in (
            ("/openai/*",),
            ("mapped_pass_through_routes",),
            ("llm_api_routes",),
            ("/openai/v1/chat/completions",),
        ):
            assert (await rig.post("/openai/v1/chat/completions", CHAT, rig.key(allowed_routes=allowed))).status == 200
        lists: dict[int, list[tuple[tuple[str, ...], ...]]] = {
            200: [(("/openai",),), (("/openai/v1/*", "/svc"), ("/openai/v1/chat/completions",))],
            403: [(("/openai/v1/chat",), ("/svc",)), (("/open",),), (("/openai/v1/chat/completions/",),)],
        }
        for status, admitted in lists.items():
            for passed in admitted:
                key = rig.key(passed_routes=passed)
                assert (await rig.post("/openai/v1/chat/completions", CHAT, key)).status == status, passed
        for denied in (("/openai",), ("/openai/v1/chat/completions",), ("/svc", "/openai/v1/*")):
            key = rig.key(passed_routes=(("/openai",),), denied_routes=denied)
            assert (await rig.post("/openai/v1/chat/completions", CHAT, key)).status == 403, denied
        escaped = rig.key(denied_routes=("/openai/v1/chat/completions",))
        assert (await rig.post("/openai/v1/ch%61t/completions", CHAT, escaped)).status == 403
        for models in (("gpt-4o",), ("openai/*",), ("openai/gpt-4o",)):
            assert (await rig.post("/openai/v1/chat/completions", CHAT, rig.key(models=models))).status == 200
        assert (await sent(rig, "POST", "/openai/v1/files", rig.key(models=("gpt-4o",)), b"x")).status == 403
        assert len(rig.simulator.requests()) == 9


async def test_googles_key_as_a_parameter(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        key = rig.key()
        path = "/gemini/v1beta/models/gpt-4o:countTokens"
        body = b'{"contents":[{"parts":[{"text":"hi"}]}]}'
        answer = await ask(rig.port, "POST", f"{path}?key={key}&alt=sse", body, {"content-type": "application/json"})
        assert answer.status == 200
        assert json.loads(answer.body)["totalTokens"] > 0
        assert (await ask(rig.port, "POST", f"{path}?key=sk-wrong", b"{}", {})).status == 401
        (request,) = rig.simulator.requests()
        assert request["target"] == "/v1beta/models/gpt-4o:countTokens?alt=sse"
        assert key not in json.dumps(request)
        assert "x-goog-api-key" in dict(request["headers"])


@pytest.mark.parametrize(
    "path",
    [
        "/openai//evil.example/v1",
        "/openai/v1/%2e%2e/x",
        "/openai/v1/..%2f",
        "/openai/v1/x%5cy",
        "/openai/%2F%2Fevil",
        "/svc/a//b",
    ],
)
async def test_tricks_with_the_path(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path) as rig:
        assert (await sent(rig, "GET", path, rig.key())).status == 400
        assert rig.simulator.requests() == []
        assert rig.journal() == ([], [])


async def test_limits_and_budgets_hold(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        once = rig.limited("requests", 1)
        answers = [(await rig.post("/openai/v1/chat/completions", CHAT, once)).status for _ in range(2)]
        assert answers == [200, 429]
        poor = rig.limited("budget", 150_000, "30d")
        assert (await rig.post("/openai/v1/chat/completions", CHAT, poor)).status == 422
        assert (await rig.post("/openai/v1/chat/completions", {**CHAT, "max_tokens": 5}, poor)).status == 200
        own = Limit(scope="requests:key:m:60s", kind="requests", entity="key:m/model:gpt-4o", amount=1)
        by_model = rig.key(model_limits={"gpt-4o": (own,)})
        assert [(await rig.post("/openai/v1/chat/completions", CHAT, by_model)).status for _ in range(2)] == [200, 429]


async def test_what_is_made_in_the_background_is_refused_and_escapes_change_nothing(tmp_path: Path) -> None:
    """What it costs is known to nobody when it is asked for."""
    async with serving(tmp_path) as rig:
        asked = {"model": "gpt-4o", "input": "hi", "background": True}
        for path in ("/openai_passthrough/v1/responses", "/openai_passthrough/v1/respons%65s"):
            answer = await rig.post(path, asked, rig.key())
            assert (answer.status, answer.error["param"]) == (400, "background"), path
        assert rig.simulator.requests() == []
        await rig.post("/openai_passthrough/v1/chat/comp%6Cetions", CHAT, rig.key())
        assert rig.journal()[0][-1].worst > 0, "reserved like the path without escapes"


async def test_what_has_no_price_is_nothing_for_a_budget(tmp_path: Path) -> None:
    async with serving(tmp_path, subpaths=True) as rig:
        rich = rig.limited("budget", 10**12, "30d")
        for path, body in (
            ("/openai/v1/chat/completions", {**CHAT, "model": "unheard-of"}),
            ("/openai/v1/batches", {"input_file_id": "f"}),
            ("/openai/v1/fine_tuning/jobs", {"model": "gpt-4o"}),
            ("/svc/v1/chat/completions", CHAT),
        ):
            answer = await rig.post(path, body, rich, **{"content-type": "application/json"})
            assert (answer.status, answer.error["param"]) == (400, "path"), path
        assert rig.simulator.requests() == []
        assert (await sent(rig, "GET", "/openai/v1/models", rich)).status == 200


async def test_a_price_for_each_request(tmp_path: Path) -> None:
    upstream = {"prices": Prices(version="config", request=5_000_000)}
    async with serving(tmp_path, subpaths=True, upstream=upstream) as rig:
        key = rig.limited("budget", 8_000_000, "30d")
        body = json.dumps(CHAT).encode()
        answers = [await sent(rig, "POST", "/svc/v1/chat/completions", key, body) for _ in range(2)]
        assert [answer.status for answer in answers] == [200, 422]
        assert (rig.journal()[1][0].cost.total, rig.journal()[1][0].price_version) == (5_000_000, "config")


async def test_methods_and_subpaths_of_the_configuration(tmp_path: Path) -> None:
    async with serving(
        tmp_path, subpaths=False, methods=("POST",), upstream={"base_path": "/v1/chat/completions"}
    ) as rig:
        key = rig.key()
        assert (await sent(rig, "POST", "/svc", key, json.dumps(CHAT).encode())).status == 200
        refused = await sent(rig, "GET", "/svc", key)
        assert (refused.status, refused.headers["allow"]) == (405, "POST")
        assert (await sent(rig, "POST", "/svc/more", key, b"{}")).status != 200
        assert len(rig.simulator.requests()) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"{", 400), (b'{"model": "a", "model": "b"}', 400), (b"[]", 400), (b'{"model": "a\\u0000"}', 400)],
)
async def test_bodies_that_two_readers_read_differently(tmp_path: Path, body: bytes, status: int) -> None:
    async with serving(tmp_path) as rig:
        answer = await sent(rig, "POST", "/openai/v1/chat/completions", rig.key(), body)
        assert answer.status == status
        packed = await sent(rig, "POST", "/openai/v1/files", rig.key(), b"x", **{"content-encoding": "gzip"})
        assert packed.status == 415
        assert rig.simulator.requests() == []


async def test_large_bodies_pass_within_the_bound(tmp_path: Path) -> None:
    http = HttpLimits(max_body=2 * 1024 * 1024)
    async with running(tmp_path, passes=passes(subpaths=True), http=http) as rig:
        key = rig.key()
        assert (await sent(rig, "PUT", "/svc/up", key, bytes(1024 * 1024))).status == 405
        assert (await sent(rig, "PUT", "/svc/up", key, bytes(3 * 1024 * 1024))).status == 413


@pytest.mark.parametrize(
    "mode", sorted(set(MODES) - {"slow_drip", "stall", "chunk_no_end", "slow_first_byte", "huge_body"})
)
async def test_every_broken_upstream_leaves_one_answer_and_one_record(tmp_path: Path, mode: str) -> None:
    async with serving(tmp_path) as rig:
        for stream in (False, True):
            body = {**CHAT, "stream": stream, "simulate": {"mode": mode, "size": 100_000}}
            answer = await rig.post("/openai/v1/chat/completions", body, rig.key())
            assert answer.status in (0, 200, 204, 400, 404, 408, 413, 429, 500, 502, 503, 504, 529)
            assert b"sk-up-canary" not in answer.body
            assert "set-cookie" not in answer.headers
            assert "location" not in answer.headers
        opened, closed = rig.journal()
        assert [record.n for record in opened] == [record.opened for record in closed]
        assert len(closed) == 2
        assert all(record.cost.total >= 0 for record in closed)


async def test_credentials_that_are_refused_are_no_business_of_the_callers(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        body = {**CHAT, "simulate": {"mode": "401"}}
        answer = await rig.post("/openai/v1/chat/completions", body, rig.key())
        assert (answer.status, answer.error["type"]) == (502, "upstream_authentication_error")
        limited = await rig.post("/openai/v1/chat/completions", {**CHAT, "simulate": {"mode": "429"}}, rig.key())
        assert (limited.status, limited.headers["retry-after"]) == (429, "1")
        redirected = await rig.post(
            "/openai/v1/chat/completions", {**CHAT, "simulate": {"mode": "redirect"}}, rig.key()
        )
        assert redirected.status == 502


async def test_a_stranger_is_answered_before_his_body_is_kept(tmp_path: Path) -> None:
    async with serving(tmp_path) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(
            b"POST /openai/v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-no\r\ncontent-length: 1000000\r\n\r\n"
        )
        assert (await reader.readline()).startswith(b"HTTP/1.1 401")
        writer.close()


async def test_nobody_is_there(tmp_path: Path) -> None:
    address = Address(scheme="http", host="127.0.0.1", port=1, allow_private=("127.0.0.0/8",))
    async with serving(tmp_path, subpaths=True, upstream={"address": address}) as rig:
        assert (await sent(rig, "GET", "/svc/x", rig.key())).status == 502
        assert rig.closed().status == "failure"
    inside = Address(scheme="http", host="127.0.0.1", port=1)
    async with serving(tmp_path / "egress", subpaths=True, upstream={"address": inside}) as rig:
        answer = await sent(rig, "GET", "/svc/x", rig.key())
        assert (answer.status, "egress" in answer.error["message"]) == (502, True)
