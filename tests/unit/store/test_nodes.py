from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa

from phantom_gateway.store import nodes
from phantom_gateway.store.database import Database
from phantom_gateway.store.nodes import NodeRow
from phantom_gateway.store.tables import NODES


def node(name: str, limiter: str = "redis") -> NodeRow:
    return NodeRow(id=name, name=f"host-{name}", boot="1", release="0", limiter=limiter)


def age(database: Database, name: str, seconds: float) -> None:
    with database.write() as connection:
        connection.execute(sa.update(NODES).where(NODES.c.id == name).values(seen_at=NODES.c.seen_at - seconds))


def test_nodes_with_the_same_limiter_live_together(pg: Database) -> None:
    assert nodes.enter(pg, node("a")) == []
    assert nodes.enter(pg, node("b")) == []
    assert [row.id for row in nodes.beat(pg, node("a"))] == ["a", "b"]
    nodes.leave(pg, "b")
    assert [row.id for row in nodes.beat(pg, node("a"))] == ["a"]


def test_without_a_shared_limiter_the_second_is_told_who_is_there(pg: Database) -> None:
    assert nodes.enter(pg, node("a", "")) == []
    for other in (node("b", ""), node("b", "redis")):
        (against,) = nodes.enter(pg, other)
        assert (against.id, against.name) == ("a", "host-a")
    assert [row.id for row in nodes.beat(pg, node("a", ""))] == ["a"]
    # the same node in another life is no other node
    assert nodes.enter(pg, replace(node("a", ""), boot="2")) == []


def test_another_redis_is_no_shared_limiter(pg: Database) -> None:
    nodes.enter(pg, node("a", "one"))
    assert nodes.enter(pg, node("b", "two")) != []


def test_the_dead_do_not_count(pg: Database) -> None:
    nodes.enter(pg, node("a", ""))
    age(pg, "a", nodes.DEAD_SECONDS + 1)
    assert nodes.enter(pg, node("b", "")) == []
    assert [row.id for row in nodes.beat(pg, node("b", ""))] == ["b"]
    age(pg, "a", nodes.FORGOTTEN_SECONDS)
    nodes.enter(pg, node("b", ""))
    with pg.read() as connection:
        assert connection.execute(sa.select(NODES.c.id)).scalars().all() == ["b"]


def test_a_node_that_was_forgotten_comes_back(pg: Database) -> None:
    assert [row.id for row in nodes.beat(pg, node("a"))] == ["a"]


def test_all_nodes_call_what_they_share_the_same(pg: Database) -> None:
    assert nodes.installation(pg) == nodes.installation(pg) != ""
