from __future__ import annotations

import sqlalchemy as sa

from phantom_gateway.control.entities.listing import Wanted
from phantom_gateway.control.tags.view import TagFilter, listed, views
from phantom_gateway.store import schema, tenants
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
        tenants.TAGS.insert(connection, TagRow(id="b", created_at=0.0, updated_at=0.0))

        def names(asked: TagFilter, size: int = 10, page: int = 1) -> tuple[int, list[str]]:
            total, found = listed(connection, asked, Wanted(page, size, "source", "asc"), 0.0)
            return total, [tag["name"] for tag in found]

        assert names(TagFilter()) == (3, ["b", "c", "a"])
        assert names(TagFilter(), 1, 2) == (3, ["c"])
        assert names(TagFilter(since=4.0, until=20.0)) == (2, ["b", "a"])
        assert names(TagFilter(search="A")) == (1, ["a"])
        assert names(TagFilter(search="%")) == (0, [])
