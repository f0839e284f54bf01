from __future__ import annotations

from tests.unit.control.rig import ADMIN, Rig, bearer
from tests.unit.control.spending_rig import WEEK


async def test_no_answer_is_kept_or_taken_for_something_else(control: Rig) -> None:
    key = (await control.generate())["key"]
    for status, answer in (
        (200, await control.get("/key/info", bearer(key))),
        (200, await control.get("/key/list")),
        (200, await control.get("/user/daily/activity/export", format="json", **WEEK)),
        (200, await control.get("/health/liveliness", {})),
        (400, await control.post("/key/generate", {"nope": 1})),
        (401, await control.get("/key/info", {})),
        (404, await control.get("/nope")),
        (404, await control.get("/key/info", key="sk-nope")),
        (405, await control.http.put("/key/list", headers=ADMIN)),
        (412, await control.http.post("/key/block", json={"key": key}, headers={**ADMIN, "if-match": '"9"'})),
    ):
        assert answer.status_code == status, answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
