from __future__ import annotations

from tests.unit.control.rig import Rig


async def test_alive_is_litellms_sentence(control: Rig) -> None:
    for path in ("/health/liveliness", "/health/liveness"):
        answer = await control.get(path, headers={})
        assert (answer.status_code, answer.json()) == (200, "I'm alive!")


async def test_ready_means_the_database_answers(control: Rig) -> None:
    answer = await control.get("/health/readiness", headers={})
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy", "db": "connected"})
    path = control.path / "phantom.db"
    path.rename(control.path / "gone.db")
    path.mkdir()
    control.services.database.database.engine.dispose()
    answer = await control.get("/health/readiness", headers={})
    assert (answer.status_code, answer.json()) == (503, {"status": "unhealthy", "db": "Not connected"})
    path.rmdir()
    (control.path / "gone.db").rename(path)
    assert (await control.get("/health/readiness", headers={})).status_code == 200
