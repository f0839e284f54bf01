"""Conversations with models of providers that keep none, through a whole worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import PATHS, Answer, Rig, ask, deployment, running

from phantom_gateway.gateway.conversations import MAX_CONTENT
from phantom_gateway.gateway.kept import PREVIOUS
from phantom_gateway.spine.snapshot import Deployment, Settings

KEEPS = Settings(conversations_s=60.0)
MODEL = "up;chunks=3"


def models(port: int) -> tuple[Deployment, ...]:
    return (
        deployment(port, "chat", MODEL, group="gpt"),
        deployment(port, "native", MODEL, group="native", paths=PATHS | {"responses": "/responses"}),
        deployment(port, "bad", "up;mode=fin,at=1", group="bad"),
    )


async def say(rig: Rig, key: str, text: Any, model: str = "gpt", **fields: Any) -> Answer:
    return await rig.post("/v1/responses", {"model": model, "input": text} | fields, key)


def heard(rig: Rig) -> list[dict[str, Any]]:
    (request,) = rig.simulator.requests(1)
    body = json.loads(request["body"])
    found: list[dict[str, Any]] = body.get("messages") or body["input"]
    return found


def final(answer: Answer) -> Any:
    events = [part for part in answer.body.decode().split("\n\n") if part.startswith("event: response.completed")]
    return json.loads(events[0].partition("data: ")[2])["response"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_conversation_goes_on(tmp_path: Path, stream: bool) -> None:
    async with running(tmp_path, models, settings=KEEPS) as rig:
        key = rig.key()
        answer = await say(rig, key, "one", stream=stream)
        first = final(answer) if stream else answer.json()
        assert (first["store"], first["previous_response_id"]) == (True, None)
        if stream:
            created = json.loads(answer.body.decode().split("\n\n")[0].partition("data: ")[2])
            assert created["response"]["id"] == first["id"]
        said = first["output"][0]["content"][0]["text"]
        answer = await say(rig, key, [{"role": "user", "content": "two"}], stream=stream, **{PREVIOUS: first["id"]})
        second = final(answer) if stream else answer.json()
        assert second["previous_response_id"] == first["id"]
        assert [(each["role"], text_of(each)) for each in heard(rig)] == [
            ("user", "one"),
            ("assistant", said),
            ("user", "two"),
        ]
        # a provider that has the API of its own is told all of it, and keeps what follows itself
        third = (await say(rig, key, "three", "native", **{PREVIOUS: second["id"]})).json()
        assert [each["role"] for each in heard(rig)] == ["user", "assistant"] * 2 + ["user"]
        assert third["id"] not in (first["id"], second["id"])
        _, closed = rig.journal()
        assert len({record.usage.input for record in closed}) == 3, "what was said before is paid for"


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


async def test_what_is_kept_is_shown_listed_and_deleted(tmp_path: Path) -> None:
    async with running(tmp_path, models, settings=KEEPS) as rig:
        key = rig.key()
        first = (await say(rig, key, "one")).json()
        second = (await say(rig, key, "two", **{PREVIOUS: first["id"]})).json()
        path = f"/v1/responses/{second['id']}"
        assert (await rig.get(path, key)).json() == second
        listed = (await rig.get(f"{path}/input_items?order=asc&limit=2", key)).json()
        assert [text_of(each) for each in listed["data"]][::2] == ["one"]
        assert (len(listed["data"]), listed["has_more"]) == (2, True)
        rest = (await rig.get(f"{path}/input_items?order=asc&after={listed['last_id']}", key)).json()
        assert [text_of(each) for each in rest["data"]] == ["two"]
        assert (await rig.post(f"{path}/cancel", b"", key)).status == 400
        authorized = {"authorization": f"Bearer {key}"}
        gone = await ask(rig.port, "DELETE", path, b"", authorized)
        assert gone.json() == {"id": second["id"], "object": "response", "deleted": True}
        assert (await rig.get(path, key)).status == 404
        assert (await ask(rig.port, "DELETE", path, b"", authorized)).status == 404
        lost = await say(rig, key, "three", **{PREVIOUS: second["id"]})
        assert (lost.status, lost.error["code"]) == (400, "previous_response_not_found")
        assert (await rig.get(f"/v1/responses/{first['id']}", key)).status == 200


async def test_it_is_nobody_elses(tmp_path: Path) -> None:
    async with running(tmp_path, models, settings=KEEPS) as rig:
        first = (await say(rig, rig.key(), "one")).json()
        other = rig.key()
        assert (await rig.get(f"/v1/responses/{first['id']}", other)).status == 404
        assert (await say(rig, other, "two", **{PREVIOUS: first["id"]})).status == 400
        assert len(rig.control.conversations) == 1


@pytest.mark.parametrize(
    ("settings", "fields"), [(KEEPS, {"store": False}), (Settings(), {}), (Settings(), {"store": True})]
)
async def test_what_is_not_to_be_kept_is_not(tmp_path: Path, settings: Settings, fields: dict[str, Any]) -> None:
    async with running(tmp_path, models, settings=settings) as rig:
        key = rig.key()
        for stream in (False, True):
            answer = await say(rig, key, "one", stream=stream, **fields)
            first = final(answer) if stream else answer.json()
            assert first["store"] is False
            assert (await say(rig, key, "two", **{PREVIOUS: first["id"]})).status == 400
        assert rig.control.conversations == {}


async def test_what_breaks_off_is_too_long_or_finds_nobody_to_keep_it_is_not_kept(tmp_path: Path) -> None:
    async with running(tmp_path, models, settings=KEEPS) as rig:
        key = rig.key()
        await say(rig, key, "one", "bad", stream=True, num_retries=0)
        long = (await say(rig, key, "x" * MAX_CONTENT)).json()
        assert long["store"] is False
        assert rig.control.conversations == {}
        first = (await say(rig, key, "one")).json()
        rig.control.hang_up()
        rig.control.silent = True
        answer = await say(rig, key, "two", **{PREVIOUS: first["id"]})
        assert answer.status == 503
        assert (await say(rig, key, "two")).json()["store"] is False


@pytest.mark.parametrize("given", [5, {"a": 1}, True])
async def test_input_that_is_none_is_refused(tmp_path: Path, given: Any) -> None:
    async with running(tmp_path, models, settings=KEEPS) as rig:
        assert (await say(rig, rig.key(), given)).status == 400


async def test_what_was_named_before_is_reserved_again(tmp_path: Path) -> None:
    """Pictures and files of earlier turns are read anew, and cost anew."""
    picture = {"type": "input_image", "image_url": "https://example.com/a.png"}
    worst = []
    for content in ([{"type": "input_text", "text": "x" * 70}], [picture, picture]):
        async with running(tmp_path / str(len(content)), models, settings=KEEPS) as rig:
            key = rig.key()
            first = (await say(rig, key, [{"role": "user", "content": content}])).json()
            assert (await say(rig, key, "and now?", **{PREVIOUS: first["id"]})).status == 200
            worst.append([opened.worst for opened in rig.journal()[0]])
    (words, more_words), (pictures, more_pictures) = worst
    assert pictures - words > 0
    assert more_pictures - more_words >= pictures - words
