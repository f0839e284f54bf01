from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import httpx
import typer
from typer.testing import CliRunner

from phantom_gateway.cli.simulate import simulate
from phantom_gateway.simulator import MODES

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "import typer; from phantom_gateway.cli.simulate import simulate; typer.run(simulate)"


def test_the_list_names_every_mode() -> None:
    app = typer.Typer()
    app.command()(simulate)
    result = CliRunner().invoke(app, ["--list"])
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(MODES)


def test_it_serves_until_it_is_told_to_stop() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM, "--port", "0"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        assert httpx.get(f"{url}/models").json()["data"][0]["id"] == "demo"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0


def test_a_unix_socket_and_a_taken_place(tmp_path: Path) -> None:
    missing = str(tmp_path / "no" / "sim.sock")
    failed = subprocess.run([sys.executable, "-c", PROGRAM, "--socket", missing], capture_output=True, text=True)
    assert failed.returncode == 1
    assert "phantom simulate:" in failed.stderr
    path = str(tmp_path / "sim.sock")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--socket", path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert path in process.stdout.readline()
        with httpx.Client(transport=httpx.HTTPTransport(uds=path)) as client:
            assert client.get("http://sim/health").status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
