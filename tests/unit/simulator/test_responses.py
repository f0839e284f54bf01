from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.simulator import responses
from phantom_gateway.simulator.answers import ABSURD, Answer
from phantom_gateway.simulator.desk import Desk
from phantom_gateway.simulator.modes import MODES, build
from phantom_gateway.simulator.reading import BadRequestError, read
from phantom_gateway.simulator.shelf import Shelf

PARAMETERS = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
TOOLS = [{"type": "function", "name": "f", "parameters": PARAMETERS}, {"type": "custom", "name": "c"}]


def answer(shelf: Shelf | None = None, **fields: Any) -> Answer:
    body = {"model": "m", "input": "hello there"} | fields
    return responses.responses(read(json.dumps(body).encode(), ""), shelf or Shelf())


def shown(**fields: Any) -> Any:
    return json.loads(answer(**fields).body)


def events(**fields: Any) -> list[Any]:
    return [json.loads(event.data) for event in answer(stream=True, **fields).events]


def test_a_response() -> None:
    whole = shown(simulate={"chunks": 3})
    assert (whole["object"], whole["status"], whole["output"][0]["type"]) == ("response", "completed", "message")
    assert len(whole["output"][0]["content"][0]["text"].split()) == 3
    assert (whole["usage"]["input_tokens"], whole["usage"]["output_tokens"], whole["usage"]["total_tokens"]) == (
        5,
        3,
        8,
    )
    cut = shown(max_output_tokens=2, simulate={"chunks": 3})
    assert (cut["status"], cut["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})


def test_a_stream_says_the_same() -> None:
    said = events(simulate={"chunks": 2})
    assert [event["type"].removeprefix("response.") for event in said] == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.delta",
        "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert [event["sequence_number"] for event in said] == list(range(10))
    asked = {"simulate": {"chunks": 2}}
    whole = shown(**asked)["output"][0]["content"]
    assert said[-1]["response"]["output"][0]["content"] == whole
    assert sum(event.content for event in answer(stream=True, simulate={"chunks": 2}).events) == 2


def test_tools_of_both_kinds() -> None:
    (called,) = shown(input="call f", tools=TOOLS)["output"]
    assert (called["type"], called["name"], called["arguments"]) == ("function_call", "f", '{"a":0}')
    (called,) = shown(input="call c", tools=TOOLS)["output"]
    assert (called["type"], called["name"], called["input"]) == ("custom_tool_call", "c", "demo")
    assert shown(tools=TOOLS, tool_choice={"type": "function", "name": "f"})["output"][0]["name"] == "f"
    result = {"type": "function_call_output", "call_id": called["call_id"], "output": "42"}
    (said,) = shown(input=[{"role": "user", "content": "call c"}, called, result], tools=TOOLS)["output"]
    assert said["type"] == "message"
    with pytest.raises(BadRequestError):
        answer(input=[result])


def test_reasoning_is_known_again() -> None:
    asked = {"reasoning": {"effort": "low"}, "include": ["reasoning.encrypted_content"], "simulate": {"chunks": 2}}
    reasoning, said = shown(**asked)["output"]
    assert (reasoning["type"], said["type"]) == ("reasoning", "message")
    assert shown(input=[reasoning, {"role": "user", "content": "hi"}])["status"] == "completed"
    with pytest.raises(BadRequestError):
        answer(input=[reasoning | {"encrypted_content": "gAAAA"}])
    kinds = [event["type"] for event in events(**asked)]
    assert kinds.count("response.reasoning_summary_text.delta") == 5


def test_json_of_a_schema() -> None:
    asked = {"format": {"type": "json_schema", "name": "x", "schema": PARAMETERS}}
    assert shown(text=asked)["output"][0]["content"][0]["text"] == '{"a":0}'


def test_a_conversation_goes_on() -> None:
    shelf = Shelf()
    first = json.loads(answer(shelf, simulate={"chunks": 4}).body)
    more = json.loads(answer(shelf, input="and", previous_response_id=first["id"]).body)
    assert more["usage"]["input_tokens"] == 5 + (4 + 3) + (1 + 3)
    assert more["previous_response_id"] == first["id"]
    unknown: dict[str, Any]
    for unknown in ({"previous_response_id": "resp_x"}, {"input": []}, {"input": None}, {"max_output_tokens": 0}):
        with pytest.raises(BadRequestError):
            answer(shelf, **unknown)
    assert answer(shelf, store=False).body
    kept = shelf.get(first["id"])
    assert kept is not None
    assert json.loads(responses.input_items(kept))["data"][0]["content"] == "hello there"


@pytest.mark.parametrize(("style", "expected"), [("off", None), ("negative", -6), ("absurd", ABSURD)])
def test_usage_is_as_honest_as_asked(style: str, expected: int | None) -> None:
    usage = shown(simulate={"usage": style, "chunks": 2})["usage"]
    assert (usage and usage["input_tokens"]) == expected


@pytest.mark.parametrize("mode", sorted(MODES))
def test_every_mode_has_a_script(mode: str) -> None:
    for stream in (True, False):
        ask = read(
            json.dumps(
                {"model": "m", "input": "hi", "stream": stream, "simulate": {"mode": mode, "size": 4096}}
            ).encode(),
            "",
        )
        script = build(ask, responses.responses(ask, Shelf()))
        assert script.pieces
        assert b"[DONE]" not in b"".join(piece.data for piece in script.pieces[:64])


def test_the_desk_keeps_and_gives_and_forgets() -> None:
    desk = Desk()

    def ask(method: bytes, target: bytes, body: bytes = b"") -> tuple[int, Any]:
        script, _ = desk.receive(method, target, [], body, b"")
        head, _, rest = b"".join(piece.data for piece in script.pieces).partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(rest)

    body = b'{"model":"m","input":"hi"}'
    status, made = ask(b"POST", b"/v1/responses", body)
    assert status == 200
    path = f"/v1/responses/{made['id']}".encode()
    assert ask(b"GET", path) == (200, made)
    assert ask(b"GET", path + b"/input_items?limit=1")[1]["object"] == "list"
    assert ask(b"POST", path + b"/cancel")[0] == 400
    assert ask(b"POST", b"/v1/responses/input_tokens", body)[1] == {
        "object": "response.input_tokens",
        "input_tokens": 4,
    }
    assert ask(b"POST", b"/v1/responses/compact", body)[1]["object"] == "response.compaction"
    assert ask(b"DELETE", path)[1] == {"id": made["id"], "object": "response", "deleted": True}
    assert ask(b"GET", path)[0] == 404
