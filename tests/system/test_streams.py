"""Streams whose two ends do not keep step: a caller that leaves, one that reads slowly, one that says nothing; and TLS."""

from __future__ import annotations

import json
import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import trustme
from tests.conftest import write_config
from tests.support.calls import HELLO, chat, row_of_user
from tests.support.gateway import Gateway, SimulatorThread, running_gateway, wait_until

PATH = "/v1/chat/completions"


def request_bytes(gateway: Gateway, key: str, **fields: object) -> bytes:
    body = json.dumps({"model": "gpt", "messages": HELLO} | fields).encode()
    head = f"POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def aborted(simulator: SimulatorThread, user: str) -> int:
    return int(simulator.counts()["users"].get(user, {}).get("aborted", 0))


@pytest.mark.parametrize("how", ["close", "reset", "half"])
def test_a_caller_that_leaves_stops_the_upstream_and_pays_for_what_came(
    shared_gateway: Gateway, simulator: SimulatorThread, how: str
) -> None:
    user = f"leaves-{how}"
    key = shared_gateway.key(max_budget=1)
    connection = socket.create_connection(("127.0.0.1", shared_gateway.port), timeout=20)
    slow = {"chunks": 2000, "pace_ms": 10}
    connection.sendall(request_bytes(shared_gateway, key, stream=True, user=user, simulate=slow))
    seen = b""
    while seen.count(b'"content":') < 11:
        seen += connection.recv(65536)
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    if how == "half":
        connection.shutdown(socket.SHUT_WR)
    else:
        connection.close()
    wait_until(lambda: aborted(simulator, user) == 1, 5)
    connection.close()
    row = row_of_user(shared_gateway, user)
    produced = simulator.counts()["users"][user]["completion_tokens"]
    assert produced < 1000
    assert row["client_left"] == 1
    assert row["error_type"] == "client_disconnected"
    assert row["usage_source"] == "estimated"
    assert 10 <= row["output"] <= produced + 1
    assert row["cost_nano"] == row["input"] * 1000 + row["output"] * 2000
    # nothing stays reserved
    info = shared_gateway.admin("GET", "/key/info", params={"key": key}).json()["info"]
    assert info["spend"] == row["cost_nano"] / 1e9


def test_a_caller_that_leaves_before_the_answer(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    with socket.create_connection(("127.0.0.1", shared_gateway.port), timeout=20) as connection:
        late = {"first_ms": 60_000}
        connection.sendall(
            request_bytes(shared_gateway, shared_gateway.key(), stream=True, user="early", simulate=late)
        )
        wait_until(lambda: "early" in simulator.counts()["users"])
    wait_until(lambda: aborted(simulator, "early") == 1, 5)
    row = row_of_user(shared_gateway, "early")
    assert (row["status"], row["client_left"]) == ("failure", 1)
    assert row["cost_nano"] > 0  # the upstream works on it, and bills at least the question


def test_a_whole_answer_nobody_waits_for_is_billed_as_it_was(
    shared_gateway: Gateway, simulator: SimulatorThread
) -> None:
    with socket.create_connection(("127.0.0.1", shared_gateway.port), timeout=20) as connection:
        late = {"first_ms": 1500, "prompt_tokens": 11, "completion_tokens": 7}
        connection.sendall(request_bytes(shared_gateway, shared_gateway.key(), user="unread", simulate=late))
        wait_until(lambda: "unread" in simulator.counts()["users"])
    row = row_of_user(shared_gateway, "unread")
    assert (row["status"], row["client_left"], row["usage_source"]) == ("success", 1, "provider")
    assert (row["input"], row["output"], row["cost_nano"]) == (11, 7, 11 * 1000 + 7 * 2000)
    assert aborted(simulator, "unread") == 0


def test_a_slow_reader_slows_the_upstream_and_costs_no_memory(
    shared_gateway: Gateway, simulator: SimulatorThread
) -> None:
    worker = shared_gateway.children("gateway")[0]
    before = worker.memory_info().rss
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.settimeout(20)
    connection.connect(("127.0.0.1", shared_gateway.port))
    # some 250 bytes a chunk, all at once: 25 MB if anybody took them
    plenty = {"chunks": 100_000}
    asked = {"stream": True, "user": "slow-reader", "max_tokens": 100_000, "simulate": plenty}
    connection.sendall(request_bytes(shared_gateway, shared_gateway.key(), **asked))
    seen = connection.recv(1000)
    time.sleep(2)
    assert worker.memory_info().rss - before < 16 * 1024 * 1024
    # others are served meanwhile
    assert chat(shared_gateway, shared_gateway.key()).status == 200
    while b"data: [DONE]" not in seen[-100:]:
        piece = connection.recv(1 << 20)
        assert piece
        seen = seen[-100:] + piece
    connection.close()
    row = row_of_user(shared_gateway, "slow-reader")
    assert (row["status"], row["output"]) == ("success", 100_000)
    assert worker.memory_info().rss - before < 16 * 1024 * 1024


def test_a_reader_that_takes_nothing_is_cut(tmp_path: Path, simulator: SimulatorThread) -> None:
    config = write_config(tmp_path, simulator)
    config.write_text(config.read_text() + "phantom: {http: {write_stall: 1}}\n")
    with running_gateway(tmp_path / "data", config) as gateway:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.settimeout(20)
        connection.connect(("127.0.0.1", gateway.port))
        asked = {"stream": True, "user": "takes-nothing", "max_tokens": 100_000, "simulate": {"chunks": 100_000}}
        connection.sendall(request_bytes(gateway, gateway.key(), **asked))
        row = row_of_user(gateway, "takes-nothing", 30)
        assert row["client_left"] == 1
        assert 0 < row["output"] < 100_000
        connection.close()
        assert chat(gateway, gateway.key()).status == 200


def test_many_streams_at_once(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    key = shared_gateway.key()
    connections = []
    slow = {"chunks": 30, "pace_ms": 50}
    for _ in range(200):
        connection = socket.create_connection(("127.0.0.1", shared_gateway.port), timeout=60)
        connection.sendall(request_bytes(shared_gateway, key, stream=True, user="many-streams", simulate=slow))
        connections.append(connection)
    for connection in connections:
        seen = b""
        while b"data: [DONE]" not in seen[-100:]:
            piece = connection.recv(65536)
            assert piece, seen[-200:]
            seen += piece
        assert seen.count(b'"content":') >= 30
        connection.close()
    assert simulator.counts()["users"]["many-streams"]["completed"] == 200


def test_pipelined_requests_are_answered_in_turn(shared_gateway: Gateway, simulator: SimulatorThread) -> None:
    key = shared_gateway.key()
    count = 5
    requests = [request_bytes(shared_gateway, key, simulate={"chunks": n + 1}) for n in range(count)]
    with socket.create_connection(("127.0.0.1", shared_gateway.port), timeout=20) as connection:
        connection.sendall(b"".join(requests))
        seen = b""
        while seen.count(b'"completion_tokens"') < count:
            piece = connection.recv(65536)
            assert piece
            seen += piece
    used = [int(part.split(b",")[0].rstrip(b"}")) for part in seen.split(b'"completion_tokens":')[1:]]
    assert used == [1, 2, 3, 4, 5]


def test_tls(tmp_path: Path, simulator: SimulatorThread) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    chain, private = tmp_path / "cert.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
    private.write_bytes(issued.private_key_pem.bytes())
    arguments = ("--ssl-certfile", str(chain), "--ssl-keyfile", str(private))
    config = write_config(tmp_path, simulator)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with running_gateway(tmp_path / "data", config, workers=2, arguments=arguments) as gateway:
        assert gateway.url.startswith("https://")
        headers = {"Authorization": f"Bearer {gateway.master_key}"}
        with httpx.Client(base_url=gateway.url, headers=headers, verify=context, timeout=20) as client:
            key = client.post("/key/generate", json={}).json()["key"]
            answer = client.post(
                PATH, json={"model": "gpt", "messages": HELLO}, headers={"Authorization": f"Bearer {key}"}
            )
            assert answer.status_code == 200
            body = {"model": "gpt", "messages": HELLO, "stream": True}
            with client.stream("POST", PATH, json=body) as stream:
                assert stream.read().endswith(b"data: [DONE]\n\n")
        with pytest.raises(httpx.ConnectError):
            httpx.get(gateway.url)  # nobody vouches for it
        # plain text on the TLS port is no answer, and harms nobody
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as plain:
            plain.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            with suppress(ConnectionResetError):
                assert not plain.recv(1000).startswith(b"HTTP/")
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        authority.configure_trust(old)
        with pytest.deprecated_call():
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with (
            socket.create_connection(("127.0.0.1", gateway.port), timeout=20) as connection,
            pytest.raises(ssl.SSLError),
        ):
            old.wrap_socket(connection, server_hostname="127.0.0.1")
        assert httpx.get(f"{gateway.url}/health/liveliness", verify=context).status_code == 200
