"""What upstreams keep, through a whole worker: whose it is, who is asked for it, and that it costs what it costs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import PATHS, Rig, ask, deployment, running

from phantom_gateway.gateway.kept import PREVIOUS
from phantom_gateway.spine.messages import Limit
from phantom_gateway.spine.snapshot import Deployment, Routing

RESPONSES = {"responses": "/responses", "compact": "/responses/compact", "input_tokens": "/responses/input_tokens"}


def both(port: int) -> tuple[Deployment, ...]:
    native: dict[str, Any] = {"paths": PATHS | RESPONSES, "defaults": {"max_tokens": 50, "stop": ["x"]}}
    return (
        deployment(port, "one", **native),
        deployment(port, "two", **native),
        deployment(port, "other", group="other"),
        deployment(port, "only", group="only", paths=RESPONSES),
        deployment(port, "mocked", group="mocked", mock_response="three mocked words"),
    )


async def create(rig: Rig, key: str, **fields: Any) -> Any:
    answer = await rig.post(
        "/v1/responses", {"model": "gpt", "input": "hello there", "simulate": {"chunks": 4}} | fields, key
    )
    assert answer.status == 200, answer.body
    return answer.json()


def last(rig: Rig) -> Any:
    (request,) = rig.simulator.requests(1)
    return request


async def test_a_conversation_goes_on_where_it_is_kept(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        first = await create(rig, key)
        for stream in (False, True):
            sent = {"model": "gpt", "input": "more", PREVIOUS: first["id"], "stream": stream}
            for _ in range(4):
                answer = await rig.post("/v1/responses", sent, key)
                assert answer.status == 200, answer.body
                assert json.loads(last(rig)["body"])[PREVIOUS].startswith("resp_")
                assert json.loads(last(rig)["body"])[PREVIOUS] != first["id"]
        _, closed = rig.journal()
        assert len({record.deployment_id for record in closed}) == 1
        assert {record.usage.input for record in closed[1:]} == {5 + (4 + 3) + (1 + 3)}


async def test_what_is_kept_is_asked_for_with_the_id_that_was_given(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        made = await create(rig, key)
        path = f"/v1/responses/{made['id']}"
        found = await rig.get(path, key)
        assert (found.status, found.json()["id"], found.json()["model"]) == (200, made["id"], "gpt")
        assert (await rig.get(f"{path}/input_items?limit=3", key)).json()["object"] == "list"
        assert last(rig)["target"].endswith("/input_items?limit=3")
        cancelled = await rig.post(f"{path}/cancel", b"", key)
        assert (cancelled.status, cancelled.error["type"]) == (400, "invalid_request_error")
        headers = {"authorization": f"Bearer {key}"}
        gone = await ask(rig.port, "DELETE", path, b"", headers)
        assert gone.json() == {"id": made["id"], "object": "response", "deleted": True}
        assert (await rig.get(path, key)).status == 404
        assert (await ask(rig.port, "PATCH", path, b"", headers)).headers["allow"] == "GET, DELETE"
        _, closed = rig.journal()
        assert [record.call_type for record in closed] == [
            "aresponses", "aget_responses", "alist_input_items", "acancel_responses", "adelete_responses", "aget_responses",
        ]  # fmt: skip
        assert [record.cost.total > 0 for record in closed] == [True, *[False] * 5]


async def test_it_is_nobody_elses(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key, other = rig.key(), rig.key()
        made = await create(rig, key)
        requests = len(rig.simulator.requests(100))
        for path in ("", "/input_items"):
            answer = await rig.get(f"/v1/responses/{made['id']}{path}", other)
            assert (answer.status, answer.error["type"]) == (404, "not_found_error")
        answer = await rig.post("/v1/responses", {"model": "gpt", "input": "x", PREVIOUS: made["id"]}, other)
        assert (answer.status, answer.error["code"], answer.error["param"]) == (
            400,
            "previous_response_not_found",
            PREVIOUS,
        )
        (upstreams,) = [json.loads(each["body"]) for each in rig.simulator.requests(1)]
        assert "input" in upstreams
        for forged in ("resp_abc", "resp_", "x" * 3000, 7, ["a"]):
            answer = await rig.post("/v1/responses", {"model": "gpt", "input": "x", PREVIOUS: forged}, key)
            assert (answer.status, answer.error["param"]) == (400, PREVIOUS)
        assert len(rig.simulator.requests(100)) == requests


async def test_it_is_not_given_under_a_model_the_key_may_not_ask_for(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        made = await create(rig, key)
        (digest,) = rig.control.records
        record = rig.control.records[digest]
        import msgspec

        rig.control.records[digest] = msgspec.structs.replace(record, models=("other",))
        rig.worker.authenticator.cache.forget(())
        answer = await rig.get(f"/v1/responses/{made['id']}", key)
        assert (answer.status, answer.error["type"]) == (403, "key_model_access_denied")


async def test_another_model_does_not_go_on_with_it(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        made = await create(rig, key)
        for model in ("other", "only"):
            answer = await rig.post("/v1/responses", {"model": model, "input": "x", PREVIOUS: made["id"]}, key)
            assert (answer.status, answer.error["param"]) == (400, PREVIOUS)


async def test_nobody_else_is_asked_when_its_keeper_fails(tmp_path: Path) -> None:
    routing = Routing(num_retries=2, cooldown_s=0.0, fallbacks={"gpt": ("other",)})
    async with running(tmp_path, both, routing=routing) as rig:
        key = rig.key()
        made = await create(rig, key)
        sent = {"model": "gpt", "input": "x", PREVIOUS: made["id"], "simulate": {"mode": "500"}}
        answer = await rig.post("/v1/responses", sent, key)
        assert answer.status == 500
        _, closed = rig.journal()
        assert (closed[-1].fallbacks, closed[-1].deployment_id) == (0, closed[0].deployment_id)


async def test_what_cannot_be_metered_or_kept_apart_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        made = await create(rig, key)
        for name, value in (("background", True), ("conversation", "conv_1"), ("conversation", {"id": "conv_1"})):
            answer = await rig.post("/v1/responses", {"model": "gpt", "input": "x", name: value}, key)
            assert (answer.status, answer.error["param"]) == (400, name)
        silent = {"background": False, "conversation": None, PREVIOUS: None}
        assert (await rig.post("/v1/responses", {"model": "gpt", "input": "x"} | silent, key)).status == 200
        for query in ("stream=true", "a=1&stream=1", "a%0d=\x7f", "a=//b"):
            answer = await rig.get(f"/v1/responses/{made['id']}?{query}", key)
            assert answer.status == 400
        assert (await rig.get(f"/v1/responses/{made['id']}?stream=false&include[]=a", key)).status == 200


async def test_a_conversation_that_is_not_in_the_request_is_reserved_for(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        limit = Limit(scope="budget:key:x", kind="budget", entity="key:x", amount=100_000_000)
        key = rig.key(limits=(limit,))
        made = await create(rig, key)
        for fields in (
            {PREVIOUS: made["id"]},
            {"prompt": {"id": "p"}},
            {"input": [{"type": "item_reference", "id": "x"}]},
        ):
            answer = await rig.post("/v1/responses", {"model": "gpt", "input": "x"} | fields, key)
            assert (answer.status, answer.error["type"]) == (422, "budget_exceeded")
        file = [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x/y"}]}]
        assert (await rig.post("/v1/responses", {"model": "gpt", "input": file}, key)).status == 422


async def test_defaults_are_said_in_the_words_of_the_api(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        await create(rig, key, stream=False)
        body = json.loads(last(rig)["body"])
        assert (body["max_output_tokens"], "max_tokens" in body, "stop" in body) == (50, False, False)
        await rig.post("/v1/responses", {"model": "gpt", "input": "hi", "stream": True}, key)
        assert "stream_options" not in json.loads(last(rig)["body"])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_mocked_answer_is_a_response_too(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path, both) as rig:
        answer = await rig.post("/v1/responses", {"model": "mocked", "input": "hi", "stream": stream}, rig.key())
        assert b"three mocked words" in answer.body
        assert (b"event: response.completed" in answer.body) == stream
        assert rig.closed().usage.output == 20


async def test_counts_and_compaction(tmp_path: Path) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        asked = {"model": "gpt", "input": "hello there"}
        counted = await rig.post("/v1/responses/input_tokens", asked, key)
        assert counted.json() == {"object": "response.input_tokens", "input_tokens": 5}
        estimated = await rig.post("/responses/input_tokens", asked | {"model": "other"}, key)
        assert estimated.json()["object"] == "response.input_tokens"
        compacted = await rig.post("/openai/v1/responses/compact", asked, key)
        assert compacted.json()["object"] == "response.compaction"
        assert (await rig.post("/v1/responses/compact", asked | {"model": "other"}, key)).status == 400
        _, closed = rig.journal()
        assert [record.cost.total > 0 for record in closed[:3]] == [False, False, True]


@pytest.mark.parametrize("stream", [False, True])
async def test_other_formats_where_a_model_has_nothing_else(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path, both) as rig:
        key = rig.key()
        answer = await rig.chat(
            key, "only", stream=stream, simulate={"chunks": 4, "cached_tokens": 2, "reasoning_tokens": 3}
        )
        assert answer.status == 200
        assert last(rig)["target"] == "/v1/responses"
        assert json.loads(last(rig)["body"])["store"] is False
        usage = rig.closed().usage
        assert (usage.input, usage.cache_read, usage.output, usage.reasoning) == (3, 2, 4, 3)
        sent = {"model": "only", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}], "stream": stream}
        answer = await rig.post("/v1/messages", sent, key)
        assert answer.status == 200
