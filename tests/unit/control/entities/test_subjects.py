from __future__ import annotations

import pytest
from tests.unit.control.rig import Rig

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.customers.fields import CustomerFields
from phantom_gateway.control.customers.view import kind
from phantom_gateway.control.entities.subjects import SubjectService
from phantom_gateway.control.errors import ApiError
from phantom_gateway.spine.messages import Ack, Invalidate
from phantom_gateway.store.tenants import CustomerRow
from phantom_gateway.wire.tasks import TaskGroup

BLANK = CustomerRow(id="c", created_at=0.0, updated_at=0.0)


def service_of(control: Rig) -> SubjectService[CustomerRow]:
    return SubjectService(Writer(control.services, "me"), kind())


async def test_a_second_change_builds_on_the_first(control: Rig) -> None:
    service = service_of(control)
    await service.create(BLANK, CustomerFields(user_id="c", max_budget=1.0, alias="x"))
    await service.update("c", CustomerFields(user_id="c", rpm_limit=2))
    view, revision = await service.update("c", CustomerFields(user_id="c", alias=None))
    assert (view["max_budget"], view["rpm_limit"], view["alias"], view["updated_by"], revision) == (
        1.0,
        2,
        None,
        "me",
        3,
    )


async def test_workers_forget_before_the_answer(control: Rig) -> None:
    service, tasks = service_of(control), TaskGroup()
    async with control.worker() as worker:
        for change in (
            service.create(BLANK, CustomerFields(user_id="c")),
            service.update("c", CustomerFields(user_id="c", blocked=True)),
            service.delete(["c"], "user_ids"),
        ):
            done = tasks.spawn(change, "change")
            order = await worker.expect(Invalidate)
            assert order.entities == ("customer:c",)
            assert not done.done()
            worker.send(Ack(seq=order.seq))
            await done


async def test_who_is_not_known_can_be_blocked_and_is_not_made_by_unblocking(control: Rig) -> None:
    service = service_of(control)
    assert await service.set_blocked([BLANK], False) == []
    assert [view["blocked"] for view in await service.set_blocked([BLANK], True)] == [True]
    assert [view["blocked"] for view in await service.set_blocked([BLANK], False)] == [False]


async def test_all_are_deleted_or_none(control: Rig) -> None:
    service = service_of(control)
    await service.create(BLANK, CustomerFields(user_id="c"))
    with pytest.raises(ApiError, match="No such customer"):
        await service.delete(["c", "d"], "user_ids")
    assert await service.delete(["c", "c"], "user_ids") == 1
