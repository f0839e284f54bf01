from __future__ import annotations

import json
import subprocess
import sys
from array import array

import msgspec
import pytest
from bench.load import Pool, Result, Run, Spec, percentiles
from bench.measure import ROOT, environment

from phantom_gateway.simulator import Simulator


@pytest.fixture
def body() -> str:
    return json.dumps({"model": "demo", "messages": [{"role": "user", "content": "x"}]})


def spec(port: int, body: str, *, stream: bool = False) -> Spec:
    return Spec(port=port, connections=3, requests=20, warmup=3, body=body, warm_body=body, stream=stream)


@pytest.mark.parametrize("controls", ["chunks=3", "chunks=3,pace_ms=1"])
async def test_every_request_is_counted_once(body: str, controls: str) -> None:
    simulator = Simulator()
    port = await simulator.start_tcp()
    body = json.dumps({**json.loads(body), "stream": True, "simulate": controls})
    pool = Pool(port)
    await pool.open(3)
    run = Run([spec(port, body).render(body)], 20, stream=True)
    assert await pool.play(run, 20)
    await pool.close()
    assert (run.done, run.errors, len(run.total), len(run.first)) == (20, 0, 20, 20)
    assert simulator.counts()["total"]["completed"] == 20
    await simulator.close()


@pytest.mark.parametrize("mode", ["500", "rst", "fin", "no_done"])
async def test_faults_are_errors_and_connections_come_back(body: str, mode: str) -> None:
    simulator = Simulator()
    port = await simulator.start_tcp()
    body = json.dumps({**json.loads(body), "stream": True, "simulate": {"mode": mode}})
    pool = Pool(port)
    await pool.open(2)
    run = Run([spec(port, body).render(body)], 10, stream=True)
    assert await pool.play(run, 20)
    await pool.close()
    assert (run.done, run.errors) == (10, 10)
    await simulator.close()


async def test_a_run_ends_in_time(body: str) -> None:
    simulator = Simulator()
    port = await simulator.start_tcp()
    body = json.dumps({**json.loads(body), "simulate": {"mode": "stall"}})
    pool = Pool(port)
    await pool.open(1)
    assert not await pool.play(Run([spec(port, body).render(body)], 1, stream=False), 0.1)
    await pool.close()
    await simulator.close()


def test_the_process_speaks_with_its_parent(body: str) -> None:
    program = "import typer; from phantom_gateway.cli.simulate import simulate; typer.run(simulate)"
    with subprocess.Popen(
        [sys.executable, "-c", program, "--port", "0"], stdout=subprocess.PIPE, text=True, env=environment()
    ) as simulator:
        assert simulator.stdout is not None
        port = int(simulator.stdout.readline().rpartition(":")[2].partition("/")[0])
        arguments = [sys.executable, "-m", "bench.load", msgspec.json.encode(spec(port, body)).decode()]
        done = subprocess.run(
            arguments, input="go\n", capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=30
        )
        simulator.terminate()
    warm, line = done.stdout.splitlines()
    assert warm == "warm"
    result = msgspec.json.decode(line, type=Result)
    assert (result.done, result.errors) == (20, 0)
    assert 0 < result.total[0] <= result.total[1]


def test_percentiles() -> None:
    assert percentiles(array("q", range(100, 0, -1))) == (51, 100)
    assert percentiles(array("q")) == (0, 0)
