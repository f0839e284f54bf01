from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.simulator.peer import chat

from phantom_gateway.simulator import desk as desks
from phantom_gateway.simulator.desk import Desk
from phantom_gateway.simulator.script import Script


def post(
    desk: Desk, body: dict[str, Any] | bytes, target: bytes = b"/v1/chat/completions", control: bytes = b""
) -> Script:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return desk.receive(b"POST", target, [], raw, control)[0]


def get(desk: Desk, target: bytes) -> Any:
    data = desk.receive(b"GET", target, [], b"", b"")[0].pieces[0].data
    return json.loads(data.partition(b"\r\n\r\n")[2])


def status(script: Script) -> int:
    return int(script.pieces[0].data[9:12])


def test_the_same_bytes_give_the_same_script() -> None:
    desk = Desk()
    assert post(desk, chat()) is post(desk, chat())
    assert post(desk, chat()) is not post(desk, chat(), control=b"chunks=3")
    assert post(desk, chat(), b"/chat/completions").pieces == post(desk, chat()).pieces
    assert post(Desk(), chat()) == post(desk, chat())


def test_what_is_large_or_depends_on_the_time_is_not_kept() -> None:
    desk = Desk()
    for body in (chat("x " * 40_000), chat(simulate="mode=429_date"), chat(simulate="mode=huge_body,size=1000000")):
        assert post(desk, body) is not post(desk, body)


def test_the_number_of_ready_scripts_is_bounded() -> None:
    desk = Desk()
    for i in range(desks.MAX_READY + 10):
        post(desk, chat(str(i)))
    assert len(desk._ready) <= desks.MAX_READY


def test_a_label_takes_the_place_of_the_user() -> None:
    desk = Desk()
    post(desk, chat(user="u", simulate="label=l"))
    post(desk, chat(user="u"))
    assert [user for _, user, _ in desk.books.tallies()] == ["l", "u"]


def test_the_first_requests_of_a_key_fail() -> None:
    desk = Desk()
    body = chat(simulate="mode=503,fail_first=2,key=k")
    assert [status(post(desk, body)) for _ in range(4)] == [503, 503, 200, 200]
    assert status(post(desk, chat(simulate="mode=503,fail_first=2,key=other"))) == 503
    desk.reset()
    assert status(post(desk, body)) == 503


@pytest.mark.parametrize(
    ("body", "target", "code"),
    [
        (b"{", b"/v1/chat/completions", 400),
        ({"model": "demo"}, b"/v1/chat/completions", 400),
        ({"model": "demo;mode=x", "input": "a"}, b"/v1/embeddings", 400),
        ({"model": "demo;pace", "input": "a"}, b"/v1/embeddings", 400),
        ({"model": "demo"}, b"/v1/nowhere", 404),
    ],
)
def test_refusals(body: Any, target: bytes, code: int) -> None:
    script = post(Desk(), body, target)
    assert status(script) == code
    assert b'"error"' in script.pieces[0].data


def test_pages() -> None:
    desk = Desk()
    post(desk, chat())
    assert get(desk, b"/v1/models") == get(desk, b"/models")
    assert get(desk, b"/health")["status"] == "ok"
    assert get(desk, b"/nowhere")["error"]["code"] == "unknown_url"
    assert [entry["target"] for entry in get(desk, b"/sim/requests?limit=2")] == ["/health", "/nowhere"]
    assert get(desk, b"/sim/requests?limit=x")[0]["body"] == json.dumps(chat())
    assert desk.receive(b"PUT", b"/", [], b"", b"")[0].pieces[0].data.startswith(b"HTTP/1.1 405")
    post(desk, b"", b"/sim/reset")
    assert get(desk, b"/sim/counts")["total"]["requests"] == 0
    assert get(desk, b"/sim/requests") == []


def test_nothing_is_kept_when_told() -> None:
    desk = Desk(keep=0)
    post(desk, chat())
    assert get(desk, b"/sim/requests") == []
