"""What strangers send: each gets one clear error, nothing reaches an upstream, and the next request is served."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.support.calls import HELLO, chat
from tests.support.gateway import Gateway, SimulatorThread

PATH = "/v1/chat/completions"
GOOD = json.dumps({"model": "gpt", "messages": HELLO})


@pytest.fixture
def key(shared_gateway: Gateway, simulator: SimulatorThread) -> Iterator[str]:
    key = shared_gateway.key(max_budget=1)
    yield key
    after = chat(shared_gateway, key)
    assert (after.status, after.whole) == (200, True)
    assert simulator.counts()["total"]["requests"] == 1, "something of the bad request went on"


def send(gateway: Gateway, key: str, body: bytes | str, path: str = PATH) -> httpx.Response:
    headers = {"Authorization": f"Bearer {key}", "content-type": "application/json"}
    return httpx.post(gateway.url + path, content=body, headers=headers, timeout=60)


def error_of(response: httpx.Response, status: int, kind: str = "invalid_request_error") -> dict[str, Any]:
    assert response.status_code == status, response.text[:500]
    error: dict[str, Any] = response.json()["error"]
    assert (error["type"], error["code"]) == (kind, str(status))
    assert "Traceback" not in response.text
    assert 0 < len(error["message"]) < 500
    return error


BROKEN = {
    "empty": b"",
    "no json": b"hello",
    "cut off": GOOD.encode()[:-1],
    "trailing bytes": GOOD.encode() + b"x",
    "an array": b"[]",
    "a string": b'"gpt"',
    "null": b"null",
    "not utf-8": GOOD.encode().replace(b"hello", b"\xff\xfe"),
    "a lone surrogate": GOOD.replace("hello", "\\ud800").encode(),
    "utf-16": GOOD.encode("utf-16"),
    "NaN": GOOD.replace("}]", '}], "temperature": NaN').encode(),
    "Infinity": GOOD.replace("}]", '}], "temperature": -Infinity').encode(),
    "a comment": GOOD.encode() + b" // no",
    "a key twice": b'{"model": "gpt", "model": "demo", "messages": []}',
    "a key twice, escaped": b'{"model": "gpt", "mod\\u0065l": "demo", "messages": []}',
    "a key twice, deep": b'{"model": "gpt",  "messages": [{"role": "user", "role": "system", "content": ""}]}',
    "very deep": b'{"model":"gpt","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep": b'{"model":"gpt","messages":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "a huge number": b'{"model":"gpt","max_tokens":' + b"9" * 5000 + b',"messages":[]}',
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_broken_json(shared_gateway: Gateway, key: str, name: str) -> None:
    began = time.monotonic()
    error = error_of(send(shared_gateway, key, BROKEN[name]), 400)
    assert error["message"]
    assert time.monotonic() - began < 10


FIELDS: dict[str, tuple[dict[str, Any], str]] = {
    "no model": ({"model": None}, "model"),
    "a model that is none": ({"model": 7}, "model"),
    "stream": ({"stream": "yes"}, "stream"),
    "stream_options": ({"stream": True, "stream_options": 1}, "stream_options"),
    "max_tokens": ({"max_tokens": "many"}, "max_tokens"),
    "max_tokens below zero": ({"max_tokens": -5}, "max_tokens"),
    "max_tokens beyond all": ({"max_tokens": 1 << 60}, "max_tokens"),
    "n": ({"max_tokens": 5, "n": "two"}, "n"),
    "api_base": ({"api_base": "http://169.254.169.254/"}, "api_base"),
    "api_key": ({"api_key": "sk-mine"}, "api_key"),
    "mock_response": ({"mock_response": "free"}, "mock_response"),
}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_bad_fields_are_named(shared_gateway: Gateway, key: str, name: str) -> None:
    fields, param = FIELDS[name]
    response = send(shared_gateway, key, json.dumps({"model": "gpt", "messages": HELLO} | fields))
    error = error_of(response, 400)
    assert error["param"] == param
    assert param in error["message"]


def test_unknown_model(shared_gateway: Gateway, key: str) -> None:
    error = error_of(send(shared_gateway, key, json.dumps({"model": "nope", "messages": []})), 400)
    assert error["message"].startswith("Invalid model name passed in model=nope. Call `/v1/models`")
    assert error["param"] == "model"
    long = error_of(send(shared_gateway, key, json.dumps({"model": "x" * 100_000, "messages": []})), 400)
    assert long["param"] == "model"


def test_too_large_a_body(shared_gateway: Gateway, key: str) -> None:
    big = b'{"model":"gpt","messages":"' + b"x" * (33 << 20) + b'"}'
    host, port = "127.0.0.1", shared_gateway.port
    head = f"POST {PATH} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {key}\r\ncontent-length: {len(big)}\r\n\r\n"
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(head.encode())
        # refused by its announcement, before the body
        assert connection.recv(65536).startswith(b"HTTP/1.1 413 ")
    chunked = head.replace(f"content-length: {len(big)}", "transfer-encoding: chunked").encode()
    with socket.create_connection((host, port), timeout=20) as connection:
        connection.sendall(chunked)
        answer = b""
        try:
            for _ in range(33):
                connection.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
            answer = connection.recv(65536)
        except OSError:
            answer = answer or _rest(connection)
    assert answer.startswith(b"HTTP/1.1 413 ") or not answer
    rss = shared_gateway.children("gateway")[0].memory_info().rss
    assert rss < 300 * 1024 * 1024


def _rest(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536)
    except OSError:
        return b""


def test_a_large_body_that_is_allowed(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    text = "word " * (1 << 20)
    body = json.dumps({"model": "gpt", "user": "large", "messages": [{"role": "user", "content": text}]})
    response = send(shared_gateway, shared_gateway.key(), body)
    assert response.status_code == 200
    assert response.json()["usage"]["prompt_tokens"] == (1 << 20) + 3


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_wrong_method(shared_gateway: Gateway, key: str, method: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    response = httpx.request(method, shared_gateway.url + PATH, headers=headers)
    error_of(response, 405)
    assert response.headers["allow"] == "POST"
    response = httpx.post(f"{shared_gateway.url}/v1/models", headers=headers)
    error_of(response, 405)
    assert response.headers["allow"].startswith("GET")


@pytest.mark.parametrize("path", ["/nope", "/v1/nope", "/v1/chat/completions/", "/v1//chat/completions", "/key/nope"])
def test_unknown_path(shared_gateway: Gateway, key: str, path: str) -> None:
    assert send(shared_gateway, key, GOOD, path).status_code in (404, 405)


@pytest.mark.parametrize(
    "raw",
    [
        b"NONSENSE\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!",
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/chat/completions HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 10_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\nhost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_malformed_http(shared_gateway: Gateway, key: str, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", shared_gateway.port), timeout=20) as connection:
        connection.sendall(raw)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 4")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert b"server:" not in head.lower()
    assert json.loads(body)["error"]["type"] == "invalid_request_error"


def test_management_input(shared_gateway: Gateway, key: str) -> None:
    def post(path: str, body: Any) -> httpx.Response:
        return shared_gateway.admin("POST", path, json=body)

    assert post("/key/generate", {"max_budget": -1}).status_code == 400
    assert post("/key/generate", {"max_budgte": 1}).status_code == 400
    assert post("/key/generate", {"duration": "soon"}).status_code == 400
    assert post("/key/generate", []).status_code == 400
    assert post("/key/update", {"key": "sk-none", "rpm_limit": 1}).status_code == 404
    assert post("/key/delete", {"keys": ["sk-none"]}).status_code == 404
    assert post("/key/block", {}).status_code == 400
    response = shared_gateway.admin("POST", "/key/generate", content=b"{" * 100_000)
    assert response.status_code == 400
    response = shared_gateway.admin("POST", "/key/generate", content=b" " * (2 << 20))
    assert response.status_code == 413
    assert shared_gateway.admin("GET", "/spend/logs", params={"nope": "1"}).status_code == 400
