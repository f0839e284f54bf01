from __future__ import annotations

from typing import Any

from tests.unit.control.rig import Rig, bearer


async def test_a_key_is_found_by_its_value_and_its_id(control: Rig) -> None:
    """Asked over a route that filters by key; a name that is no key filters everything out."""
    made = await control.generate()
    body = {"api_key": made["token"], "amount": 1, "reason": "start"}
    assert (await control.post("/spend/corrections", body)).status_code == 200
    found: dict[str, Any] = {}
    for reference in (made["key"], made["token"], "sk-of-nobody", "f" * 64):
        answer = await control.get("/key/spend/report", bearer(made["key"]), api_key=reference)
        found[reference] = [row["total_cost"] for row in answer.json()]
    assert list(found.values()) == [[1.0], [1.0], [], []]
