"""Who is not known sends no bodies: the gateway answers the head."""

from __future__ import annotations

import json
import socket
import time

import psutil
from tests.support.calls import HELLO
from tests.support.gateway import Gateway, SimulatorThread

HEAD = (
    "POST {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: {who}\r\nContent-Type: application/json\r\n"
    "Content-Length: {length}\r\n{more}\r\n"
)
MEGABYTES_32 = 32 * 1024 * 1024


def head(who: str, length: int, path: str = "/v1/chat/completions", more: str = "") -> bytes:
    return HEAD.format(path=path, who=who, length=length, more=more).encode()


def talk(gateway: Gateway, *parts: bytes) -> bytes:
    """Send the parts one after the other, each only when nothing was answered yet; everything that came back."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as sock:
        got = b""
        for part in parts:
            try:
                sock.sendall(part)
            except OSError:
                break
            time.sleep(0.05)
        while data := sock.recv(65536):
            got += data
    return got


def test_unknown_and_missing_keys_are_answered_at_once(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    for who in ("Bearer sk-unknown-key-0123456789abcdef", "Bearer ", "Basic dXNlcjpwYXNz", "Bearer sk-ph-mistyped"):
        for path in ("/v1/chat/completions", "/v1/embeddings", "/v1/models"):
            for more in ("", "Expect: 100-continue\r\n"):
                began = time.monotonic()
                got = talk(shared_gateway, head(who, MEGABYTES_32, path, more))
                assert got.startswith(b"HTTP/1.1 401 "), (who, path, got[:200])
                assert b"\r\nconnection: close\r\n" in got
                assert b'"type":"' in got
                assert time.monotonic() - began < 5
    assert simulator.counts()["total"]["requests"] == 0


def test_known_key_may_send_its_body_in_parts(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    key = shared_gateway.key(max_budget=1)
    body = json.dumps({"model": "gpt", "messages": HELLO, "x": "y" * 100_000}).encode()
    answer = talk(shared_gateway, head(f"Bearer {key}", len(body), more="Connection: close\r\n"), body[:50], body[50:])
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert simulator.counts()["total"]["requests"] == 1


def test_management_needs_no_key_for_its_body_to_be_read(shared_gateway: Gateway) -> None:
    body = b'{"key_alias": "x"}'
    got = talk(shared_gateway, head("Bearer sk-no", len(body), "/key/generate", "Connection: close\r\n"), body)
    assert got.startswith(b"HTTP/1.1 401 ")


def test_hundred_strangers_cost_no_memory(shared_gateway: Gateway) -> None:
    (worker, *_) = shared_gateway.children("gateway")
    before = worker.memory_info().rss
    socks = []
    peak = before
    piece = b"x" * 1024 * 1024
    for _ in range(100):
        sock = socket.create_connection(("127.0.0.1", shared_gateway.port), timeout=10)
        sock.sendall(head("Bearer sk-nobody-0123456789abcdefghij", MEGABYTES_32))
        socks.append(sock)
    for sock in socks:
        sock.settimeout(0.2)
        try:
            for _ in range(8):
                sock.sendall(piece)
        except OSError:
            continue
    peak = max(peak, psutil.Process(worker.pid).memory_info().rss)
    for sock in socks:
        sock.close()
    assert peak - before < 50 * 1024 * 1024
