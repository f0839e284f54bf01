from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.config.schema_general import GeneralSettings
from phantom_gateway.control import retention
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.retention import DAY_SECONDS, Retention, Terms, terms_of
from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import REQUESTS

NOON = 1_800_014_400.0
"""2027-01-15 12:00 UTC."""


def settings(**given: Any) -> GeneralSettings:
    return GeneralSettings.model_validate({f"maximum_spend_logs_{name}": value for name, value in given.items()})


def job(control: Rig, now: float, node: str = "n", **given: Any) -> Retention:
    return Retention(control.services.database, node, lambda: settings(**given), lambda: now)


def fill(control: Rig, *days_ago: int) -> None:
    records = tuple(
        closed(number, at_ns=int((NOON - days * DAY_SECONDS) * 1e9)) for number, days in enumerate(days_ago, 1)
    )
    batch = Batch(incarnation="w", records=records, position=Position(len(records), 1, 1), damage=())
    DatabaseSink(control.services.database.database).apply(batch)


async def left(control: Rig) -> list[int]:
    query = sa.select(REQUESTS.c.number).order_by(REQUESTS.c.number)
    return await control.services.database.read(lambda connection: list(connection.execute(query).scalars()))


def test_terms() -> None:
    assert terms_of(settings()) is None
    assert terms_of(settings(retention_interval="1h")) is None
    assert terms_of(settings(retention_period="30d")) == Terms(30 * DAY_SECONDS, DAY_SECONDS)
    assert terms_of(settings(retention_period="2mo", retention_interval="6h")) == Terms(62 * DAY_SECONDS, 21_600.0)
    found = terms_of(settings(retention_period="1d", cleanup_cron="0 4 * * *"))
    assert found is not None
    assert found.cron is not None


async def test_rows_older_than_the_period_go_once_an_interval(control: Rig) -> None:
    fill(control, 40, 31, 30, 2)
    assert await job(control, NOON).look() is None, "nothing is configured"
    assert await left(control) == [1, 2, 3, 4]
    assert await job(control, NOON, retention_period="30d").look() == 2
    assert await left(control) == [3, 4]
    assert await job(control, NOON + 3600, "other", retention_period="1d").look() is None, "somebody has done it today"
    assert await job(control, NOON + DAY_SECONDS, "other", retention_period="1d").look() == 2


async def test_with_a_cron_expression_it_is_its_minutes(control: Rig) -> None:
    fill(control, 40)
    given = {"retention_period": "30d", "cleanup_cron": "30 12 * * *"}
    assert await job(control, NOON, **given).look() is None
    assert await job(control, NOON + 1805, **given).look() == 1
    assert await job(control, NOON + 1825, **given).look() is None, "once in that minute"
    assert await job(control, NOON + 1800 + DAY_SECONDS, **given).look() == 0


async def test_it_looks_by_itself_and_outlives_a_database_that_is_away(
    control: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(retention, "LOOK_SECONDS", 0.001)
    looked = 0

    class Away(Retention):
        async def look(self) -> int | None:
            nonlocal looked
            looked += 1
            if looked >= 3:
                done.set()
            return await super().look()

    done = asyncio.Event()
    missing = AsyncDatabase(open_sqlite(control.path / "nowhere" / "db"))
    watcher = Away(missing, "n", lambda: settings(retention_period="1d"), lambda: NOON)
    watcher.start()
    async with asyncio.timeout(10):
        await done.wait()
    await watcher.stop()
    missing.close()
    assert caplog.text.count("old requests are not removed at the moment") == 1
