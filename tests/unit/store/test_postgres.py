from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.support.servers import PostgresServer

from phantom_gateway.config.database_address import PostgresAddress, parse_database_url
from phantom_gateway.store import schema
from phantom_gateway.store.database import Database, DatabaseError, PoolOptions
from phantom_gateway.store.postgres import connection_arguments, open_postgres
from phantom_gateway.store.tables import FACTS


def address(text: str) -> PostgresAddress:
    found = parse_database_url(text)
    assert isinstance(found, PostgresAddress)
    return found


def bump(database: Database) -> None:
    """What is right for one writer at a time only: look, then write."""
    with database.write() as connection:
        value = connection.execute(sa.select(FACTS.c.value).where(FACTS.c.name == "n")).scalar_one_or_none()
        connection.execute(sa.delete(FACTS).where(FACTS.c.name == "n"))
        connection.execute(sa.insert(FACTS).values(name="n", value=str(int(value or 0) + 1)))


def test_writers_of_several_nodes_take_turns(postgres: PostgresServer) -> None:
    url = postgres.migrated()
    nodes = [postgres.open(url) for _ in range(3)]
    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(bump, nodes[number % 3]) for number in range(30)]:
            done.result(30)
    with nodes[0].read() as connection:
        assert connection.execute(sa.select(FACTS.c.value)).scalar_one() == "30"
    for node in nodes:
        node.close()


def test_appends_run_beside_each_other_and_not_beside_a_write(pg: Database) -> None:
    inside = threading.Barrier(2, timeout=10)
    order: list[str] = []

    def append() -> None:
        with pg.append():
            inside.wait()

    def write() -> None:
        with pg.write():
            order.append("write")

    with ThreadPoolExecutor(2) as threads:
        for done in [threads.submit(append) for _ in range(2)]:
            done.result(20)
        with pg.append():
            waiting = threads.submit(write)
            with pytest.raises(TimeoutError):
                waiting.result(0.2)
            order.append("append")
        waiting.result(20)
    assert order == ["append", "write"]


def test_nodes_that_start_together_migrate_once(postgres: PostgresServer) -> None:
    url = postgres.create()
    nodes = [postgres.open(url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(schema.migrate, node) for node in nodes]:
            done.result(60)
    assert {schema.current(node) for node in nodes} == {schema.HEAD}
    for node in nodes:
        node.close()


def test_the_pool_has_a_hard_cap(postgres: PostgresServer) -> None:
    database = open_postgres(address(postgres.migrated()), PoolOptions(limit=3, timeout_s=0.1))
    with database.read(), database.read(), pytest.raises(DatabaseError), database.read():
        pass
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT 1")).scalar_one() == 1
    database.close()


def test_statements_and_locks_are_waited_for_so_long_and_no_longer(pg: Database) -> None:
    with pg.read() as connection:
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "30s"
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "5s"
    with pg.migration() as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar_one() == "3s"


def test_a_server_that_is_not_there_is_an_error_of_the_database() -> None:
    database = open_postgres(address("postgresql://u:hunter2@/d?host=/nonexistent"))
    with pytest.raises(DatabaseError) as caught, database.read():
        pass
    assert "hunter2" not in str(caught.value)
    assert database.shared


def test_poolers_in_between_get_nothing_that_lives_in_a_session() -> None:
    arguments = connection_arguments(address("postgresql://u:p@h/d?pgbouncer=true&schema=s"), 5.0)
    assert arguments["prepare_threshold"] is None
    assert arguments["options"] == "-c search_path=s"
    assert connection_arguments(address("postgresql://u:p@h/d"), 5.0)["password"] == "p"


def test_writers_take_turns_whatever_the_servers_isolation(postgres: PostgresServer) -> None:
    url = postgres.migrated()
    database = postgres.open(url)
    with database.migration() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'")
    database.close()
    nodes = [postgres.open(url) for _ in range(3)]
    with ThreadPoolExecutor(6) as threads:
        for done in [threads.submit(bump, nodes[number % 3]) for number in range(30)]:
            done.result(30)
    with nodes[0].read() as connection:
        assert connection.execute(sa.select(FACTS.c.value)).scalar_one() == "30"
    for node in nodes:
        node.close()
