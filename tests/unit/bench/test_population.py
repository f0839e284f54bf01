from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from bench.population import Size, key_of, put, team_of, user_of

from phantom_gateway.security.key_format import checksum_ok
from phantom_gateway.store import keys, schema, tables, tenants
from phantom_gateway.store.database import open_sqlite

SMALL = Size(
    keys=50, teams=10, users=20, organizations=2, projects=5, customers=7, tags=3, budgets=4, models=5, audit=6
)


def test_everybody_is_there_and_belongs_together(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "small.db")
    schema.migrate(database)
    put(database, SMALL, lambda key: f"digest of {key}")
    with database.read() as connection:
        counts = [rows.count(connection) for rows in (tenants.TEAMS, tenants.USERS, tenants.CUSTOMERS, tenants.MODELS)]
        assert counts == [10, 20, 7, 5]
        assert connection.execute(sa.select(sa.func.count()).select_from(tables.AUDIT_LOG)).scalar_one() == 6
        for number in range(SMALL.keys):
            found = keys.find(connection, f"digest of {key_of(number)}")
            assert found is not None
            key, team = found[0], team_of(number, SMALL)
            assert key.user_id == f"user-{user_of(number, SMALL)}"
            assert key.team_id == (None if team is None else f"team-{team}")
            if key.team_id is not None:
                assert tenants.TEAM_MEMBERS.get(connection, key.team_id, key.user_id or "") is not None
    database.close()


def test_keys_are_in_the_format_of_the_gateway() -> None:
    assert checksum_ok(key_of(77)) is True
    assert len({key_of(number) for number in range(100)}) == 100
