from __future__ import annotations

import base64
import itertools
from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.store.samples import KEY_ID, closed, opened

from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.record import Closed, Record, Spend, clipped, decoder, encoder, storable
from phantom_gateway.ledger.replay import Damage, Position
from phantom_gateway.store import spend
from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import JOURNAL_DAMAGE, METADATA, OPEN_RECORDS, REQUESTS, SPEND, TOTALS

SCOPE = f"budget:key:{KEY_ID}:"


def batch(records: Sequence[Record], n: int, incarnation: str = "w1", **fields: object) -> Batch:
    values = {"incarnation": incarnation, "records": tuple(records), "position": Position(n, 1, n * 10)}
    return Batch(**values | fields)  # type: ignore[arg-type]


def count(database: Database, table: sa.Table) -> int:
    with database.read() as connection:
        return connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()


def test_rows_spend_totals_and_position_arrive_together(database: Database) -> None:
    sink = DatabaseSink(database)
    sink.apply(batch([opened(1), closed(2, opened=1, cost=5), closed(3, cost=7)], 3))
    sink.apply(batch([closed(4, cost=1)], 4))
    assert sink.positions() == {"w1": Position(4, 1, 40)}
    with database.read() as connection:
        assert spend.of_window(connection, SCOPE, 0.0) == 13
        total = spend.totals(connection, [spend.key_entity(KEY_ID)])[spend.key_entity(KEY_ID)]
    assert (total.amount_nano, total.requests) == (13, 3)
    assert total.last_active == pytest.approx(1_800_000_000.0055)
    assert count(database, REQUESTS) == 3
    assert count(database, OPEN_RECORDS) == 0


def test_what_is_open_is_kept_until_it_is_closed(database: Database) -> None:
    sink = DatabaseSink(database)
    sink.apply(batch([opened(1), opened(2)], 2))
    sink.apply(batch([opened(1)], 1, "w2"))
    assert [record.n for record in sink.open_records("w1")] == [1, 2]
    assert sink.open_records("w1")[0] == opened(1)
    sink.apply(batch([closed(3, opened=1)], 3))
    assert [record.n for record in sink.open_records("w1")] == [2]
    assert [record.n for record in sink.open_records("w2")] == [1]


def test_a_batch_that_fails_leaves_nothing(database: Database) -> None:
    sink = DatabaseSink(database)
    sink.apply(batch([closed(1)], 1))
    with pytest.raises(DatabaseError):
        sink.apply(batch([closed(2), opened(3), closed(1)], 3))
    assert sink.positions() == {"w1": Position(1, 1, 10)}
    assert count(database, REQUESTS) == 1
    assert count(database, OPEN_RECORDS) == 0
    with database.read() as connection:
        assert spend.of_window(connection, SCOPE, 0.0) == 5


def test_a_record_that_no_database_holds_is_kept_aside_and_stops_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    sink = DatabaseSink(database)
    monster = closed(3, opened=1, cost=1 << 63)
    sink.apply(batch([opened(1), closed(2, cost=5), monster, closed(4, cost=7), opened(5)], 5))
    assert sink.positions() == {"w1": Position(5, 1, 50)}
    assert [record.n for record in sink.open_records("w1")] == [5]
    with database.read() as connection:
        assert connection.execute(sa.select(REQUESTS.c.number).order_by(REQUESTS.c.number)).scalars().all() == [2, 4]
        assert spend.of_window(connection, SCOPE, 0.0) == 12
        total = spend.totals(connection, [spend.key_entity(KEY_ID)])[spend.key_entity(KEY_ID)]
        reason = connection.execute(sa.select(JOURNAL_DAMAGE.c.reason)).scalar_one()
    assert (total.amount_nano, total.requests) == (12, 2)
    assert reason.startswith("record 3 cannot be stored")
    assert decoder.decode(base64.b64decode(reason.rpartition(" ")[2])) == monster
    assert "record 3 of w1 cannot be stored" in caplog.text
    sink.apply(batch([closed(6, cost=1)], 6))
    assert count(database, REQUESTS) == 3


TEXTS = st.text(st.characters(categories=("L", "N", "P", "Z", "C")) | st.just("\0"), min_size=1, max_size=300)


@given(st.lists(st.tuples(TEXTS, TEXTS, TEXTS, st.lists(TEXTS, max_size=3)), min_size=1, max_size=4))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_text_a_journal_holds_reaches_the_ledger(
    database: Database, named: list[tuple[str, str, str, list[str]]]
) -> None:
    """Control characters and lone surrogates included; on both databases the same is stored."""
    with database.write() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(sa.delete(table))
    written: list[Closed] = []
    for n, (user, session, model, tags) in enumerate(named, 1):
        fields: dict[str, Any] = {
            "end_user": user,
            "session_id": session,
            "upstream_model": model,
            "model": model,
            "tags": tuple(tags),
        }
        record = closed(n, spends=(Spend(f"budget:customer:{user}:", 0.0, 1),), **fields)
        read = storable(decoder.decode(encoder.encode(clipped(record))))
        assert isinstance(read, Closed)
        written.append(read)
    DatabaseSink(database).apply(batch(written, len(written)))
    with database.read() as connection:
        rows = connection.execute(sa.select(REQUESTS).order_by(REQUESTS.c.number)).all()
        entities = set(connection.execute(sa.select(TOTALS.c.entity)).scalars())
    for (user, session, model, _), row in zip(named, rows, strict=True):
        assert (row.end_user, row.session_id, row.upstream_model) == (_held(user), _held(session), _held(model))
        assert f"customer:{_held(user)}" in entities
    assert count(database, JOURNAL_DAMAGE) == 0


def _held(text: str) -> str:
    return text[:256].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def test_a_text_with_nul_that_comes_without_cleaning_stops_nobody(pg: Database) -> None:
    record = closed(1, end_user="a\0b", spends=(Spend("budget:customer:a\0b:", 0.0, 5),))
    DatabaseSink(pg).apply(batch([record], 1))
    with pg.read() as connection:
        assert connection.execute(sa.select(REQUESTS.c.end_user)).scalar_one() == "a\ufffdb"


def test_an_open_record_with_nul_is_cleaned_when_it_is_read(database: Database) -> None:
    sink = DatabaseSink(database)
    sink.apply(batch([opened(1, end_user="a\0b")], 1))
    assert [record.end_user for record in sink.open_records("w1")] == ["a\ufffdb"]
    assert [record.end_user for _, record in sink.all_open()] == ["a\ufffdb"]


def test_damage_is_remembered(database: Database) -> None:
    DatabaseSink(database).apply(batch([], 1, damage=(Damage(1, 99, 12, "torn"),)))
    with database.read() as connection:
        row = connection.execute(sa.select(JOURNAL_DAMAGE)).one()
    assert (row.incarnation, row.segment, row.offset, row.length, row.reason) == ("w1", 1, 99, 12, "torn")


def test_positions_of_finished_journals_are_forgotten(database: Database) -> None:
    sink = DatabaseSink(database)
    for name in ("w1", "w2"):
        sink.apply(batch([closed(1)], 1, name))
    sink.forget_positions(["w2"])
    assert list(sink.positions()) == ["w2"]


def test_positions_of_other_nodes_are_left_alone(database: Database) -> None:
    one, other = DatabaseSink(database, "one"), DatabaseSink(database, "other")
    for sink, name in ((one, "w1"), (one, "w2"), (other, "v1")):
        sink.apply(batch([closed(1)], 1, name))
    one.forget_positions(["w2"])
    assert set(one.positions()) == {"w2", "v1"}
    other.forget_positions([])
    assert set(one.positions()) == {"w2"}


amounts = st.integers(0, 10**15)
spends = st.lists(
    st.tuples(
        st.sampled_from(["budget:key:a:1d", "budget:key:a:", "budget:user:u:7d"]),
        st.sampled_from([0.0, 86400.0]),
        amounts,
    ),
    max_size=3,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    records=st.lists(st.tuples(amounts, st.sampled_from(["a" * 64, "b" * 64]), spends), max_size=25),
    cuts=st.lists(st.integers(0, 25), max_size=4),
)
def test_however_it_is_cut_and_repeated_everything_counts_once(
    database: Database, records: list[tuple[int, str, list[tuple[str, float, int]]]], cuts: list[int]
) -> None:
    """Batches of any size, each tried once more after it was stored (as after a lost answer): exactly once."""
    with database.write() as connection:
        for table in METADATA.tables.values():
            connection.execute(sa.delete(table))
    sink = DatabaseSink(database)
    made = [
        closed(n, cost=cost, key_id=key_id, spends=tuple(Spend(*one) for one in charged))
        for n, (cost, key_id, charged) in enumerate(records, 1)
    ]
    edges = sorted({0, len(made), *(cut for cut in cuts if cut <= len(made))})
    for start, end in itertools.pairwise(edges):
        sink.apply(batch(made[start:end], end))
        with pytest.raises(DatabaseError):
            sink.apply(batch(made[start:end], end))
    with database.read() as connection:
        stored = {(row.scope, row.window_start): row.amount_nano for row in connection.execute(sa.select(SPEND))}
        totals = {row.entity: (row.amount_nano, row.requests) for row in connection.execute(sa.select(TOTALS))}
        rows = connection.execute(sa.select(REQUESTS.c.number, REQUESTS.c.cost_nano).order_by(REQUESTS.c.number)).all()
    wanted: dict[tuple[str, float], int] = {}
    for record in made:
        for scope, start_of_window, amount in record.spends:
            wanted[scope, start_of_window] = wanted.get((scope, start_of_window), 0) + amount
    assert stored == wanted
    assert [tuple(row) for row in rows] == [(record.n, record.cost.total) for record in made]
    for key_id in {record.key_id for record in made}:
        mine = [record.cost.total for record in made if record.key_id == key_id]
        assert totals[f"key:{key_id}"] == (sum(mine), len(mine))


def test_everybody_a_request_belongs_to_has_a_total(database: Database) -> None:
    sink = DatabaseSink(database)
    mine: dict[str, Any] = {"user_id": "u", "team_id": "t", "org_id": "o", "project_id": "p", "end_user": "c"}
    mine["tags"] = ("x", "y", "x")
    records = [closed(1, cost=5, **mine), closed(2, cost=7, user_id="u")]
    records.append(closed(3, cost=11, team_id="t", tags=("y",)))
    sink.apply(batch(records[:2], 2))
    sink.apply(batch(records[2:], 3))
    with database.read() as connection:
        kept = {row.entity: (row.amount_nano, row.requests) for row in connection.execute(sa.select(TOTALS))}
    assert kept == {
        f"key:{KEY_ID}": (23, 3),
        "user:u": (12, 2),
        "team:t": (16, 2),
        "member:t/u": (5, 1),
        "org:o": (5, 1),
        "org_member:o/u": (5, 1),
        "project:p": (5, 1),
        "customer:c": (5, 1),
        "tag:x": (5, 1),
        "tag:y": (16, 2),
    }
