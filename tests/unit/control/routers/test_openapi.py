from __future__ import annotations

from tests.unit.control.rig import Rig


async def test_it_is_made_once(control: Rig) -> None:
    first = await control.get("/openapi.json")
    assert first.json()["info"]["title"] == "Phantom Gateway"
    assert (await control.get("/openapi.json")).content == first.content
