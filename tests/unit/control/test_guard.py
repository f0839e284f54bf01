from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import sqlalchemy as sa
from tests.support.servers import PostgresServer
from tests.unit.control.people import TABLES, cast, dump
from tests.unit.control.rig import ADMIN, Rig, bearer, rig

from phantom_gateway.control.guard import MAX_BODY
from phantom_gateway.spine.snapshot import Settings
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.database import Database


async def endless(read: list[int]) -> AsyncIterator[bytes]:
    for number in range(10_000):
        read.append(number)
        yield b" " * 65536


async def test_a_stranger_does_not_get_his_body_read(control: Rig) -> None:
    read: list[int] = []
    answer = await control.http.post("/key/generate", content=endless(read), headers=bearer("sk-unknown-unknown"))
    assert answer.status_code == 401
    assert read == []


async def test_bodies_are_bounded(control: Rig) -> None:
    read: list[int] = []
    answer = await control.http.post("/key/generate", content=endless(read), headers=ADMIN)
    assert answer.status_code == 413
    assert answer.json()["error"]["code"] == "413"
    assert len(read) <= MAX_BODY // 65536 + 2


async def test_unknown_query_parameters_are_named(control: Rig) -> None:
    answer = await control.get("/key/list", pagesize=3)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "pagesize")


async def test_a_body_needs_no_content_type(control: Rig) -> None:
    assert (await control.http.post("/key/generate", content=b"{}", headers=ADMIN)).status_code == 200


async def test_addresses_that_are_not_allowed_are_refused_whoever_calls(control: Rig) -> None:
    """The test's client is at 127.0.0.1, as on a listener of control's own."""
    configuration = control.services.configuration
    local = {"x-forwarded-for": "127.0.0.1"}
    for allowed, believes, headers, status in (
        (("127.0.0.1",), False, ADMIN, 200),
        (("10.0.0.0/8",), False, ADMIN, 403),
        (("10.0.0.0/8",), False, ADMIN | {"x-forwarded-for": "10.1.1.1"}, 403),
        (("10.0.0.0/8",), True, ADMIN | {"x-forwarded-for": "10.1.1.1"}, 200),
        (("10.0.0.0/8",), True, local, 403),
        ((), False, local, 403),
        (None, False, ADMIN, 200),
    ):
        settings = Settings(allowed_clients=allowed, believes_forwarded_for=believes)
        configuration.snapshot = msgspec.structs.replace(configuration.snapshot, settings=settings)
        assert (await control.get("/key/list", headers)).status_code == status, (allowed, headers)


@pytest.fixture(params=["read committed", "repeatable read"])
def shared(request: pytest.FixtureRequest, postgres: PostgresServer) -> Database:
    """PostgreSQL whose administrator prefers some isolation."""
    url = postgres.migrated()
    database = postgres.open(url)
    with database.migration() as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_isolation = '{request.param}'")
    database.close()
    return postgres.open(url)


def leave(connection: sa.Connection) -> None:
    tenants.TEAM_MEMBERS.delete(connection, "t", "team_admin")


def demote(connection: sa.Connection) -> None:
    member = tenants.TEAM_MEMBERS.get(connection, "t", "team_admin")
    assert member is not None
    tenants.TEAM_MEMBERS.update(connection, replace(member, role="user", revision=member.revision + 1))


def block(connection: sa.Connection) -> None:
    user = tenants.USERS.get(connection, "team_admin")
    assert user is not None
    tenants.USERS.update(connection, replace(user, blocked=True, revision=user.revision + 1))


def confine(connection: sa.Connection) -> None:
    (key,) = keys.of(connection, "user_id", ["team_admin"])
    keys.update(connection, replace(key, allowed_routes=["/key/info"], revision=key.revision + 1))


def end(connection: sa.Connection) -> None:
    (key,) = keys.of(connection, "user_id", ["team_admin"])
    keys.update(connection, replace(key, expires=1.0, revision=key.revision + 1))


@pytest.mark.parametrize(("change", "status"), [(leave, 409), (demote, 409), (block, 401), (confine, 409), (end, 401)])
async def test_nobody_acts_on_what_is_being_taken_from_him(
    tmp_path: Path, shared: Database, change: Callable[[sa.Connection], None], status: int
) -> None:
    """Another node takes it away after the caller was let in; its transaction is open while the caller's begins."""
    async with rig(tmp_path, database=shared) as control:
        people = await cast(control)
        before = await dump(control)
        loop = asyncio.get_running_loop()
        with shared.write() as elsewhere:
            calling = loop.create_task(people.post("team_admin", "/team/update", team_id="t", team_alias="mine"))
            waiting = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'")
            for _ in range(500):
                if await control.services.database.read(lambda c: c.execute(waiting).scalar_one()):
                    break
                await asyncio.sleep(0.01)
            change(elsewhere)
            expected = [tuple(row) for table in TABLES for row in elsewhere.execute(sa.select(table))]
        answer = await calling
        assert answer.status_code == status, answer.text
        assert await dump(control) == expected != before


async def test_nul_is_no_part_of_a_name(control: Rig) -> None:
    answer = await control.http.get("/key/list?user_id=a%00b", headers=ADMIN)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "user_id")
    answer = await control.http.get("/fallback/a%00b", headers=ADMIN)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


async def test_a_parameter_that_is_given_twice_is_named(control: Rig) -> None:
    for query, field in (("page=1&page=2", "page"), ("user_id=a&user_id=a", "user_id")):
        answer = await control.http.get(f"/key/list?{query}", headers=ADMIN)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)
    several = await control.http.get("/key/list?expand=user&expand=user", headers=ADMIN)
    assert several.status_code == 200, "a list"
