from __future__ import annotations

from tests.unit.control.rig import Rig


async def test_the_status_names_what_is_wrong(control: Rig) -> None:
    fine = (await control.get("/config/reload/status")).json()
    assert (fine["status"], fine["revision"], fine["problems"], fine["workers"]) == ("ok", 1, [], 0)
    control.services.configuration.problems = ("config.yaml:3: model_list: must be a list",)
    control.services.configuration.failed_at = 5.0
    broken = (await control.get("/config/reload/status")).json()
    assert broken["status"] == "refused"
    assert broken["problems"] == ["config.yaml:3: model_list: must be a list"]
    assert broken["failed_at"] == "1970-01-01T00:00:05.000000Z"
