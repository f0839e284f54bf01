from __future__ import annotations

from tests.unit.control.rig import Rig


async def test_what_is_no_kind_or_not_set_is_refused(control: Rig) -> None:
    answer = await control.get("/fallback/demo", fallback_type="content_policy")
    assert (answer.status_code, answer.json()["error"]["param"]) == (404, "model")
    assert (await control.get("/fallback/demo", fallback_type="nope")).status_code == 400
    assert (await control.get("/fallback/demo")).status_code == 404
