"""The life of the processes: start, readiness, reload, loss of any of them, and the end."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import psutil
import pytest
from tests.conftest import write_config
from tests.support.calls import HELLO, chat, row_of_user
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway, wait_until

PATH = "/v1/chat/completions"

pytestmark = pytest.mark.slow


@pytest.fixture
def config(tmp_path: Path, simulator: SimulatorThread) -> Path:
    return write_config(tmp_path, simulator)


class Lasting(NamedTuple):
    """A gateway that outlives what tests do to it, and its configuration as it was at the start."""

    gateway: Gateway
    config: Path
    good: str

    def reload_status(self) -> dict[str, Any]:
        """What became of the last reload."""
        found: dict[str, Any] = self.gateway.admin("GET", "/config/reload/status").json()
        return found

    def whole(self) -> bool:
        """Whether all processes are there and answer."""
        ready = httpx.get(f"{self.gateway.url}/health/readiness")
        counts = [len(self.gateway.children(name)) for name in ("gateway", "control")]
        return ready.status_code == 200 and ready.json()["db"] == "connected" and counts == [2, 1]


@pytest.fixture(scope="module")
def one_gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Lasting]:
    """Two workers. Whatever was done to it, it ends in order, and its ledger is exact."""
    directory = tmp_path_factory.mktemp("lasting")
    config = write_config(directory, shared_simulator)
    with running_gateway(directory / "data", config, workers=2) as gateway:
        yield Lasting(gateway, config, config.read_text())
        assert gateway.stop() == 0
        assert refuses_connections(gateway.port)
        assert gateway.verify() == 0
        assert "Traceback" not in "".join(gateway.lines)


@pytest.fixture
def lasting(one_gateway: Lasting, simulator: SimulatorThread) -> Lasting:
    """The same, whole."""
    wait_until(one_gateway.whole)
    return one_gateway


def serve_and_fail(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """Start a gateway that must not start; what it says."""
    command = [sys.executable, "-m", "phantom_gateway.cli", "serve", "--port", "0", *arguments]
    variables = os.environ | {"PHANTOM_MASTER_KEY": MASTER_KEY} | (environment or {})
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=variables)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "Traceback" not in said
    return said


@contextmanager
def open_stream(gateway: Gateway, key: str, user: str, **simulate: Any) -> Iterator[Iterator[bytes]]:
    """The pieces of a stream on a connection of its own."""
    body = {"model": "gpt", "messages": HELLO, "stream": True, "user": user, "simulate": simulate}
    headers = {"Authorization": f"Bearer {key}"}
    with (
        httpx.Client(base_url=gateway.url, timeout=60, headers=headers) as client,
        client.stream("POST", PATH, json=body) as response,
    ):
        yield response.iter_bytes()


def refuses_connections(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return True
    return False


@contextmanager
def under_load(gateway: Gateway, key: str, threads: int = 4) -> Iterator[list[str]]:
    """Callers that send one request after the other, each on a connection it keeps; what went wrong is in the list."""
    failures: list[str] = []
    stop = threading.Event()
    served = [0] * threads

    def run(number: int) -> None:
        with httpx.Client(base_url=gateway.url, headers={"Authorization": f"Bearer {key}"}, timeout=30) as client:
            while not stop.is_set():
                try:
                    answer = client.post(PATH, json={"model": "gpt", "messages": HELLO, "simulate": {"chunks": 3}})
                except httpx.HTTPError as error:
                    failures.append(type(error).__name__)
                else:
                    served[number] += 1
                    if answer.status_code != 200:
                        failures.append(answer.text)

    running = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(threads)]
    for thread in running:
        thread.start()
    try:
        wait_until(lambda: all(served))
        yield failures
        before = list(served)
        wait_until(lambda: all(now > then for now, then in zip(served, before, strict=True)))
    finally:
        stop.set()
        for thread in running:
            thread.join(30)


# --- the start


def test_ready_means_that_everything_answers(lasting: Lasting) -> None:
    gateway = lasting.gateway
    for _ in range(4):
        ready = httpx.get(f"{gateway.url}/health/readiness")
        assert (ready.status_code, ready.json()) == (200, {"status": "healthy", "db": "connected"})
    assert httpx.get(f"{gateway.url}/health/liveliness").json() == "I'm alive!"
    assert chat(gateway, gateway.key()).status == 200
    assert len(gateway.children("gateway")) == 2
    assert len(gateway.children("control")) == 1


def test_without_a_configuration_the_demo_model_answers(tmp_path: Path) -> None:
    with running_gateway(tmp_path / "data") as gateway:
        assert chat(gateway, gateway.key(), model="demo").status == 200


def test_the_master_key_is_made_once_and_shown_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = {"PHANTOM_MASTER_KEY": "", "LITELLM_MASTER_KEY": ""}
    with running_gateway(data, environment=environment) as gateway:
        wait_until(lambda: "curl" in "".join(gateway.lines))
        shown = re.findall(r"sk-ph-\w+", "".join(gateway.lines))
        path = data / "keys" / "master.key"
        made = path.read_text().strip()
        assert set(shown) == {made}
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        gateway.master_key = made
        assert gateway.admin("GET", "/key/list").status_code == 200
    with running_gateway(data, environment=environment) as gateway:
        gateway.master_key = made
        assert gateway.admin("GET", "/key/list").status_code == 200
        assert made not in "".join(gateway.lines)


@pytest.mark.parametrize("key", ["sk-1234", "sk-password-password", "no-prefix-0123456789abcdefghij"])
def test_a_weak_master_key_is_refused(tmp_path: Path, key: str) -> None:
    said = serve_and_fail("--data-dir", str(tmp_path / "data"), environment={"PHANTOM_MASTER_KEY": key})
    assert "master key" in said
    assert "PHANTOM_MASTER_KEY" in said
    assert key not in said


def test_a_weak_master_key_is_permitted_at_ones_own_risk(tmp_path: Path) -> None:
    environment = {"PHANTOM_MASTER_KEY": "sk-1234", "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
    with running_gateway(tmp_path / "data", environment=environment) as gateway:
        gateway.master_key = "sk-1234"
        assert gateway.admin("GET", "/key/list").status_code == 200


def test_a_broken_configuration_names_file_and_line(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "model_list:\n  - model_name: gpt\n    litellm_params:\n      model: openai/gpt\n    mode_info: {}\n"
    )
    said = serve_and_fail("--data-dir", str(tmp_path / "data"), "--config", str(config))
    assert f"{config}:5" in said
    assert "mode_info" in said
    assert "model_info" in said
    config.write_text("model_list: [\n")
    assert str(config) in serve_and_fail("--data-dir", str(tmp_path / "data"), "--config", str(config))
    assert "no file" in serve_and_fail("--data-dir", str(tmp_path / "data"), "--config", str(tmp_path / "nope.yaml"))


def test_a_port_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = serve_and_fail("--data-dir", str(tmp_path / "data"), "--port", str(port))
        assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in said
        said = serve_and_fail("--data-dir", str(tmp_path / "data"), "--port", str(port), "--workers", "2")
        assert "Address already in use" in said


def test_one_gateway_per_data_directory(lasting: Lasting) -> None:
    said = serve_and_fail("--data-dir", str(lasting.gateway.data_dir))
    assert "another gateway already serves from" in said
    assert chat(lasting.gateway, lasting.gateway.key()).status == 200


def test_a_data_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = serve_and_fail("--data-dir", str(tmp_path / "file" / "data"))
    assert str(tmp_path / "file") in said


# --- the end


def test_open_streams_are_finished_within_the_grace(tmp_path: Path, config: Path, simulator: SimulatorThread) -> None:
    with running_gateway(tmp_path / "data", config, workers=2) as gateway, ExitStack() as stack:
        key = gateway.key()
        streams = [open_stream(gateway, key, f"ends-{n}", chunks=60, pace_ms=30) for n in range(6)]
        pieces = [stack.enter_context(stream) for stream in streams]
        seen = [next(each) for each in pieces]
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses_connections(gateway.port))
        for first, rest in zip(seen, pieces, strict=True):
            assert (first + b"".join(rest)).endswith(b"data: [DONE]\n\n")
        assert gateway.process.wait(30) == 0
        rows = gateway.rows("SELECT status, output FROM requests WHERE end_user LIKE 'ends-%'")
        assert rows == [("success", 60)] * 6
        assert gateway.verify() == 0


def test_what_outlasts_the_grace_is_cut_and_settled(tmp_path: Path, config: Path, simulator: SimulatorThread) -> None:
    with running_gateway(tmp_path / "data", config, arguments=("--grace", "1")) as gateway:
        with open_stream(gateway, gateway.key(), "outlasts", chunks=100_000, pace_ms=20) as pieces:
            seen = next(pieces)
            began = time.monotonic()
            gateway.process.send_signal(signal.SIGTERM)
            for piece in pieces:
                seen += piece
        assert gateway.process.wait(30) == 0
        assert time.monotonic() - began < 20
        assert b"[DONE]" not in seen
        last = json.loads(seen.rpartition(b"data: ")[2])
        assert last["error"]["type"] == "service_unavailable"
        row = row_of_user(gateway, "outlasts")
        assert (row["status"], row["client_left"]) == ("failure", 0)
        assert row["output"] > 0
        assert row["cost_nano"] == row["input"] * 1000 + row["output"] * 2000
        assert simulator.counts()["users"]["outlasts"]["aborted"] == 1
        assert gateway.verify() == 0


def test_the_end_comes_during_the_start_too(tmp_path: Path, config: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "phantom_gateway.cli",
        "serve",
        "--port",
        "0",
        "--data-dir",
        str(tmp_path / "data"),
    ]
    for delay in (0.3, 0.8, 1.3):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=30)
        assert process.returncode in (0, -signal.SIGTERM), said
        assert "Traceback" not in said


def test_the_supervisor_is_killed_and_leaves_no_orphan(tmp_path: Path, config: Path) -> None:
    with running_gateway(tmp_path / "data", config, workers=2) as gateway:
        key = gateway.key()
        children = psutil.Process(gateway.process.pid).children(recursive=True)
        assert len(children) >= 3
        assert chat(gateway, key, user="before").status == 200
        gateway.process.kill()
        gateway.process.wait(10)
        psutil.wait_procs(children, timeout=20)
        assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    with running_gateway(tmp_path / "data", config) as again:
        assert chat(again, key, user="after").status == 200
        assert row_of_user(again, "before")["status"] == "success"
        assert again.verify() == 0


# --- reload


def with_another_model(text: str) -> str:
    """The configuration with ``gpt`` under a second name."""
    first = text.index("  - model_name: gpt\n")
    entry = text[first : text.index("  - model_name", first + 1)]
    more = entry.replace("model_name: gpt", "model_name: newcomer").replace("id: gpt-1", "id: newcomer-1")
    return text[:first] + more + text[first:]


@pytest.mark.parametrize("how", ["signal", "watch"])
def test_a_changed_configuration_is_served(lasting: Lasting, tmp_path: Path, how: str) -> None:
    gateway = lasting.gateway
    key, before = gateway.key(), lasting.reload_status()["revision"]
    assert chat(gateway, key, model="newcomer").status == 400
    for turn, (text, status) in enumerate(((with_another_model(lasting.good), 200), (lasting.good, 400)), start=1):
        fresh = tmp_path / "fresh.yaml"
        fresh.write_text(text)
        fresh.replace(lasting.config)
        if how == "signal":
            gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda turn=turn: lasting.reload_status()["revision"] == before + turn)
        for _ in range(10):
            assert chat(gateway, key, model="newcomer").status == status
        assert lasting.reload_status()["status"] == "ok"


def test_a_broken_file_changes_nothing_and_says_why(lasting: Lasting) -> None:
    gateway, config, good = lasting.gateway, lasting.config, lasting.good
    before = lasting.reload_status()["revision"]
    with under_load(gateway, gateway.key()) as failures:
        config.write_text(good.replace("model_info:", "mode_info:", 1))
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: lasting.reload_status()["status"] == "refused")
        problems = lasting.reload_status()["problems"]
        assert any(re.search(r"config\.yaml:\d+", problem) and "mode_info" in problem for problem in problems)
        assert any("model_info" in problem for problem in problems)
        assert lasting.reload_status()["revision"] == before
        # half a file, as an editor may leave it for a moment
        config.write_text(good[: len(good) // 2] + "  - {")
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: lasting.reload_status()["problems"] != problems)
        config.write_text(good)
        wait_until(lambda: lasting.reload_status()["status"] == "ok")
    assert failures == []
    said = "".join(gateway.lines)
    assert "mode_info" in said
    assert "sk-upstream-secret-canary" not in said


def test_reloads_under_load_fail_no_request(lasting: Lasting) -> None:
    before = lasting.reload_status()["revision"]
    more = with_another_model(lasting.good)
    with under_load(lasting.gateway, lasting.gateway.key()) as failures:
        for turn in range(6):
            lasting.config.write_text(more if turn % 2 == 0 else lasting.good)
            lasting.gateway.process.send_signal(signal.SIGHUP)
            wait_until(lambda turn=turn: lasting.reload_status()["revision"] == before + turn + 1)
    assert failures == []


# --- loss of a process


def test_a_killed_worker_is_replaced_and_the_other_does_not_notice(lasting: Lasting) -> None:
    gateway = lasting.gateway
    key = gateway.key(max_budget=10)
    victim, other = gateway.children("gateway")
    clients = [httpx.Client(base_url=gateway.url, timeout=30) for _ in range(12)]
    # those whose connection is with the worker that stays
    for client in clients:
        client.get("/health/liveliness")
    ports = {
        each.raddr.port for each in other.net_connections() if each.status == psutil.CONN_ESTABLISHED and each.raddr
    }
    kept = [client for client in clients if _local_port(client) in ports]
    victim.kill()
    body = {"model": "gpt", "messages": HELLO, "simulate": {"chunks": 2}}
    headers = {"Authorization": f"Bearer {key}"}

    def replaced() -> bool:
        return len({each.pid for each in gateway.children("gateway")} - {victim.pid}) == 2

    def served() -> bool:
        return all(client.post(PATH, json=body, headers=headers).status_code == 200 for client in kept)

    assert kept
    while not replaced():  # the limit is that of the test
        assert served()
    assert all(served() for _ in range(5))
    # the socket of the dead one was kept: connections wait for its successor, none is refused
    for _ in range(10):
        assert chat(gateway, key).status == 200
    for client in clients:
        client.close()


def _local_port(client: httpx.Client) -> int:
    pool: Any = client._transport
    connection = pool._pool.connections[0]._connection
    stream = connection._network_stream
    return int(stream.get_extra_info("client_addr")[1])


def test_a_worker_that_dies_within_a_stream_bills_it_once(lasting: Lasting, simulator: SimulatorThread) -> None:
    gateway = lasting.gateway
    key = gateway.key(max_budget=0.01)
    with open_stream(gateway, key, "dies", chunks=10_000, pace_ms=10) as pieces:
        assert next(pieces)
        for worker in gateway.children("gateway"):
            worker.kill()
        with pytest.raises(httpx.TransportError):
            for _ in pieces:
                pass
    row = row_of_user(gateway, "dies")
    assert (row["status"], row["usage_source"]) == ("interrupted", "estimated")
    assert row["cost_nano"] > 0
    wait_until(lambda: simulator.counts()["users"]["dies"]["aborted"] == 1)
    wait_until(lambda: chat(gateway, key, max_tokens=10).status == 200)


def test_control_dies_and_the_data_plane_serves_on(lasting: Lasting) -> None:
    gateway = lasting.gateway
    key = gateway.key()
    limited = gateway.key(max_budget=0.05, rpm_limit=10_000)
    clients = [httpx.Client(base_url=gateway.url, timeout=30) for _ in range(8)]
    body = {"model": "gpt", "messages": HELLO, "max_tokens": 5, "user": "meanwhile", "simulate": {"chunks": 2}}
    headers = {"Authorization": f"Bearer {key}"}
    for client in clients:
        assert client.post(PATH, json=body, headers=headers).status_code == 200
    control = gateway.children("control")[0]
    # suspended first: silent for long enough to be given up, but not replaced
    control.suspend()
    for client in clients:
        while client.get("/health/readiness").json()["db"] == "connected":
            assert client.get("/health/readiness").status_code == 200
            time.sleep(0.2)
        assert client.get("/health/readiness").status_code == 200
        assert client.post(PATH, json=body, headers=headers).status_code == 200
    control.kill()
    served = len(clients)
    began = time.monotonic()
    while time.monotonic() - began < 2:
        for client in clients:
            assert client.post(PATH, json=body, headers=headers).status_code == 200
            served += 1
    wait_until(lambda: httpx.get(f"{gateway.url}/health/readiness").status_code == 200, 20)
    assert gateway.children("control")[0].pid != control.pid
    total = 8 + served
    wait_until(lambda: gateway.rows("SELECT count(*) FROM requests WHERE end_user = 'meanwhile'") == [(total,)])
    wait_until(lambda: gateway.admin("GET", "/key/list").status_code == 200)
    wait_until(lambda: chat(gateway, limited, max_tokens=5).status == 200)
    for client in clients:
        client.close()


def test_while_control_is_away_management_says_so(lasting: Lasting) -> None:
    gateway = lasting.gateway
    control = gateway.children("control")[0]
    control.suspend()
    try:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{gateway.url}/key/list", headers={"Authorization": f"Bearer {MASTER_KEY}"}, timeout=1)
    finally:
        control.resume()
    wait_until(lambda: gateway.admin("GET", "/key/list").status_code == 200)
    control.kill()
    seen: set[int] = set()
    deadline = time.monotonic() + 30
    while 200 not in seen or len(seen) == 1:
        assert time.monotonic() < deadline
        answer = gateway.admin("GET", "/key/list")
        seen.add(answer.status_code)
        assert answer.status_code in (200, 503)
        if answer.status_code == 200:
            break
        assert answer.headers["retry-after"]
