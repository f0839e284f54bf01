from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.simulator.peer import chat, dechunk

from phantom_gateway.simulator import answers
from phantom_gateway.simulator.modes import build
from phantom_gateway.simulator.reading import read
from phantom_gateway.simulator.script import Script


def script(mode: str, *, stream: bool = True, **controls: Any) -> Script:
    body = chat("a", stream=stream, simulate={"mode": mode, "chunks": 4, **controls})
    ask = read(json.dumps(body).encode(), "")
    return build(ask, answers.chat(ask))


def body(mode: str, **controls: Any) -> bytes:
    data = b"".join(piece.data for piece in script(mode, **controls).pieces).partition(b"\r\n\r\n")[2]
    return dechunk(data)


def plain(mode: str) -> bytes:
    data = b"".join(piece.data for piece in script(mode, stream=False).pieces)
    return data.partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize(
    ("mode", "start", "end"),
    [
        ("cr_only", b"data: {", b"}\r\rdata: [DONE]\r\r"),
        ("crlf", b"data: {", b"}\r\n\r\ndata: [DONE]\r\n\r\n"),
        ("data_no_space", b"data:{", b"}\n\ndata:[DONE]\n\n"),
        ("event_only", b"event: ping\n\ndata: {", b"data: [DONE]\n\n"),
        ("comments", b": a comment\n:\ndata: {", b"data: [DONE]\n\n"),
        ("pings", b": ping\n\n: ping\n\n: ping\n\ndata: {", b"data: [DONE]\n\n"),
        ("bom", b"\xef\xbb\xbfdata: {", b"data: [DONE]\n\n"),
        ("no_done", b"data: {", b"}\n\n"),
        ("no_usage", b"data: {", b"data: [DONE]\n\n"),
    ],
)
def test_styles(mode: str, start: bytes, end: bytes) -> None:
    content = body(mode)
    assert content.startswith(start)
    assert content.endswith(end)
    assert sum(piece.tokens for piece in script(mode).pieces) == 4
    if mode == "no_done":
        assert b"[DONE]" not in content


def test_usage_stands_beside_the_finish_reason() -> None:
    event = json.loads(body("usage_last").split(b"\n\n")[-3].removeprefix(b"data: "))
    assert event["choices"][0]["finish_reason"] == "stop"
    assert event["usage"]["completion_tokens"] == 4


def test_an_error_in_the_middle() -> None:
    content = body("error_event", at=2)
    assert content.count(b'"content":') == 3
    assert b'data: {"error":' in content
    assert b"[DONE]" not in content
    assert json.loads(plain("error_event"))["error"]["type"] == "server_error"


def test_spoiled_json_leaves_the_other_chunks_alone() -> None:
    events = body("invalid_json_chunk", at=1).split(b"\n\n")[:-2]
    broken = [event for event in events if not event.endswith(b"}")]
    assert broken == [events[2]]
    assert b"\x00" in body("nul", at=1).split(b"\n\n")[2]
    with pytest.raises(json.JSONDecodeError):
        json.loads(plain("invalid_json_chunk"))
    assert b"\x00" in plain("nul")
    assert plain("bom").startswith(b"\xef\xbb\xbf{")


def test_characters_are_split_across_pieces_and_chunks() -> None:
    pieces = script("split_utf8").pieces
    split = [piece for piece in pieces if _ends_inside(piece.data)]
    assert len(split) >= 4
    assert script("split_utf8").pace_ms == 1
    assert "Grüße" in body("split_utf8").decode()
    json.loads(plain("split_utf8"))


def _ends_inside(data: bytes) -> bool:
    return data.endswith(b"\r\n") and len(data) > 2 and data[-3] >= 0xC0


def test_one_long_line() -> None:
    lines = body("long_line", size=300_000).split(b"\n")
    assert max(map(len, lines)) > 300_000
    assert sum(piece.tokens for piece in script("long_line").pieces) == 4
    assert json.loads(plain("long_line"))
