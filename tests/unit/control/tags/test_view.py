from __future__ import annotations

import sqlalchemy as sa

from phantom_gateway.control.tags.view import seen, views
from phantom_gateway.store import schema
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import TOTALS
from phantom_gateway.store.tenants import TagRow


def test_models_are_named(database: Database) -> None:
    assert schema.current(database) == schema.HEAD
    with database.read() as connection:
        (view,) = views(connection, [TagRow(id="a", models=["m"], created_at=0.0, updated_at=0.0)], 0.0)
    assert (view["name"], view["model_info"], view["spend"]) == ("a", {"m": "m"}, 0.0)


def test_tags_that_were_seen_are_told_from_those_that_were_made(database: Database) -> None:
    rows = [("tag:a", 5.0), ("tag:b", 10.0), ("tag:c", 20.0), ("tags:x", 10.0), ("team:t", 10.0)]
    with database.write() as connection:
        values = [{"entity": name, "amount_nano": 1, "requests": 1, "last_active": at} for name, at in rows]
        connection.execute(sa.insert(TOTALS), values)
        assert [tag["name"] for tag in seen(connection, {"b"}, None, None)] == ["c", "a"]
        assert [tag["name"] for tag in seen(connection, set(), 10.0, 20.0)] == ["b"]
