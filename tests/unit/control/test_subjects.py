from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.control.rig import SNAPSHOT, Rig

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.spine.messages import (
    Heartbeat,
    Invalidate,
    ResolvedSubject,
    ResolveSubject,
    SubjectRecord,
)
from phantom_gateway.spine.snapshot import Budget, Settings
from phantom_gateway.store import tenants
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.tenants import AccessGroupRow, BudgetRow, CustomerRow, TagRow
from phantom_gateway.wire.tasks import TaskGroup

STAMPS: dict[str, Any] = {"created_at": 1.0, "updated_at": 1.0}
USD = 1_000_000_000


def configure(control: Rig, **settings: Any) -> None:
    configuration = control.services.configuration
    configuration.snapshot = type(SNAPSHOT)(
        revision=1, deployments=SNAPSHOT.deployments, settings=Settings(**settings), key_pepper=Secret("ab")
    )


def store(control: Rig, *rows: CustomerRow | TagRow | BudgetRow) -> None:
    with control.services.database.database.write() as connection:
        for row in rows:
            if isinstance(row, CustomerRow):
                tenants.CUSTOMERS.insert(connection, row)
            elif isinstance(row, TagRow):
                tenants.TAGS.insert(connection, row)
            else:
                tenants.BUDGETS.insert(connection, row)


async def found(control: Rig, entity: str) -> SubjectRecord | None:
    return await control.spine._parts.subjects.find(entity)


def bounds(record: SubjectRecord | None) -> dict[str, int]:
    assert record is not None
    return {limit.scope: limit.amount for limit in record.limits}


async def test_a_customer_with_everything(control: Rig) -> None:
    row = CustomerRow(
        id="c", blocked=True, models=["demo"], default_model="demo", allowed_model_region="eu", rpm_limit=3, tpd_limit=9,
        max_budget_nano=2 * USD, budget_duration="30d", model_limits={"demo": {"rpm_limit": 1}}, **STAMPS,
    )  # fmt: skip
    store(control, row)
    record = await found(control, "customer:c")
    assert record is not None
    assert (record.blocked, record.models, record.default_model, record.region) == (True, ("demo",), "demo", "eu")
    assert bounds(record) == {
        "requests:customer:c:60s": 3,
        "tokens:customer:c:24h": 9,
        "budget:customer:c:30d": 2 * USD,
    }
    assert list(record.model_limits) == ["demo"]


async def test_limits_come_from_the_shared_budget(control: Rig) -> None:
    store(
        control,
        BudgetRow(id="b", max_budget_nano=7, budget_duration="1d", rpm_limit=4, **STAMPS),
        CustomerRow(id="c", budget_id="b", **STAMPS),
        TagRow(id="t", budget_id="b", rpm_limit=1, **STAMPS),
    )
    assert bounds(await found(control, "customer:c")) == {"requests:customer:c:60s": 4, "budget:customer:c:1d": 7}
    assert bounds(await found(control, "tag:t")) == {"requests:tag:t:60s": 1, "budget:tag:t:1d": 7}


async def test_access_groups_stand_for_their_models(control: Rig) -> None:
    with control.services.database.database.write() as connection:
        group = AccessGroupRow(id="g", name="beta", models=["demo", "other"], **STAMPS)
        tenants.ACCESS_GROUPS.insert(connection, group)
    store(control, CustomerRow(id="c", models=["beta", "x"], **STAMPS))
    record = await found(control, "customer:c")
    assert record is not None
    assert record.models == ("beta", "x", "demo", "other")


async def test_nobody_has_no_limits(control: Rig) -> None:
    assert await found(control, "customer:x") is None
    assert await found(control, "tag:x") is None
    assert await found(control, "team:x") is None


async def test_defaults_count_for_customers_without_a_budget_made_or_not(control: Rig) -> None:
    configure(control, customer_budget=Budget(amount=5))
    store(
        control,
        CustomerRow(id="rich", max_budget_nano=9, **STAMPS),
        CustomerRow(id="windows", budget_limits=[{"budget_duration": "1d", "max_budget_nano": 8}], **STAMPS),
        CustomerRow(id="made", rpm_limit=2, **STAMPS),
        BudgetRow(id="b", max_budget_nano=3, budget_duration="7d", **STAMPS),
    )
    assert bounds(await found(control, "customer:nobody")) == {"budget:customer:nobody:": 5}
    assert bounds(await found(control, "customer:made")) == {
        "requests:customer:made:60s": 2,
        "budget:customer:made:": 5,
    }
    assert bounds(await found(control, "customer:rich")) == {"budget:customer:rich:": 9}
    assert bounds(await found(control, "customer:windows")) == {"budget:customer:windows:1d": 8}
    configure(control, customer_budget=Budget(amount=5), customer_budget_id="b")
    assert bounds(await found(control, "customer:nobody")) == {"budget:customer:nobody:7d": 3}
    assert bounds(await found(control, "customer:rich")) == {"budget:customer:rich:": 9}
    configure(control, customer_budget=Budget(amount=5), customer_budget_id="gone")
    assert bounds(await found(control, "customer:nobody")) == {"budget:customer:nobody:": 5}


async def test_budgets_of_tags_from_the_configuration(control: Rig) -> None:
    configure(control, tag_budgets={"t": Budget(amount=5, window="1d")})
    assert bounds(await found(control, "tag:t")) == {"budget:tag:t:1d": 5}
    assert await found(control, "tag:other") is None
    store(control, TagRow(id="t", max_budget_nano=2, **STAMPS))
    assert bounds(await found(control, "tag:t")) == {"budget:tag:t:": 2}


@pytest.mark.parametrize(
    ("settings", "kinds"),
    [
        ({}, ()),
        ({"customer_budget": Budget(amount=1)}, ("customer",)),
        ({"customer_budget_id": "b"}, ("customer",)),
        ({"tag_budgets": {"t": Budget(amount=1)}}, ("tag",)),
    ],
)
async def test_of_which_kinds_there_are_any(control: Rig, settings: dict[str, Any], kinds: tuple[str, ...]) -> None:
    configure(control, **settings)
    subjects = control.spine._parts.subjects
    assert await subjects.look() is bool(kinds)
    assert subjects.kinds == kinds
    assert await subjects.look() is False


async def test_workers_hear_of_the_first_one_before_the_change_is_confirmed(control: Rig) -> None:
    tasks = TaskGroup()
    async with control.worker() as worker:
        assert worker.welcome.subjects == ()
        store(control, CustomerRow(id="c", blocked=True, **STAMPS))
        asked = tasks.spawn(control.spine.invalidate(("customer:c",)), "invalidate")
        while (await worker.expect(Heartbeat)).subjects != ("customer",):
            pass
        await worker.obey(Invalidate)
        await asyncio.wait_for(asked, 1)
        worker.send(ResolveSubject(seq=4, entity="customer:c"))
        answer = await worker.expect(ResolvedSubject)
        assert (answer.seq, answer.unavailable) == (4, False)
        assert answer.subject is not None
        assert answer.subject.blocked
        worker.send(ResolveSubject(seq=5, entity="customer:d"))
        assert (await worker.expect(ResolvedSubject)).subject is None
    async with control.worker("w2") as worker:
        assert worker.welcome.subjects == ("customer",)


async def test_a_dead_database_is_unavailable_and_not_unknown(control: Rig) -> None:
    subjects = control.spine._parts.subjects
    async with control.worker(revision=1) as worker:
        subjects._database = AsyncDatabase(open_sqlite(control.path / "nowhere" / "phantom.db"))
        worker.send(ResolveSubject(seq=1, entity="customer:c"))
        assert (await worker.expect(ResolvedSubject)).unavailable
        subjects.kinds = ("customer",)
        await control.spine._look_at_subjects()
        assert subjects.kinds == ("customer",)
    subjects._database.close()
