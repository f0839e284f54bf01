from __future__ import annotations

from tests.unit.control.rig import Rig
from tests.unit.control.spending_rig import people as make_people

from phantom_gateway.control.spending import people


async def test_keys_are_known_after_they_are_deleted(control: Rig) -> None:
    made = await make_people(control)
    ann, bob = made.tokens["ann"], made.tokens["bob"]
    await control.post("/key/delete", {"keys": [ann]})
    found = await control.services.database.read(lambda connection: people.of_keys(connection, [ann, bob, "none"]))
    assert (found[ann]["key_alias"], found[ann]["key_exists"]) == ("key-of-ann", False)
    assert (found[bob]["user_email"], found[bob]["key_exists"]) == ("bob@x.org", True)
    assert found["none"]["key_exists"] is False


async def test_entities_have_names(control: Rig) -> None:
    await make_people(control)
    for column, name, about in (
        ("team_id", "t", {"team_alias": "Team"}),
        ("org_id", "o", {"organization_alias": "Org"}),
        ("user_id", "ann", {"user_email": "ann@x.org", "user_alias": None}),
    ):
        with control.services.database.database.read() as connection:
            found = people.of_entities(connection, column, [name, "none"])
        assert found == {name: about, "none": dict.fromkeys(about)}
    assert await control.services.database.read(lambda connection: people.of_entities(connection, "name", ["x"])) == {}
