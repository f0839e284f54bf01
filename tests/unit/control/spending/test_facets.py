from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import WEEK, day, people, spend

FACETS = "/spend/logs/facets"


async def ask(control: Rig, key: str | None = None, **query: Any) -> Any:
    answer = await control.get(FACETS, bearer(key) if key else None, **{**WEEK, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


def counts(body: Any, facet: str) -> dict[str, int]:
    return {each["label"] or each["value"]: each["count"] for each in body[facet]}


SCANNED = {"start_date": f"{day(6)} 00:00:00", "end_date": f"{day()} 23:00:00"}


@pytest.mark.parametrize("period", [{}, SCANNED], ids=["by sums", "by rows"])
async def test_values_are_counted_alike_by_sums_and_by_rows(control: Rig, period: dict[str, str]) -> None:
    await spend(control, await people(control))
    body = await ask(control, **period)
    assert counts(body, "status") == {"success": 10, "failure": 10}
    assert counts(body, "api_key") == {"key-of-ann": 10, "key-of-bob": 10}
    assert counts(body, "team_id") == {"Team": 10}
    assert (counts(body, "model_group"), counts(body, "provider")) == ({"demo": 20}, {"openai": 20})
    failed = await ask(control, status_filter="failure", **period)
    assert (counts(failed, "user_id"), counts(failed, "status")) == (
        {"ann@x.org": 5, "bob@x.org": 5},
        counts(body, "status"),
    )
    assert body["exact"] is failed["exact"] is True


async def test_a_facet_is_not_narrowed_by_itself(control: Rig) -> None:
    found = await people(control)
    await spend(control, found)
    body = await ask(control, user_id="ann")
    assert counts(body, "user_id") == {"ann@x.org": 10, "bob@x.org": 10}
    assert counts(body, "api_key") == {"key-of-ann": 10}
    assert counts(await ask(control, found.keys["ann"]), "user_id") == {"ann@x.org": 10}
    assert counts(await ask(control, search="bob-"), "user_id") == {"bob@x.org": 10}
    assert (await control.get(FACETS, None, **WEEK, status_filter="maybe")).status_code == 400
    assert (await control.get(FACETS)).status_code == 400
