from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.accounts import make
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.spine.messages import Invalidate
from phantom_gateway.store.tables import SPEND


async def test_workers_forget_a_user_that_changes(control: Rig) -> None:
    await make(control, "ada")
    async with control.worker() as worker:
        for path, body in (
            ("/user/update", {"user_id": "ada", "rpm_limit": 3}),
            ("/user/delete", {"user_ids": ["ada"]}),
        ):
            answer = await control.post(path, body)
            assert answer.status_code == 200, answer.text
            assert "user:ada" in (await worker.expect(Invalidate)).entities


async def test_a_users_limits_are_those_of_the_personal_key(control: Rig) -> None:
    key = (await make(control, "ada", max_budget=2, rpm_limit=3))["token"]
    record = await control.directory.find(key)
    assert record is not None
    assert {limit.scope for limit in record.limits} == {"requests:user:ada:60s", "budget:user:ada:"}


async def test_a_new_budget_knows_what_personal_keys_have_spent(control: Rig) -> None:
    key = (await make(control, "ada"))["token"]
    journal = control.journal("w")
    journal.append(closed(0, cost=600_000_000, key_id=key, user_id="ada"))
    journal.append(closed(1, cost=100_000_000, key_id=key, user_id="ada", team_id="t"))
    journal.append(closed(2, cost=100_000_000, key_id=key, user_id="eve"))
    await control.ingestion.catch_up("w", 3)
    await control.post("/user/update", {"user_id": "ada", "max_budget": 1, "budget_duration": "1mo"})
    scope = SPEND.c.scope == "budget:user:ada:1mo"
    spent = await control.services.database.read(
        lambda c: c.execute(sa.select(SPEND.c.amount_nano).where(scope)).scalars().all()
    )
    assert spent == [600_000_000]
    await journal.close()
