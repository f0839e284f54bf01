from __future__ import annotations

import asyncio
import errno
import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import ASKED, deployment, eventually, running

from phantom_gateway.gateway.admit import TOKENS_PER_IMAGE
from phantom_gateway.gateway.body import EXPECTED_OUTPUT
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.permit import check_route
from phantom_gateway.ledger.journal import StorageFullError
from phantom_gateway.spine.messages import KeyRecord, LeaseAsk
from phantom_gateway.spine.snapshot import Prices, Settings

USD = 1_000_000_000


async def test_a_model_that_may_not_be_used(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.chat(rig.key(models=("other",)))
        assert (answer.status, answer.error["type"]) == (403, "key_model_access_denied")
        assert answer.error["param"] == "model"
        assert rig.journal() == ([], [])


async def test_an_unknown_model(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.chat(rig.key(), model="nope")
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
        assert answer.error["message"].startswith("Invalid model name passed in model=nope. Call `/v1/models`")


async def test_a_management_key_calls_no_model(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        for kind, status in (("management", 403), ("read_only", 403), ("llm_api", 200), ("default", 200)):
            assert (await rig.chat(rig.key(key_type=kind))).status == status


async def test_aliases_of_the_key(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.chat(rig.key(model_aliases={"mine": "gpt"}), model="mine")
        assert (answer.status, answer.json()["model"]) == (200, "mine")
        assert (rig.closed().model, rig.closed().group) == ("mine", "gpt")


async def test_requests_per_window(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("requests", 2)
        answers = [await rig.chat(key) for _ in range(3)]
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert [answer.headers.get("x-ratelimit-remaining-requests") for answer in answers[:2]] == ["1", "0"]
        refused = answers[2]
        assert refused.error["type"] == "throttling_error"
        assert refused.error["message"].startswith(
            "Rate limit exceeded for key:x. Limit type: requests. Current limit: 2, Remaining: 0."
        )
        assert refused.headers["rate_limit_type"] == "requests"
        assert 1 <= int(refused.headers["retry-after"]) <= 121
        assert refused.error["details"]["limit"] == 2
        opened, closed = rig.journal()
        assert (len(opened), len(closed)) == (2, 2)


async def test_a_token_limit_below_the_estimate_admits_one(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("tokens", 20)
        assert (await rig.chat(key, simulate={"chunks": 30})).status == 200
        assert (await rig.chat(key)).status == 429


async def test_parallel_requests(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("parallel", 1, "")
        first = asyncio.get_running_loop().create_task(rig.chat(key, simulate={"first_ms": 200}))
        await eventually(lambda: rig.simulator.counts()["total"]["requests"] == 1)
        refused = await rig.chat(key)
        assert (refused.status, refused.headers["rate_limit_type"]) == (429, "parallel")
        assert (await first).status == 200
        assert (await rig.chat(key)).status == 200


async def test_a_budget_is_reserved_before_the_call(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("budget", 3_000_000, "30d")
        refused = await rig.chat(key, max_tokens=2000)
        assert (refused.status, refused.error["type"]) == (422, "budget_exceeded")
        assert refused.error["message"].startswith("Budget has been exceeded! key:x Current cost: $0.00, ")
        assert refused.error["details"]["unit"] == "usd"
        assert rig.simulator.counts()["total"]["requests"] == 0
        assert (await rig.chat(key, max_tokens=5)).status == 200
        opened, (closed,) = rig.journal()
        (spend,) = closed.spends
        assert spend.amount == closed.cost.total > 0
        assert opened[0].reserved[0].amount > spend.amount


async def test_the_status_of_a_spent_budget_is_a_setting(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(budget_exceeded_status=429)) as rig:
        assert (await rig.chat(rig.limited("budget", 1, "30d"))).status == 429


async def test_an_unpriced_model_needs_no_budget(tmp_path: Path) -> None:
    async with running(tmp_path, lambda port: (deployment(port, prices=Prices()),)) as rig:
        assert (await rig.chat(rig.limited("budget", 1, "30d"))).status == 200


@pytest.mark.parametrize(
    ("fields", "tokens_out"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 9, "max_tokens": 7}, 9),
        ({}, 1000),
        ({"max_tokens": 7, "n": 3}, 21),
    ],
)
async def test_the_worst_case(tmp_path: Path, fields: dict[str, Any], tokens_out: int) -> None:
    async with running(tmp_path) as rig:
        body = {"model": "gpt", "messages": [{"role": "user", "content": "x"}]} | fields
        raw = json.dumps(body).encode()
        assert (await rig.post("/v1/chat/completions", raw, rig.limited("budget", USD, "30d"))).status == 200
        (opened,), _ = rig.journal()
        assert opened.reserved[0].amount == len(raw) * 1000 + tokens_out * 2000
        assert opened.input_tokens == len(raw) // 4 + 1
        assert opened.estimate == opened.input_tokens * 1000 + min(tokens_out, EXPECTED_OUTPUT) * 2000


async def test_an_image_by_address_costs_more_than_its_bytes(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        content = [{"type": "image_url", "image_url": {"url": "https://x.example/cat.png"}}]
        body = {"model": "gpt", "max_tokens": 1, "messages": [{"role": "user", "content": content}]}
        raw = json.dumps(body).encode()
        await rig.post("/v1/chat/completions", raw, rig.limited("budget", USD, "30d"))
        (opened,), _ = rig.journal()
        assert opened.reserved[0].amount == (len(raw) + 2 * TOKENS_PER_IMAGE) * 1000 + 2000


async def test_labels_of_the_caller(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key(alias="a", user_id="u", team_id="t", org_id="o", tags=("x",))
        body = {"model": "gpt", "messages": [], "user": "end-user"}
        headers = {"x-litellm-session-id": "s", "x-litellm-trace-id": "r"}
        await rig.post("/v1/chat/completions", body, key, **headers)
        closed = rig.closed()
        assert (closed.key_alias, closed.user_id, closed.team_id, closed.org_id, closed.tags) == (
            "a",
            "u",
            "t",
            "o",
            ("x",),
        )
        assert (closed.end_user, closed.session_id, closed.trace_id) == ("end-user", "s", "r")


async def test_the_end_user_in_a_header_is_bounded(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        body = {"model": "gpt", "messages": ASKED}
        await rig.post("/v1/chat/completions", body, rig.key(), **{"x-litellm-customer-id": "c" * 1000})
        assert rig.closed().end_user == "c" * 256


async def test_limits_that_nobody_can_check(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("budget", USD, "30d")
        free = rig.key()
        assert (await rig.chat(free)).status == 200
        assert (await rig.get("/v1/models", key)).status == 200
        rig.control.hang_up()
        rig.control.silent = True
        await eventually(lambda: not rig.worker.spine.connected)
        refused = await rig.chat(key)
        assert (refused.status, refused.error["type"]) == (503, "limiter_unavailable")
        assert (await rig.chat(free)).status == 200
        assert rig.control.told(LeaseAsk) == []


async def test_a_full_disk_refuses_before_any_upstream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("parallel", 1, "")

        def full(_record: object) -> int:
            raise StorageFullError(errno.ENOSPC, "no space")

        with monkeypatch.context() as patched:
            patched.setattr(type(rig.worker.journal), "append", lambda _self, record: full(record))
            refused = await rig.chat(key)
        assert (refused.status, refused.error["type"]) == (503, "storage_full")
        assert rig.simulator.counts()["total"]["requests"] == 0
        assert (await rig.chat(key)).status == 200, "the slot came back"


@pytest.mark.parametrize(
    ("allowed", "path", "may"),
    [
        ((), b"/v1/chat/completions", True),
        (("llm_api_routes",), b"/v1/chat/completions", True),
        (("/v1/chat/completions",), b"/v1/chat/completions", True),
        (("/v1/chat/completions",), b"/chat/completions", False),
        (("/v1/embeddings",), b"/v1/chat/completions", False),
        (("/v1/*",), b"/v1/chat/completions", True),
        (("/v1/*",), b"/engines/x/completions", False),
        (("management_routes",), b"/v1/models", False),
    ],
)
def test_which_routes_a_key_may_call(allowed: tuple[str, ...], path: bytes, may: bool) -> None:
    key = KeyRecord(id="k", allowed_routes=allowed)
    if may:
        check_route(key, path)
        return
    with pytest.raises(ApiError) as caught:
        check_route(key, path)
    assert (caught.value.status, caught.value.kind) == (403, "auth_error")
    assert "not allowed to call this route" in caught.value.message
