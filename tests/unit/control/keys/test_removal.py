from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.store.samples import key_row

from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.keys.removal import remove
from phantom_gateway.store import keys
from phantom_gateway.store.tables import DELETED_KEYS


async def test_keys_become_tombstones_once_each(control: Rig) -> None:
    effects = Effects()

    def change(connection: sa.Connection) -> list[str]:
        rows = [key_row(letter * 64, team_id="t") for letter in "ab"]
        for row in rows:
            keys.insert(connection, row)
        remove(connection, [*rows, rows[0]], Writer(control.services, "me"), effects)
        assert keys.all_ids(connection) == []
        return list(connection.execute(sa.select(DELETED_KEYS.c.id).order_by(DELETED_KEYS.c.id)).scalars())

    gone = await control.services.database.write(change)
    assert gone == ["a" * 64, "b" * 64]
    assert effects.forget == [f"key:{key_id}" for key_id in gone]
    assert [(each.code.value[0], each.team_id) for each in effects.audit] == [("key.deleted", "t")] * 2
