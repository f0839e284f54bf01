"""Images, audio, rankings and moderations through a worker: every operation, its bill, its limits, and every broken upstream."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import QUICK, Answer, Rig, deployment, running

from phantom_gateway.config.secret import Secret
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.ledger.usage import Media
from phantom_gateway.providers.catalogue import OPENAI_PATHS
from phantom_gateway.simulator import media as simulated
from phantom_gateway.simulator.modes import MODES
from phantom_gateway.spine.snapshot import Deployment, Prices, Routing
from phantom_gateway.wire import multipart
from phantom_gateway.wire.multipart import Part, field

PATHS = dict(OPENAI_PATHS)
BOUNDARY = b"----b1"
FORM = {"content-type": "multipart/form-data; boundary=----b1"}
SOUND = bytes(range(256)) * 40
RANKING = {"query": "black cat", "documents": ["a dog", "a black cat"]}
ASKS: dict[str, dict[str, Any]] = {
    "/v1/moderations": {"input": "hello"},
    "/v1/images/generations": {"prompt": "a cat"},
    "/v1/audio/speech": {"input": "hello", "voice": "alloy"},
    "/v1/rerank": RANKING,
}
TABLE = PriceTable.load()


def media(model: str = "up", **fields: Any) -> Callable[[int], tuple[Deployment, ...]]:
    return lambda port: (deployment(port, "d1", model, paths=PATHS, **fields),)


def priced(provider: str, model: str) -> Prices:
    found = TABLE.lookup(provider, model)
    assert found is not None
    return found.prices


def upload(name: str, content: bytes, **fields: str) -> bytes:
    head = b'Content-Disposition: form-data; name="%b"; filename="a.bin"\r\nContent-Type: audio/wav\r\n' % name.encode()
    parts = [field(key, value.encode()) for key, value in ({"model": "gpt"} | fields).items()]
    return multipart.render([*parts, Part(name, memoryview(content), head, True)], BOUNDARY)


async def transcribe(rig: Rig, key: str, content: bytes = SOUND, **fields: str) -> Answer:
    return await rig.post("/v1/audio/transcriptions", upload("file", content, **fields), key, **FORM)


@pytest.mark.parametrize("path", ASKS)
async def test_json_in(tmp_path: Path, path: str) -> None:
    async with running(tmp_path, media()) as rig:
        answer = await rig.post(path, {"model": "gpt"} | ASKS[path], rig.key())
        assert (answer.status, answer.whole) == (200, True), answer.body
        assert answer.headers["x-litellm-model-id"] == "d1"
        closed = rig.closed()
        assert (closed.status, closed.http_status, closed.upstream_model) == ("success", 200, "up")
        assert closed.cost.total > 0
        (sent,) = rig.simulator.requests()
        assert sent["target"] == path
        assert json.loads(sent["body"])["model"] == "up"


@pytest.mark.parametrize(
    "path",
    [
        "/moderations",
        "/images/generations",
        "/openai/deployments/gpt/images/generations",
        "/openai/deployments/gpt/audio/speech",
        "/audio/speech",
        "/rerank",
        "/v2/rerank",
    ],
)
async def test_aliases(tmp_path: Path, path: str) -> None:
    asked = next(fields for alias, fields in ASKS.items() if path.endswith(alias.removeprefix("/v1")))
    async with running(tmp_path, media()) as rig:
        assert (await rig.post(path, {"model": "gpt"} | asked, rig.key())).status == 200


async def test_moderations_without_a_model(tmp_path: Path) -> None:
    async with running(tmp_path, media(group="omni-moderation-latest")) as rig:
        assert (await rig.post("/v1/moderations", {"input": "x"}, rig.key())).json()["results"]
        assert (await rig.post("/v1/rerank", RANKING, rig.key())).error["param"] == "model"


async def test_speech_is_bytes(tmp_path: Path) -> None:
    prices = priced("openai", "tts-1")
    async with running(tmp_path, media(prices=prices)) as rig:
        answer = await rig.post(
            "/v1/audio/speech", {"model": "gpt", "input": "hello", "response_format": "wav"}, rig.key()
        )
        assert len(answer.body) == 5 * simulated.SPEECH_OCTETS
        assert (answer.headers["content-type"], answer.headers["x-content-type-options"]) == ("audio/wav", "nosniff")
        assert "x-litellm-response-cost" not in answer.headers
        closed = rig.closed()
        assert (closed.cost.total, closed.cost.input) == (5 * 15_000, 5 * 15_000)
        assert closed.usage.media == Media(characters=5)


async def test_a_transcript_from_a_form(tmp_path: Path) -> None:
    async with running(tmp_path, media("whisper-1", prices=priced("openai", "whisper-1"))) as rig:
        answer = await transcribe(rig, rig.key(), language="de", num_retries="1", user="u1")
        assert answer.json()["text"] == simulated.TRANSCRIPT
        closed = rig.closed()
        assert closed.usage.media == Media(audio_ms=2560)
        assert (closed.cost.total, closed.cost.audio, closed.end_user) == (256_000, 256_000, "u1")
        (sent,) = rig.simulator.requests()
        assert dict(sent["headers"])["content-type"] == 'multipart/form-data; boundary="----b1"'
        assert "whisper-1" in sent["body"]
        assert "num_retries" not in sent["body"]


async def test_a_transcript_as_text_is_billed_by_its_length(tmp_path: Path) -> None:
    async with running(tmp_path, media("whisper-1", prices=priced("openai", "whisper-1"))) as rig:
        answer = await transcribe(rig, rig.key(), response_format="text")
        assert answer.body.decode().strip() == simulated.TRANSCRIPT
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert "x-litellm-response-cost" in answer.headers
        closed = rig.closed()
        assert (closed.usage.media, closed.usage.source) == (Media(audio_ms=2561), "estimated")


@pytest.mark.parametrize(("path", "body"), [
    ("/v1/audio/transcriptions", upload("file", SOUND, stream="true")),
    ("/v1/images/generations", {"model": "gpt", "prompt": "a", "stream": True, "partial_images": 2}),
    ("/v1/audio/speech", {"model": "gpt", "input": "hello", "stream_format": "sse"}),
])  # fmt: skip
async def test_streams(tmp_path: Path, path: str, body: Any) -> None:
    async with running(tmp_path, media()) as rig:
        answer = await rig.post(path, body, rig.key(), **(FORM if isinstance(body, bytes) else {}))
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert b"usage" in answer.body
        assert b"[DONE]" not in answer.body
        closed = rig.closed()
        assert (closed.status, closed.usage.source) == ("success", "provider")
        assert closed.cost.total > 0
        assert "stream_options" not in rig.simulator.requests()[0]["body"]


async def test_image_edits(tmp_path: Path) -> None:
    async with running(tmp_path, media(prices=priced("openai", "gpt-image-1"))) as rig:
        body = upload("image[]", b"png", prompt="a cat", size="1024x1024", quality="low", n="2")
        answer = await rig.post("/v1/images/edits", body, rig.key(), **FORM)
        assert len(answer.json()["data"]) == 2
        closed = rig.closed()
        assert closed.usage.media == Media(image_input=100, image_output=2000)
        assert closed.usage.images == 2
        assert closed.cost.total == 2 * 5_000 + 100 * 10_000 + 2000 * 40_000
        plain = await rig.post(
            "/v1/images/edits", {"model": "gpt", "prompt": "a", "images": [{"file_id": "f"}]}, rig.key()
        )
        assert plain.status == 200


async def test_a_form_is_sent_again(tmp_path: Path) -> None:
    routing = Routing(**{name: getattr(QUICK, name) for name in QUICK.__struct_fields__} | {"num_retries": 2})
    async with running(tmp_path, media("up;mode=503,fail_first=2,key=a"), routing=routing) as rig:
        answer = await transcribe(rig, rig.key())
        assert (answer.status, answer.headers["x-litellm-attempted-retries"]) == (200, "2")
        first, second, third = [request["body"] for request in rig.simulator.requests()]
        assert first == second == third


async def test_a_form_goes_to_a_fallback_under_its_name(tmp_path: Path) -> None:
    def two(port: int) -> tuple[Deployment, ...]:
        return (
            deployment(port, "d1", "up;mode=500", paths=PATHS),
            deployment(port, "d2", "other", group="b", paths=PATHS),
        )

    routing = Routing(
        **{name: getattr(QUICK, name) for name in QUICK.__struct_fields__} | {"fallbacks": {"gpt": ("b",)}}
    )
    async with running(tmp_path, two, routing=routing) as rig:
        assert (await transcribe(rig, rig.key())).status == 200
        assert rig.closed().upstream_model == "other"


async def test_budgets_are_reserved_before_the_call(tmp_path: Path) -> None:
    async with running(tmp_path, media(prices=priced("openai", "gpt-image-1"))) as rig:
        asked = {"model": "gpt", "prompt": "a cat", "size": "1024x1024", "quality": "high"}
        poor = rig.limited("budget", 100_000_000, "30d")
        refused = await rig.post("/v1/images/generations", asked, poor)
        assert (refused.status, refused.error["type"]) == (422, "budget_exceeded")
        assert not rig.simulator.requests()
        cheap = await rig.post("/v1/images/generations", asked | {"quality": "low", "model": "gpt"}, poor)
        assert cheap.status == 200
        many = await rig.post("/v1/images/generations", asked | {"quality": "low", "n": 10}, poor)
        assert many.status == 422


async def test_keys_models_and_limits_hold(tmp_path: Path) -> None:
    async with running(tmp_path, media()) as rig:
        assert (await transcribe(rig, "sk-unknown")).status == 401
        assert (await transcribe(rig, rig.key(models=("other",)))).status == 403
        assert (await transcribe(rig, rig.key(key_type="management"))).status == 403
        assert (await transcribe(rig, rig.key(allowed_routes=("/v1/chat/completions",)))).status == 403
        once = rig.limited("requests", 1)
        assert [(await transcribe(rig, once)).status for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("body", "kind", "param"),
    [
        (b"x", FORM["content-type"], "request_body"),
        (upload("file", b"x", api_base="http://evil"), FORM["content-type"], "api_base"),
        (upload("other", b"x", model=""), FORM["content-type"], "model"),
        (multipart.render([field("model", b"gpt")], BOUNDARY), FORM["content-type"], "file"),
        (upload("file", b"x"), "multipart/form-data", "content-type"),
        (b'{"model": "gpt"}', "application/json", "file"),
    ],
)
async def test_bad_forms(tmp_path: Path, body: bytes, kind: str, param: str) -> None:
    async with running(tmp_path, media()) as rig:
        answer = await rig.post("/v1/audio/transcriptions", body, rig.key(), **{"content-type": kind})
        assert (answer.status, answer.error["param"]) == (400, param)
        assert rig.journal() == ([], [])


async def test_a_form_where_json_is_expected(tmp_path: Path) -> None:
    async with running(tmp_path, media()) as rig:
        answer = await rig.post("/v1/rerank", upload("file", b"x"), rig.key(), **FORM)
        assert (answer.status, answer.error["param"]) == (400, "content-type")


async def test_speech_that_breaks_off_is_cut_and_billed(tmp_path: Path) -> None:
    async with running(tmp_path, media("up;mode=fin", prices=Prices(character=1_000_000_000))) as rig:
        answer = await rig.post("/v1/audio/speech", {"model": "gpt", "input": "hello " * 2000}, rig.key())
        assert (answer.status, answer.whole) == (200, False)
        assert b"event:" not in answer.body
        closed = rig.closed()
        assert (closed.status, closed.cost.total) == ("failure", 12_000 * 1000)


@pytest.mark.parametrize(
    "mode", sorted(set(MODES) - {"slow_drip", "stall", "chunk_no_end", "huge_body", "slow_first_byte"})
)
async def test_every_broken_upstream_leaves_one_answer_and_one_record(tmp_path: Path, mode: str) -> None:
    key_of = {"/v1/audio/transcriptions": upload("file", SOUND)} | {
        path: {"model": "gpt"} | ASKS[path] for path in ASKS
    }
    async with running(tmp_path, media(f"up;mode={mode},size=100000", api_key=Secret("sk-up-canary"))) as rig:
        for path, body in key_of.items():
            answer = await rig.post(path, body, rig.key(), **(FORM if isinstance(body, bytes) else {}))
            assert answer.status in (200, 400, 404, 408, 413, 429, 500, 502, 503, 504), (path, answer.status)
            assert b"sk-up-canary" not in answer.body
            assert b"<html" not in answer.body
        opened, closed = rig.journal()
        assert [record.n for record in opened] == [record.opened for record in closed]
        assert len(closed) == len(key_of)
        assert all(record.cost.total >= 0 for record in closed)
