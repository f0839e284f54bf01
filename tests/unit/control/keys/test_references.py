from __future__ import annotations

from tests.unit.control.rig import Rig

from phantom_gateway.control.keys.references import KeyFinder, id_of, is_id
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.store.database import Database


async def test_keys_are_named_by_themselves_or_by_their_id(control: Rig) -> None:
    hasher, database = control.services.hasher, control.services.database
    assert is_id("a" * 64)
    assert not is_id("A" * 64)
    made = await control.generate()
    for reference, expected in (
        (made["key"], made["token"]),
        (made["token"], made["token"]),
        ("sk-unknown", hasher.digest(b"sk-unknown")),
    ):
        found = await database.read(lambda connection, name=reference: id_of(connection, hasher, name, 0.0))  # type: ignore[misc]
        assert found == expected
    assert len(await database.read(lambda connection: id_of(connection, hasher, "\ud800", 0.0))) == 64


async def test_a_replaced_value_names_its_key_while_it_is_good(control: Rig) -> None:
    made = await control.generate()
    answer = await control.post("/key/regenerate", {"key": made["key"], "grace_period": "1h"})
    assert answer.status_code == 200
    now, hasher = control.services.clock(), control.services.hasher
    old, new = made["key"], answer.json()["key"]

    def named(key: str, at: float) -> str:
        with control.services.database.database.read() as connection:
            return id_of(connection, hasher, key, at)

    assert named(new, now) == named(old, now) == made["token"]
    assert (named(new, now + 3601), named(old, now + 3601)) == (made["token"], hasher.digest(old.encode()))


async def test_only_what_is_within_reach_is_found(control: Rig) -> None:
    made = await control.generate(user_id="u")
    database: Database = control.services.database.database
    everything, nothing = Reach(relation=Relation.ADMIN), Reach(user=Relation.USER, user_id="v")
    with database.read() as connection:
        for reach, found in ((everything, [made["token"]]), (nothing, [])):
            finder = KeyFinder(control.services.hasher, reach, 0.0)
            assert [row.id for row in finder.some(connection, [made["token"], "sk-unknown"]).values()] == found
