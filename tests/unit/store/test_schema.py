from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from msgspec import structs
from tests.unit.store.samples import closed
from tests.unit.store.test_rollup_fill import NOW_NS, batch, faults, stored

from phantom_gateway.ledger.money import Cost
from phantom_gateway.store import keys, schema
from phantom_gateway.store.database import Database, open_sqlite
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tenancy_tables import TEAMS

METADATA = TEAMS.metadata


def scripts() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    return ScriptDirectory.from_config(config)


def test_the_constants_are_what_alembic_says() -> None:
    assert scripts().get_current_head() == schema.HEAD
    assert {script.revision for script in scripts().walk_revisions()} == schema.KNOWN


def test_the_migrations_make_the_tables(database: Database) -> None:
    def concerns_us(item: Any, name: str | None, kind: str, _reflected: bool, _other: Any) -> bool:
        if kind == "table":
            return not (name or "").startswith("requests_")  # partitions are made by need, not by migrations
        condition = getattr(item, "_ddl_if", None)
        return condition is None or condition.dialect == connection.dialect.name

    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": concerns_us})
        found = compare_metadata(context, METADATA)
    # a comment that only the declaration has is no difference that anything depends on
    assert [difference for difference in found if "comment" not in difference[0]] == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    assert schema.current(database) == schema.HEAD
    schema.migrate(database)
    assert schema.current(database) == schema.HEAD


def test_keys_of_the_first_release_are_found_by_their_digests(tmp_path: Path) -> None:
    old = open_sqlite(tmp_path / "old.db")
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    with old.write() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "v0001")
        columns: dict[str, Any] = {
            "key_name": "k",
            "models": [],
            "aliases": {},
            "metadata": {},
            "tags": [],
            "key_type": "default",
        }
        columns |= {"allowed_routes": [], "budget_anchor": 0.0, "budget_limits": [], "blocked": False, "revision": 1}
        columns |= {"created_at": 1.0, "updated_at": 1.0, "extra": {"soft_budget": 0.25, "agent_id": "a"}}
        reflected = sa.Table("keys", sa.MetaData(), autoload_with=connection)
        connection.execute(sa.insert(reflected).values(id="d" * 64, **columns))
    schema.migrate(old)
    with old.read() as connection:
        found = keys.find(connection, "d" * 64)
    assert found is not None
    assert (found[0].soft_budget_nano, found[0].model_limits, found[1]) == (250_000_000, {}, None)
    old.close()


def test_an_upgrade_sums_what_the_release_before_did_not(database: Database) -> None:
    paid = Cost(total=9, input=2, output=3, cache_read=1, cache_write=3)
    calls = [structs.replace(closed(n, at_ns=NOW_NS, ttft_us=900), cost=paid, saved=n) for n in (1, 2)]
    DatabaseSink(database).apply(batch(calls, 2))
    before = stored(database)
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).with_name("migrations")))
    with database.migration() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "v0011")
    assert schema.current(database) == "v0011"
    schema.migrate(database)
    assert stored(database) == before
    assert faults(database) == []


def test_an_empty_database_has_no_revision(tmp_path: Path) -> None:
    empty = open_sqlite(tmp_path / "empty.db")
    assert schema.current(empty) is None
    empty.close()


def test_a_newer_database_is_refused_untouched(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'v9999'"))
    with pytest.raises(schema.SchemaError, match="newer"):
        schema.migrate(database)
    assert schema.current(database) == "v9999"


def test_money_is_never_a_float() -> None:
    for table in METADATA.tables.values():
        for column in table.columns:
            if column.name.endswith("_nano"):
                assert isinstance(column.type, sa.BigInteger), f"{table.name}.{column.name}"
