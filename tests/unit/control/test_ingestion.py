from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from tests.support.servers import PostgresServer
from tests.unit.control.rig import Rig, rig
from tests.unit.store.samples import closed, opened

from phantom_gateway.control.ingestion import Ingestion
from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.lending import Readings
from phantom_gateway.spine.messages import Ack, HeldLease, Invalidate, LeaseAsk, LeaseGrant, Limit, Spend
from phantom_gateway.store import spend
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.store.spend import WindowSpend
from phantom_gateway.wire.tasks import TaskGroup


def local(ingestion: Ingestion) -> Authority:
    """The authority of a node of its own."""
    assert isinstance(ingestion.authority, Authority)
    return ingestion.authority


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)


async def spend_of(control: Rig, key: str) -> float:
    return float((await control.get("/key/info", key=key)).json()["info"]["spend"])


async def test_spend_appears_in_the_api(control: Rig) -> None:
    made = await control.generate(max_budget=1)
    journal = control.journal("w1")
    journal.append(closed(0, cost=250_000_000, key_id=made["token"]))
    control.ingestion.poke()
    async with asyncio.timeout(10):
        while await spend_of(control, made["key"]) != 0.25:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
    (row,) = (await control.get("/spend/logs", api_key=made["key"])).json()
    assert (row["spend"], row["api_key"], row["total_tokens"]) == (0.25, made["token"], 18)
    await journal.close()


async def test_a_lease_becomes_spend_and_nothing_is_counted_twice(control: Rig) -> None:
    made = await control.generate(max_budget=0.0000001)
    record = await control.directory.find(made["token"])
    assert record is not None
    (limit,) = record.limits
    journal = control.journal("w1")
    async with control.worker("w1") as worker:
        worker.send(LeaseAsk(seq=1, limit=limit, need=60, want=60))
        assert (await worker.expect(LeaseGrant)).granted == 60
        journal.append(closed(0, cost=45, key_id=made["token"]))
        await until(lambda: local(control.ingestion).spent(limit, 0.0) == 45)
        worker.send(LeaseAsk(seq=2, limit=limit, need=41, want=41))
        assert (await worker.expect(LeaseGrant)).granted == 0
        worker.send(LeaseAsk(seq=3, limit=limit, need=40, want=40))
        assert (await worker.expect(LeaseGrant)).granted == 40
    await journal.close()


async def test_the_dead_are_recovered_and_their_leases_freed(control: Rig) -> None:
    made = await control.generate(max_budget=0.0000001)
    record = await control.directory.find(made["token"])
    assert record is not None
    (limit,) = record.limits
    journal = control.journal("w1")
    journal.append(opened(0, estimate=30, key_id=made["token"]))
    held = HeldLease(scope=limit.scope, window_start=0.0, amount=100, limit=limit)
    async with control.worker("w1", held=(held,), journal_position=1):
        assert local(control.ingestion).usage(limit, 0.0).used == 100
    await journal.close()
    await until(lambda: "w1" not in local(control.ingestion).workers())
    assert local(control.ingestion).usage(limit, 0.0).used == 30
    (row,) = (await control.get("/spend/logs", api_key=made["key"])).json()
    assert (row["metadata"]["status"], row["metadata"]["usage_source"], row["spend"]) == (
        "interrupted",
        "estimated",
        3e-08,
    )
    await until(lambda: not (control.path / "journal" / "w1").exists())


async def test_a_changed_budget_window_keeps_what_was_spent(control: Rig) -> None:
    made = await control.generate(max_budget=1)
    journal = control.journal("w1")
    record = closed(0, cost=400_000_000, key_id=made["token"], at_ns=int(control.services.clock() * 1e9))
    journal.append(record)
    await control.ingestion.catch_up("w1", 1)
    for duration in ("1mo", "30d", None, "1mo"):
        answer = await control.post("/key/update", {"key": made["key"], "budget_duration": duration, "max_budget": 2})
        assert answer.json()["spend"] == 0.4, duration
        found = await control.directory.find(made["token"])
        assert found is not None
        assert local(control.ingestion).spent(found.limits[-1], control.services.clock()) == 400_000_000
    await journal.close()


async def test_a_reset_behind_a_commit_that_nobody_saw_counts_nothing_twice(
    control: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await control.generate(max_budget=1)
    record = await control.directory.find(made["token"])
    assert record is not None
    (limit,) = record.limits
    assert local(control.ingestion).spent(limit, 0.0) == 0
    sink = control.ingestion._sink._inner
    apply = sink.apply

    def committed(batch: Batch) -> None:
        apply(batch)
        monkeypatch.undo()
        raise DatabaseError("the connection was lost behind the commit")

    monkeypatch.setattr(sink, "apply", committed)
    journal = control.journal("w1")
    journal.append(closed(0, cost=400_000_000, key_id=made["token"]))
    control.ingestion.poke()
    await until(lambda: not control.ingestion.database_ok)
    answer = await control.post(f"/key/{made['token']}/reset_spend", {"reset_to": 0})
    assert answer.status_code == 200, answer.text
    await control.ingestion.catch_up("w1", 1)
    assert local(control.ingestion).spent(limit, 0.0) == 0
    await journal.close()


async def test_an_outage_of_the_database_loses_nothing(control: Rig) -> None:
    made = await control.generate(max_budget=1)
    journal = control.journal("w1")
    path = control.path / "phantom.db"
    path.rename(control.path / "gone.db")
    path.mkdir()
    control.services.database.database.engine.dispose()
    for _ in range(5):
        journal.append(closed(0, cost=1_000_000, key_id=made["token"]))
    control.ingestion.poke()
    await until(lambda: not control.ingestion.database_ok)
    path.rmdir()
    (control.path / "gone.db").rename(path)
    await until(lambda: control.ingestion.database_ok)
    await control.ingestion.catch_up("w1", 5)
    assert await spend_of(control, made["key"]) == 0.005
    await journal.close()


async def test_a_text_that_postgresql_cannot_hold_stops_nothing(tmp_path: Path, postgres: PostgresServer) -> None:
    """Found open and closed, in every name that a caller or an upstream chooses."""
    names: dict[str, Any] = {"end_user": "a\0b", "session_id": "\0", "tags": ("\0",), "model": "m\0", "team_id": "t\0"}
    async with rig(tmp_path, database=postgres.open(postgres.migrated())) as control:
        made = await control.generate(max_budget=1)
        journal = control.journal("w1")
        number = journal.append(opened(0, key_id=made["token"], **names))
        charged = (Spend("budget:customer:a\0b:", 0.0, 1_000_000),)
        journal.append(closed(0, cost=1_000_000, key_id=made["token"], spends=charged, upstream_model="\0", **names))
        journal.append(closed(0, opened=number, cost=1_000_000, key_id=made["token"], **names))
        journal.append(closed(0, cost=1_000_000, key_id=made["token"]))
        async with asyncio.timeout(20):
            assert await control.ingestion.catch_up("w1", 4)
        assert await spend_of(control, made["key"]) == 0.003
        await journal.close()


async def test_while_workers_of_before_are_missing_nothing_is_granted(control: Rig) -> None:
    limit = Limit(scope="budget:key:k:", kind="budget", entity="key:k", amount=10, window="")
    journal = control.journal("old")
    later = Ingestion(control.path / "journal", control.services.database.database)
    later.start(100.0)
    assert local(later).recovering(101.0)
    grant = local(later).ask("new", limit, 1, 1, 101.0)
    assert getattr(grant, "reason", "") == "recovering"
    # its lock is held: it lives and may still spend what it holds, however long it is silent
    assert local(later).recovering(106.0)
    await later.stop()
    await journal.close()


async def test_a_call_under_way_is_charged_to_a_budget_it_does_not_know(control: Rig) -> None:
    """The window of a budget changes while a call is under way: the call's money counts in the new window, too."""
    made = await control.generate(max_budget=0.0000001, budget_duration="1d")
    key = made["token"]
    (day,) = await limits_of(control, key)
    journal = control.journal("w1")
    async with control.worker("w1") as worker:
        worker.send(LeaseAsk(seq=1, limit=day, need=60, want=60))
        start = (await worker.expect(LeaseGrant)).window_start
        at = int((start + 1) * 1e9)
        known = (Spend(day.scope, start, 60),)
        journal.append(opened(0, estimate=30, key_id=key, reserved=known, worst=60, at_ns=at))
        changing = TaskGroup().spawn(
            control.post("/key/update", {"key": key, "budget_duration": "1mo"}), "a change of the budget"
        )
        await worker.expect(Invalidate)
        (month,) = await limits_of(control, key)
        worker.send(LeaseAsk(seq=2, limit=month, need=1, want=1))
        assert (await worker.expect(LeaseGrant)).reason == "recovering", "not lent before the worker knows"
        worker.send(Ack(seq=control.spine._seq, journal_position=journal.position))
        await changing
        await until(lambda: not control.ingestion.authority.fences)
        worker.send(LeaseAsk(seq=3, limit=month, need=41, want=41))
        assert (await worker.expect(LeaseGrant)).granted == 0, "60 may still come of the call under way"
        worker.send(LeaseAsk(seq=4, limit=month, need=40, want=40))
        assert (await worker.expect(LeaseGrant)).granted == 40
        spent = (Spend(day.scope, start, 45),)
        journal.append(closed(0, opened=1, cost=45, key_id=key, spends=spent, at_ns=at))
        await until(lambda: local(control.ingestion).usage(month, start + 2).used == 85)
        assert await spend_of(control, made["key"]) == 0.000000045
    await journal.close()


async def test_a_configured_budget_is_charged_for_what_was_under_way_when_it_came(control: Rig) -> None:
    whole = Limit(scope="budget:gateway:", kind="budget", entity="gateway", amount=100, window="")
    journal, at = control.journal("w1"), time.time_ns()
    journal.append(opened(0, estimate=30, reserved=(), worst=60, at_ns=at))
    journal.append(opened(0, estimate=30, reserved=(Spend(whole.scope, 0.0, 7),), worst=7, at_ns=at))
    await control.ingestion.catch_up("w1", 2)
    control.ingestion.configure({"gateway": (whole,)})
    await control.ingestion.change_budgets(lambda connection: (None, [spend.seed(connection, [], whole.scope, 0.0)]))
    assert local(control.ingestion).usage(whole, at / 1e9).used == 60
    journal.append(closed(0, opened=1, cost=45, spends=(), at_ns=at))
    journal.append(closed(0, opened=2, cost=6, spends=(Spend(whole.scope, 0.0, 6),), at_ns=at))
    await control.ingestion.catch_up("w1", 4)
    spent = await control.services.database.read(lambda connection: spend.of_window(connection, whole.scope, 0.0))
    assert spent == 45 + 6
    await journal.close()


async def test_a_worker_that_does_not_confirm_is_reminded(control: Rig) -> None:
    made = await control.generate()
    async with control.worker("w1") as worker:
        await control.post("/key/update", {"key": made["token"], "max_budget": 1})
        (limit,) = await limits_of(control, made["token"])
        named = await worker.expect(Invalidate)
        assert named.entities
        reminder = await worker.obey(Invalidate)
        assert reminder.entities == ()
        await until(lambda: not control.ingestion.authority.fences)
        worker.send(LeaseAsk(seq=1, limit=limit, need=1, want=1))
        assert (await worker.expect(LeaseGrant)).granted == 1


async def test_to_forget_before_the_change_is_there_lifts_nothing(
    control: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is reminded between the fence and the end of the transaction learns the old limits once more."""
    limit = Limit(scope="budget:key:k:", kind="budget", entity="key:k", amount=10, window="")
    ingestion, fences = control.ingestion, control.ingestion.authority.fences
    read_back, ending = ingestion._read_back, threading.Event()

    def late(connection: sa.Connection, spends: Sequence[WindowSpend]) -> Readings:
        assert ending.wait(10)
        return read_back(connection, spends)

    async with control.worker("w1") as worker:
        monkeypatch.setattr(ingestion, "_read_back", late)
        change = ingestion.change_budgets(lambda connection: (None, [spend.seed(connection, [], limit.scope, 0.0)]))
        changing = TaskGroup().spawn(change, "a change of budgets")
        await until(lambda: bool(fences))

        async def asked() -> LeaseGrant:
            worker.send(LeaseAsk(seq=1, limit=limit, need=1, want=1))
            return await worker.expect(LeaseGrant)

        control.spine._remind()
        await worker.obey(Invalidate)
        assert (await asked()).reason == "recovering"
        ending.set()
        await changing
        await ingestion.catch_up("w1", 0)  # after what the confirmation has asked for
        assert fences.owes("w1")
        control.spine._remind()
        while (granted := (await asked()).granted) == 0:
            await worker.obey(Invalidate)
            await asked()
            await ingestion.catch_up("w1", 0)
        assert granted == 1


async def limits_of(control: Rig, key: str) -> tuple[Limit, ...]:
    record = await control.directory.find(key)
    assert record is not None
    return record.limits
