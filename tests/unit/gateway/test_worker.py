from __future__ import annotations

import asyncio
import time
from pathlib import Path

import msgspec
import pytest
from tests.unit.gateway.rig import QUICK, deployment, eventually, running

from phantom_gateway.gateway.worker import Readiness
from phantom_gateway.limits.shares import Place
from phantom_gateway.spine.messages import (
    Ack,
    Heartbeat,
    Hello,
    Invalidate,
    LeaseReturn,
    LeaseReturns,
    Load,
    NewSnapshot,
    Recall,
)
from phantom_gateway.spine.snapshot import HttpLimits, Settings, Snapshot


async def test_it_says_hello_and_serves_what_it_is_given(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(journal_sync="strict"), http=HttpLimits(max_body=99)) as rig:
        (hello,) = rig.control.told(Hello)
        assert (hello.worker, hello.slot, hello.revision, hello.held) == (rig.worker.incarnation, 0, 0, ())
        assert rig.worker.journal.sync == "strict"
        assert rig.worker.server.limits.max_body == 99
        assert rig.worker.readiness().ok


async def test_a_new_snapshot_is_swapped_in_and_acknowledged(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.key()
        assert (await rig.chat(key, model="new")).status == 400
        assert rig.control.snapshot is not None
        fresh = msgspec.structs.replace(
            rig.control.snapshot, revision=2, deployments=(deployment(rig.simulator_port, group="new"),)
        )
        rig.control.send(NewSnapshot(seq=7, snapshot=fresh))
        await eventually(lambda: rig.control.told(Ack) == [Ack(seq=7)])
        assert (await rig.chat(key, model="new")).status == 200
        assert (await rig.chat(key)).status == 400
        assert rig.worker.hello().revision == 2


async def test_what_runs_keeps_its_snapshot(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        running_chat = asyncio.get_running_loop().create_task(rig.chat(rig.key(), simulate={"first_ms": 150}))
        await eventually(lambda: rig.simulator.counts()["total"]["requests"] == 1)
        rig.control.send(NewSnapshot(seq=1, snapshot=Snapshot(revision=2, routing=QUICK)))
        await eventually(lambda: bool(rig.control.told(Ack)))
        assert (await running_chat).status == 200


async def test_it_serves_on_without_control_and_rejoins(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("requests", 10)
        assert (await rig.chat(key)).status == 200
        rig.control.hang_up()
        await eventually(lambda: not rig.worker.spine.connected)
        assert rig.worker.readiness().ok, "it serves the key it knows"
        assert rig.worker.readiness().db == "Not connected"
        await eventually(lambda: len(rig.control.told(Hello)) == 2)
        again = rig.control.told(Hello)[1]
        assert again.revision == 1
        assert again.journal_position == 2
        assert [lease.scope for lease in again.held] == ["requests:key:0:60s"]
        await eventually(lambda: rig.worker.readiness().ok)
        assert (await rig.chat(key)).status == 200


async def test_pushes_are_answered(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.control.send(Invalidate(seq=3, entities=("key:x",), key_epoch=5))
        await eventually(lambda: rig.control.told(Ack) == [Ack(seq=3)])
        key = rig.limited("budget", 10**9, "30d")
        assert (await rig.chat(key)).status == 200
        scope = "budget:key:0:30d"
        rig.control.send(Recall(scope=scope, seq=4))
        await eventually(lambda: bool(rig.control.told(LeaseReturn)))
        answer = rig.control.told(LeaseReturn)[0]
        assert (answer.scope, answer.seq) == (scope, 4)
        assert answer.amount > 0
        rig.control.send(Recall(scope="unknown", seq=5))
        await eventually(lambda: LeaseReturn(scope="unknown", window_start=0.0, amount=0, seq=5) in rig.control.heard)


async def test_it_hears_its_place_among_the_workers_and_of_others_beyond_their_share(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        workers = tuple(sorted(("0", rig.worker.incarnation, "g")))
        rig.control.send(Heartbeat(revision=1, key_epoch=0, workers=workers, nodes=2, node=1))
        await eventually(lambda: rig.worker.book.shares.place == Place(3, 1, 2, 1))
        rig.control.send(Recall(scope="requests:key:k:60s", seq=9, notice=True, window_start=60.0))
        answer = LeaseReturn(scope="requests:key:k:60s", window_start=60.0, amount=0, seq=9)
        await eventually(lambda: answer in rig.control.heard)


async def test_the_database_is_reported_as_the_last_heartbeat_said(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.control.send(Heartbeat(revision=1, key_epoch=0, database_ok=False))
        await eventually(lambda: rig.worker.readiness().db == "Not connected")
        assert rig.worker.readiness().ok, "requests do not need the database"
        rig.control.send(Heartbeat(revision=1, key_epoch=0))
        await eventually(lambda: rig.worker.readiness().db == "connected")


async def test_without_control_and_without_a_key_it_is_not_ready(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        rig.control.hang_up()
        await eventually(lambda: not rig.worker.spine.connected)
        assert not rig.worker.readiness().ok
        await eventually(lambda: rig.worker.readiness().ok)


async def test_it_reports_its_load(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.chat(rig.key())
        await eventually(lambda: any(load.requests == 1 for load in rig.control.told(Load)))
        assert rig.control.told(Load)[-1].journal_degraded == ""


async def test_it_ends_in_order(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        key = rig.limited("budget", 10**9, "30d")
        chat = asyncio.get_running_loop().create_task(
            rig.chat(key, stream=True, simulate={"chunks": 10, "pace_ms": 20})
        )
        await eventually(lambda: rig.simulator.counts()["total"]["completion_tokens"] > 2)
        await rig.worker.stop(5.0)
        answer = await chat
        assert answer.events()[-1] == "[DONE]"
        assert rig.closed().status == "success"
        await eventually(lambda: bool(rig.control.told(LeaseReturns)))


async def test_what_does_not_end_in_time_is_cut_and_billed(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        chat = asyncio.get_running_loop().create_task(
            rig.chat(rig.key(), stream=True, simulate={"chunks": 1000, "pace_ms": 20})
        )
        await eventually(lambda: rig.simulator.counts()["total"]["completion_tokens"] > 2)
        started = time.monotonic()
        await rig.worker.stop(0.05)
        assert time.monotonic() - started < 5
        answer = await chat
        assert b"[DONE]" not in answer.body
        assert b'"type":"service_unavailable"' in answer.body
        closed = rig.closed()
        assert closed.cost.total > 0
        assert (closed.status, closed.client_left) == ("failure", False)


@pytest.mark.parametrize(("stream", "output"), [(False, 30), (True, None)])
async def test_what_is_cut_before_anything_came_is_billed_by_estimate(
    tmp_path: Path, stream: bool, output: int | None
) -> None:
    async with running(tmp_path) as rig:
        chat = asyncio.get_running_loop().create_task(
            rig.chat(rig.key(), stream=stream, max_tokens=30, simulate={"first_ms": 60_000})
        )
        await eventually(lambda: rig.simulator.counts()["total"]["requests"] == 1)
        await rig.worker.stop(0.05)
        assert (await chat).status == 503
        closed = rig.closed()
        assert (closed.status, closed.http_status, closed.usage.source) == ("failure", 503, "estimated")
        assert closed.usage.output == output
        assert closed.cost.total == (closed.usage.input or 0) * 1000 + (output or 0) * 2000 > 0


def test_readiness_in_litellms_shape() -> None:
    assert Readiness("healthy", "connected").body() == b'{"status":"healthy","db":"connected"}'
    assert not Readiness("unhealthy", "connected").ok
