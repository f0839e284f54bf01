from __future__ import annotations

import time
from pathlib import Path

import sqlalchemy as sa
from tests.unit.store.samples import key_row

from phantom_gateway.control.usage import attention
from phantom_gateway.store import keys, schema
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.tables import KEYS, TOTALS

NOW = time.time()
DAY = 86_400.0


def test_what_is_forgotten_is_found(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "a.db")
    schema.migrate(database)
    old = NOW - 200 * DAY
    with database.write() as connection:
        for name, fields in {
            "used": {"created_at": old}, "unused": {"created_at": NOW - 8 * DAY}, "new": {"created_at": NOW - DAY},
            "rotated": {"created_at": old, "rotated_at": NOW - DAY}, "gone": {"created_at": old, "expires": NOW - 1},
            "blocked": {"created_at": old, "blocked": True},
        }.items():  # fmt: skip
            keys.insert(connection, key_row(name, alias=name, **fields))
        for name in ("used", "rotated"):
            values = {"entity": f"key:{name}", "amount_nano": 1, "requests": 1, "last_active": NOW}
            connection.execute(sa.insert(TOTALS).values(values))
    with database.read() as connection:
        unused = attention.unused(connection, None, NOW)
        unrotated = attention.unrotated(connection, None, NOW)
        nobody = attention.unused(connection, KEYS.c.user_id == "x", NOW)
        assert attention.old_credentials(connection, NOW) == []
    assert [each["token"] for each in unused["keys"]] == ["unused"]
    assert [each["token"] for each in unrotated["keys"]] == ["used"]
    assert nobody == {"count": 0, "more": False, "keys": []}
    database.close()
