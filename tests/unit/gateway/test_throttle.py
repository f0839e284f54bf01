from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import PEPPER, Answer, Rig, eventually, running

from phantom_gateway.security import key_format
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import KeyRecord, Limit, LimitKind
from phantom_gateway.spine.snapshot import Settings

HALF = Settings(throttled_part=0.5)


def limit(key_id: str, kind: LimitKind, amount: int, window: str = "60s", part: str = "") -> Limit:
    entity = f"key:{key_id}{part}"
    return Limit(scope=f"{kind}:{entity}:{window}", kind=kind, entity=entity, amount=amount, window=window)


def broke(rig: Rig, *rates: tuple[LimitKind, int], **fields: Any) -> tuple[str, str]:
    """A key whose budget is nearly nothing, and the scope of its budget."""
    text = key_format.generate().reveal()
    digest = KeyHasher(PEPPER).digest(text.encode())
    budget = limit(digest, "budget", 1, "30d")
    limits = (*[limit(digest, *rate) for rate in rates], budget)
    record = KeyRecord(id=digest, limits=limits, **{"throttled": budget.scope, **fields})
    rig.control.records[digest] = record
    return text, budget.scope


async def asked(rig: Rig, key: str, times: int) -> list[Answer]:
    return [await rig.chat(key) for _ in range(times)]


async def test_it_goes_on_at_a_part_of_its_rates_and_is_charged_all_the_same(tmp_path: Path) -> None:
    async with running(tmp_path, settings=HALF) as rig:
        key, scope = broke(rig, ("requests", 5), ("tokens", 100_000))
        answers = await asked(rig, key, 3)
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert "/throttled" in answers[2].error["details"]["entity"]
        assert answers[2].error["details"]["limit"] == 2
        assert [answer.headers["x-ratelimit-api_key-limit-requests"] for answer in answers[:2]] == ["5", "5"]
        opened, closed = rig.journal()
        assert [[spend.amount for spend in each.reserved if spend.scope == scope] for each in opened] == [[0], [0]]
        charged = [[spend for spend in each.spends if spend.scope == scope] for each in closed]
        assert [len(each) for each in charged] == [1, 1]
        assert [each[0].amount for each in charged] == [each.cost.total for each in closed]
        start, total = charged[0][0].window_start, sum(each.cost.total for each in closed)
        assert start > 0
        budget = next(each for each in next(iter(rig.control.records.values())).limits if each.scope == scope)
        await eventually(lambda: rig.control.authority.usage(budget, time.time()).used == total)


@pytest.mark.parametrize(
    ("settings", "fields", "rates"),
    [
        (Settings(), {}, [("requests", 5)]),
        (HALF, {"throttled": ""}, [("requests", 5)]),
        (HALF, {"throttled": "budget:key:another:30d"}, [("requests", 5)]),
        (HALF, {}, []),
        (HALF, {}, [("parallel", 5)]),
    ],
)
async def test_who_is_refused_as_ever(
    tmp_path: Path, settings: Settings, fields: dict[str, str], rates: list[tuple[LimitKind, int]]
) -> None:
    async with running(tmp_path, settings=settings) as rig:
        key, _ = broke(rig, *rates, **fields)
        (answer,) = await asked(rig, key, 1)
        assert (answer.status, answer.error["type"]) == (422, "budget_exceeded")
        assert rig.journal() == ([], [])


async def test_the_last_of_a_rate_is_one_request(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(throttled_part=0.01)) as rig:
        key, _ = broke(rig, ("requests", 5))
        assert [answer.status for answer in await asked(rig, key, 2)] == [200, 429]
