from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.http.raw import statuses, talk
from tests.unit.gateway.rig import ASKED, Rig, ask, running

from phantom_gateway.gateway.corridor import Corridor
from phantom_gateway.spine.snapshot import Settings


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"model": "gpt", "messages": ASKED}),
        ("/chat/completions", {"model": "gpt", "messages": ASKED}),
        ("/cursor/chat/completions", {"model": "gpt", "messages": ASKED}),
        ("/engines/gpt/chat/completions", {"messages": ASKED}),
        ("/openai/deployments/gpt/chat/completions?api-version=2024-10-21", {"messages": ASKED}),
        ("/v1/completions", {"model": "gpt", "prompt": "x"}),
        ("/engines/gpt/completions", {"prompt": "x"}),
        ("/v1/embeddings", {"model": "gpt", "input": "x"}),
        ("/embeddings", {"model": "gpt", "input": ["x", "y"]}),
    ],
)
async def test_the_whole_way(tmp_path: Path, path: str, body: dict[str, object]) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.post(path, body, rig.key())
        assert answer.status == 200, answer.body
        assert answer.headers["x-litellm-call-id"] == rig.closed().id
        assert answer.headers["x-litellm-model-group"] == "gpt"
        assert "server" not in answer.headers
        assert rig.closed().cost.total == round(float(answer.headers["x-litellm-response-cost"]) * 1e9)


async def test_call_ids_are_shaped_like_uuids_and_never_repeat(tmp_path: Path) -> None:
    from uuid import UUID

    async with running(tmp_path) as rig:
        ids = [rig.worker.next_call_id() for _ in range(1000)]
        assert len(set(ids)) == 1000
        assert {UUID(call_id).version for call_id in ids} == {4}


@pytest.mark.parametrize(
    ("path", "shape"),
    [
        ("/v1/chat/completions", {"error": {"type": "invalid_request_error", "code": "413"}}),
        ("/v1/messages?beta=true", {"type": "error", "error": {"type": "request_too_large"}}),
        ("/v1beta/models/gpt:generateContent", {"error": {"code": 413}}),
        ("/v1/responses", {"error": {"type": "invalid_request_error"}}),
        ("/nowhere", {"error": {"code": "413"}}),
    ],
)
async def test_what_never_becomes_a_request_is_refused_in_the_callers_words(
    tmp_path: Path, path: str, shape: dict[str, Any]
) -> None:
    async with running(tmp_path) as rig:
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n"
        got, _ = await talk(rig.port, [head.encode()])
        assert statuses(got) == [413]
        said = json.loads(got.partition(b"\r\n\r\n")[2])
        assert said.get("type") == shape.get("type")
        assert said["error"] | shape["error"] == said["error"]
        assert "too large" in said["error"]["message"]


@given(st.binary(max_size=80), st.sampled_from([400, 408, 413, 431, 500, 503]))
def test_any_path_has_a_refusal(path: bytes, status: int) -> None:
    headers, body = Corridor.refused(status, "no", path)
    assert "error" in json.loads(body)
    assert ((b"retry-after", b"1") in headers) == (status == 503)


async def test_wrong_methods(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.get("/v1/chat/completions", rig.key())
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        answer = await rig.post("/v1/models", {}, rig.key())
        assert (answer.status, answer.headers["allow"]) == (405, "GET")


async def test_a_body_that_cannot_be_read_comes_after_the_key(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.post("/v1/chat/completions", b"{", "sk-ph-wrong")
        assert answer.status == 401
        answer = await rig.post("/v1/chat/completions", b"{", rig.key())
        assert (answer.status, answer.error["param"]) == (400, "request_body")
        assert rig.journal() == ([], [])


async def test_health(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        for path in ("/health/liveliness", "/health/liveness"):
            answer = await rig.get(path)
            assert (answer.status, answer.json()) == (200, "I'm alive!")
        answer = await rig.get("/health/readiness")
        assert (answer.status, answer.json()) == (200, {"status": "healthy", "db": "connected"})


async def test_models_need_a_key(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key()
        for path in ("/v1/models", "/models"):
            assert (await rig.get(path)).status == 401
            assert [model["id"] for model in (await rig.get(path, key)).json()["data"]] == ["gpt"]
        assert (await rig.get("/v1/models/gpt", key)).json()["id"] == "gpt"
        assert (await rig.get("/models/nope", key)).status == 404
        head = await ask(rig.port, "HEAD", "/v1/models", b"", {"authorization": f"Bearer {key}"})
        assert (head.status, head.body) == (200, b"")


async def management(rig: Rig) -> int:
    return (await rig.get("/key/info", rig.key())).status


async def test_management_is_elsewhere_when_it_has_its_own_listener(tmp_path: Path) -> None:
    async with running(tmp_path / "a", settings=Settings(data_port_admin=False)) as rig:
        assert await management(rig) == 404
    async with running(tmp_path / "b") as rig:
        assert await management(rig) == 503, "there is no control socket here"


async def test_nothing_is_served_before_the_first_snapshot(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.worker.table = None
        for answer in (await rig.chat(rig.key()), await rig.get("/v1/models", rig.key())):
            assert (answer.status, answer.error["type"]) == (503, "service_unavailable")
        assert (await rig.get("/health/readiness")).status == 503


async def test_what_the_caller_sent_goes_on_untouched(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        raw = b'{"model":"gpt","messages":[{"role":"user","content":"\xc3\xa9\\u00e9"}],"top_p":0.10,"new":{"b":1,"a":[1e5]}}'
        assert (await rig.post("/v1/chat/completions", raw, rig.key())).status == 200
        arrived = rig.simulator.requests()[-1]["body"].encode()
        assert arrived == raw.replace(b'"gpt"', b'"up"')
        json.loads(arrived)


async def test_what_claude_code_reports_of_itself_is_taken_and_not_kept(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        for path in ("/api/event_logging/batch", "/api/event_logging/v2/batch"):
            answer = await rig.post(path, {"events": [{"secret": "canary"}]}, rig.key())
            assert (answer.status, answer.body) == (200, b'{"status":"ok"}')
        assert (await rig.post(path, {"events": []}, "sk-wrong")).status == 401
        assert (await rig.get(path, rig.key())).status == 405
        assert rig.journal() == ([], [])


async def test_models_as_googles_clients_read_them(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key()
        for path in ("/v1beta/models", "/v1/models"):
            answer = await ask(rig.port, "GET", path, b"", {"x-goog-api-key": key})
            assert [model["name"] for model in answer.json()["models"]] == ["models/gpt"]
        answer = await ask(rig.port, "GET", "/v1beta/models/gpt", b"", {"x-goog-api-key": key})
        assert answer.json()["name"] == "models/gpt"
        refused = await ask(rig.port, "GET", "/v1beta/models/nope", b"", {"x-goog-api-key": key})
        assert (refused.status, refused.error["status"]) == (404, "NOT_FOUND")
        refused = await ask(rig.port, "GET", f"/v1beta/agents?key={key}", b"", {})
        assert (refused.status, refused.error["status"]) == (404, "NOT_FOUND"), "a key in an address goes no further"
        refused = await ask(rig.port, "POST", "/v1beta/models", b"{}", {"x-goog-api-key": key})
        assert (refused.status, refused.error["status"]) == (405, "INVALID_ARGUMENT")


async def test_models_as_anthropics_clients_read_them(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        head = {"x-api-key": rig.key(), "anthropic-version": "2023-06-01"}
        answer = await ask(rig.port, "GET", "/v1/models", b"", head)
        assert answer.json()["first_id"] == "gpt"
        assert "first_id" not in (await rig.get("/v1/models", rig.key())).json()
