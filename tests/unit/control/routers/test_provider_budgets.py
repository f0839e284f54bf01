from __future__ import annotations

import msgspec
from tests.unit.control.rig import SNAPSHOT, Rig, bearer

from phantom_gateway.spine.snapshot import Budget, Routing


async def test_configured_budgets_of_providers_are_shown_to_administrators(control: Rig) -> None:
    assert (await control.get("/provider/budgets")).json() == {"providers": {}}
    routing = Routing(provider_budgets={"openai": Budget(amount=2_500_000_000)})
    control.services.configuration.snapshot = msgspec.structs.replace(SNAPSHOT, routing=routing)
    answer = await control.get("/provider/budgets")
    assert answer.json()["providers"]["openai"] == {
        "budget_limit": 2.5,
        "time_period": None,
        "spend": 0.0,
        "budget_reset_at": None,
    }
    made = await control.generate()
    assert (await control.get("/provider/budgets", headers=bearer(made["key"]))).status_code == 403
