"""The real process, started as the supervisor starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.unit.store.samples import KEY_ID, closed, opened

import phantom_gateway
from phantom_gateway.cli.verify import verify
from phantom_gateway.config.secret import Secret
from phantom_gateway.ledger.journal import Journal
from phantom_gateway.security import audit_memory, secret_file
from phantom_gateway.store import spend
from phantom_gateway.store.database import open_sqlite, open_sqlite_readonly
from phantom_gateway.store.tables import PHANTOM_KEYS, REQUESTS

pytestmark = pytest.mark.slow

GOOD = "sk-f3a9c1d27be84460a5c0e7"


def environment() -> dict[str, str]:
    """Without provider keys, and with the sources under test first."""
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return kept | {"PYTHONPATH": str(Path(phantom_gateway.__file__).parents[1])}


@contextmanager
def control(data: Path, *arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A control process and the line it has said; ended at the end, if it is still there."""
    reader, writer = os.pipe()
    command = [
        sys.executable,
        "-m",
        "phantom_gateway.control",
        "--data-dir",
        str(data),
        "--ready-fd",
        str(writer),
        *arguments,
    ]
    process = subprocess.Popen(command, pass_fds=[writer], env=environment(), stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        line = json.loads(pipe.readline())
    try:
        yield process, line
    finally:
        process.kill()
        process.wait()


def client(data: Path, key: str) -> httpx.Client:
    transport = httpx.HTTPTransport(uds=str(data / "run" / "control.sock"))
    return httpx.Client(transport=transport, base_url="http://control", headers={"authorization": f"Bearer {key}"})


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_life_of_a_control(tmp_path: Path) -> None:
    with control(tmp_path) as (process, line):
        assert line["ready"] is True
        assert line["pid"] == process.pid
        master = line["master_key"]
        assert (tmp_path / "keys" / "master.key").read_text().strip() == master
        with client(tmp_path, master) as admin:
            answer = admin.get("/health/readiness")
            assert answer.json() == {"status": "healthy", "db": "connected"}
            assert not {"server", "date"} & set(answer.headers)
            key = admin.post("/key/generate", json={}).json()["key"]
            assert [model["model_name"] for model in admin.get("/model/info").json()["data"]] == ["demo"]
        demo = httpx.Client(
            transport=httpx.HTTPTransport(uds=str(tmp_path / "run" / "demo.sock")), base_url="http://demo"
        )
        assert demo.get("/v1/models").status_code == 200
        demo.close()
        with control(tmp_path) as (second, refusal):
            assert (refusal["ready"], refusal["kind"]) == (False, "DataDirectoryError")
            assert second.wait(10) == 1
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert not (tmp_path / "run" / "control.sock").exists()
    with control(tmp_path) as (process, line):
        assert line["master_key"] is None, "shown once"
        with client(tmp_path, key) as owner:
            assert owner.get("/key/info").status_code == 200


def test_a_configuration_is_reloaded_and_a_broken_one_is_not(tmp_path: Path) -> None:
    data, config = tmp_path / "data", tmp_path / "config.yaml"
    text = f"general_settings: {{master_key: {GOOD}}}\nrouter_settings: {{num_retries: %s}}\n"
    config.write_text(text % "oops")
    with control(data, "--config", str(config)) as (process, line):
        assert (line["ready"], line["kind"]) == (False, "ConfigError")
        assert "num_retries" in line["error"]
        assert process.wait(10) == 1
    config.write_text(text % 1)
    with control(data, "--config", str(config)) as (process, line), client(data, GOOD) as admin:

        def status() -> dict[str, Any]:
            found: dict[str, Any] = admin.get("/config/reload/status").json()
            return found

        assert (status()["status"], status()["revision"]) == ("ok", 1)
        config.write_text(text % "broken")
        process.send_signal(signal.SIGHUP)
        until(lambda: status()["status"] == "refused")
        assert "num_retries" in status()["problems"][0]
        assert status()["revision"] == 1
        config.write_text(text % 5)
        until(lambda: status()["revision"] == 2)
        config.write_text((text % 5).replace(GOOD, GOOD + "new"))
        until(lambda: admin.get("/config/reload/status").status_code == 401)
        with client(data, GOOD + "new") as successor:
            assert successor.get("/config/reload/status").json()["status"] == "ok"


def test_control_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys, time\n"
        f"arguments = ['--data-dir', {str(tmp_path)!r}, '--ready-fd', '1']\n"
        "p = subprocess.Popen([sys.executable, '-m', 'phantom_gateway.control', *arguments])\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script]
    supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment())
    assert supervisor.stdout is not None
    line = json.loads(supervisor.stdout.readline())
    supervisor.stdout.close()
    supervisor.kill()
    supervisor.wait()
    until(lambda: not (tmp_path / "run" / "control.sock").exists())
    assert line["ready"] is True


def test_a_lost_root_key_is_not_replaced_silently(tmp_path: Path) -> None:
    with control(tmp_path) as (process, _line):
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    (tmp_path / "keys" / "root.key").unlink()
    with control(tmp_path) as (process, line):
        assert (line["ready"], line["kind"]) == (False, "KeyringError")
        assert process.wait(10) == 1


def test_a_root_key_of_the_operators_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By file and by variable; a wrong one, and one that cannot be reached, is a reason not to start."""
    data, config, key = tmp_path / "data", tmp_path / "config.yaml", tmp_path / "root"
    arguments = (data, "--config", str(config))
    secret_file.create(key, Secret("0f" * 32))
    config.write_text(f"phantom: {{security: {{root_key: 'file:{key}'}}}}\n")
    with control(*arguments) as (process, line):
        assert line["ready"] is True
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert not (data / "keys" / "root.key").exists()
    config.write_text("phantom: {security: {root_key: 'env:TEST_ROOT_KEY'}}\n")
    for value, kind in (("", "KeyringError"), ("0e" * 32, "WrongPepperError"), ("0f" * 32, None)):
        monkeypatch.setenv("TEST_ROOT_KEY", value)
        with control(*arguments) as (_process, line):
            assert line.get("kind") == kind
            assert kind is None or line["error"].startswith("sealed: ")
    config.write_text("model_list: []\n")
    with control(*arguments) as (_process, line):
        assert (line["kind"], "root.key is missing" in line["error"]) == ("KeyringError", True)
    assert not (data / "keys" / "root.key").exists()


def test_wrapped_keys_that_do_not_open_keep_it_from_starting(tmp_path: Path) -> None:
    with control(tmp_path) as (process, _line):
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    database = open_sqlite(tmp_path / "phantom.db")
    with database.write() as connection:
        connection.execute(sa.update(PHANTOM_KEYS).values(wrapped="A" * 80))
    database.close()
    with control(tmp_path) as (_process, line):
        assert (line["ready"], line["kind"]) == (False, "SealedError")


def test_the_end_of_the_audit_log_is_remembered(tmp_path: Path) -> None:
    with control(tmp_path) as (process, _line):
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    remembered = audit_memory.read(tmp_path)
    assert remembered is not None
    assert remembered.seq == 1


async def test_killed_at_any_moment_it_counts_every_record_once(tmp_path: Path) -> None:
    """A journal of 12,000 records, a control that is killed three times while it takes them in."""
    journal = Journal(tmp_path / "journal" / "w1", "w1", reserve_bytes=4096)
    journal.open()
    total = 0
    for number in range(6000):
        first = journal.append(opened(0))
        journal.append(closed(0, opened=first, cost=number))
        total += number
    for delay in (0.0, 0.05, 0.15):
        with control(tmp_path) as (process, line):
            assert line["ready"] is True
            await asyncio.sleep(delay)
            process.kill()
    with control(tmp_path) as (process, line):
        until(lambda: rows(tmp_path) == 6000)
        assert verify(tmp_path).ok
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    report = verify(tmp_path)
    assert report.ok, report.as_json()
    database = open_sqlite_readonly(tmp_path / "phantom.db")
    with database.read() as connection:
        assert spend.totals(connection, [f"key:{KEY_ID}"])[f"key:{KEY_ID}"].amount_nano == total
    database.close()
    await journal.close()


def rows(data: Path) -> int:
    database = open_sqlite_readonly(data / "phantom.db")
    with database.read() as connection:
        found = connection.execute(sa.select(sa.func.count()).select_from(REQUESTS)).scalar_one()
    database.close()
    return found
