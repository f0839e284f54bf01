from __future__ import annotations

from tests.unit.control.rig import Rig
from tests.unit.control.spending_rig import TODAY, people, spend

from phantom_gateway.control.spending.cache_hits import cache_activity
from phantom_gateway.store.rollups import Question

WEEK = Question(first=TODAY - 6, last=TODAY)


async def test_what_providers_have_answered_and_what_can_be_asked_for(control: Rig) -> None:
    made = await people(control)
    nothing = await control.services.database.read(lambda c: cache_activity(c, WEEK, WEEK))
    assert nothing["groups"] == []
    assert nothing["totals"]["cache_hit_ratio"] == 0.0
    await spend(control, made)
    bob = Question(first=WEEK.first, last=WEEK.last, only={"key_id": [made.tokens["bob"]]})
    found = await control.services.database.read(lambda c: cache_activity(c, bob, WEEK))
    assert found["groups"] == [
        {
            "call_type": "acompletion",
            "api_requests": 5,
            "cache_hits": 0,
            "failed_requests": 5,
            "cached_completion_tokens": 0,
            "generated_completion_tokens": 110,
        }
    ]
    assert found["totals"] == {
        "api_requests": 5, "cache_hits": 0, "failed_requests": 5, "cached_completion_tokens": 0, "cache_hit_ratio": 0.0,
    }  # fmt: skip
    assert found["filter_options"] == {"key_aliases": ["key-of-ann", "key-of-bob"], "models": ["demo"]}
