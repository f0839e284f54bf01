from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.unit.control.rig import ADMIN, Rig
from tests.unit.control.walk import Walk

from phantom_gateway.control.answers.base import REFUSED
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import MANY, Effects, Writer, changes, content_tag, etag
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.guard import GuardedRoute
from phantom_gateway.control.policy.actions import READS, Action
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.spine.messages import Ack, Invalidate
from phantom_gateway.store import audit
from phantom_gateway.store.audit import AuditError
from phantom_gateway.store.tables import AUDIT_HEAD, METADATA
from phantom_gateway.store.tenants import USERS, UserRow
from phantom_gateway.wire.tasks import TaskGroup

ROW = UserRow(id="u", role="internal_user", email="a@example.com", created_at=1.0, updated_at=1.0)


def add(row: UserRow, *forget: str) -> Callable[[sa.Connection, Effects], str]:
    def change(connection: sa.Connection, effects: Effects) -> str:
        USERS.insert(connection, row)
        effects.forget += forget
        return "done"

    return change


async def test_the_answer_comes_when_workers_have_forgotten(control: Rig) -> None:
    writer, tasks = Writer(control.services, "me"), TaskGroup()
    async with control.worker() as worker:
        done = tasks.spawn(writer.commit(add(ROW, "user:u", "user:u")), "commit")
        order = await worker.expect(Invalidate)
        assert order.entities == ("user:u",)
        assert not done.done()
        worker.send(Ack(seq=order.seq))
        assert await done == "done"
        many = [f"key:{number}" for number in range(MANY + 1)]
        rest = tasks.spawn(writer.commit(add(replace(ROW, id="v", email=None), *many)), "many")
        assert (await worker.obey(Invalidate)).entities == ()
        await rest


async def test_nothing_is_kept_of_a_change_that_fails(control: Rig) -> None:
    writer = Writer(control.services, "me")

    def change(connection: sa.Connection, _effects: Effects) -> None:
        USERS.insert(connection, ROW)
        raise ApiError(400, "no")

    with pytest.raises(ApiError):
        await writer.commit(change)
    assert await control.services.database.read(USERS.count) == 0


async def test_refusals_of_the_store_become_answers(control: Rig) -> None:
    writer = Writer(control.services, "me")
    await writer.commit(add(ROW))
    with pytest.raises(ApiError) as taken:
        await writer.commit(add(replace(ROW, id="v")))
    assert (taken.value.status, taken.value.param) == (400, "email")

    def stale(connection: sa.Connection, _effects: Effects) -> None:
        USERS.update(connection, replace(ROW, revision=7))

    with pytest.raises(ApiError) as conflict:
        await writer.commit(stale)
    assert conflict.value.status == 409


def test_an_etag_must_match_if_one_is_given(control: Rig) -> None:
    for given in (None, "*", etag(3)):
        Writer(control.services, "me", given).check_match(3)
    for given in ("", "3", etag(2), "W/" + etag(3)):
        with pytest.raises(ApiError) as caught:
            Writer(control.services, "me", given).check_match(3)
        assert caught.value.status == 412


async def test_records_are_committed_with_the_change_or_nothing_is(control: Rig) -> None:
    writer = Writer(control.services, "me")

    def change(connection: sa.Connection, effects: Effects) -> None:
        USERS.insert(connection, ROW)
        effects.audit.append(Change(EventCode.USER_CREATED, ROW.id, after={"user_id": "u", "password": "p4ssw0rd"}))

    with control.services.database.database.write() as connection:
        head = connection.execute(sa.select(AUDIT_HEAD)).mappings().one()
        connection.execute(sa.delete(AUDIT_HEAD))
    with pytest.raises(AuditError):
        await writer.commit(change)
    assert await control.services.database.read(USERS.count) == 0
    with control.services.database.database.write() as connection:
        connection.execute(sa.insert(AUDIT_HEAD).values(dict(head)))
    await writer.commit(change)
    with control.services.database.database.read() as connection:
        stored = audit.get(connection, audit.head_of(connection).seq)
    assert stored is not None
    assert (stored.record.event, stored.record.actor, stored.record.actor_kind) == ("user.created", "me", "system")
    assert stored.record.after == '{"password":"***","user_id":"u"}'


def test_changes_name_what_differs() -> None:
    assert changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == ({"b": 2, "c": None}, {"b": 3, "c": 4})


async def everything(control: Rig) -> list[object]:
    """All rows of all tables but those of sessions, which say when somebody was last seen."""
    tables = [each for each in METADATA.sorted_tables if each.name != "sessions"]

    def query(connection: sa.Connection) -> list[object]:
        return [tuple(row) for each in tables for row in connection.execute(sa.select(each).order_by(*each.columns))]

    return await control.services.database.read(query)


async def test_no_change_ignores_if_match(control: Rig) -> None:
    """Every route that changes something, asked with an ETag that nothing has: 412, and nothing is another than before."""
    tried = set()

    async def before(route: GuardedRoute, request: httpx.Request) -> None:
        if request.method == "GET" or route.action in {*READS, Action.PUBLIC} or route.answer is REFUSED:
            return
        known = await everything(control)
        headers = {**request.headers, "if-match": '"stale", W/"1"'}
        answer = await control.http.request(request.method, request.url, headers=headers, content=request.content)
        assert answer.status_code == 412, (route.path, answer.text)
        assert answer.json()["error"]["param"] == "If-Match"
        assert await everything(control) == known, route.path
        tried.add(route.path)

    await Walk(control, before).all()
    assert len(tried) > 80


async def test_the_etag_of_an_answer_is_taken(control: Rig) -> None:
    async def post(path: str, tag: str, **body: object) -> httpx.Response:
        return await control.http.post(path, json=body, headers={**ADMIN, "if-match": tag})

    tag = (await control.post("/team/new", {"team_id": "t"})).headers["etag"]
    await control.post("/user/new", {"user_id": "u", "auto_create_key": False})
    member = {"team_id": "t", "member": {"user_id": "u", "role": "user"}}
    added = await post("/team/member_add", tag, **member)
    assert (added.status_code, added.headers["etag"] != tag) == (200, True), "who is in a team is part of the team"
    assert (await post("/team/update", tag, team_id="t", rpm_limit=1)).status_code == 412
    changed = await post("/team/member_update", f'"x", {added.headers["etag"]}', team_id="t", user_id="u", rpm_limit=1)
    assert changed.status_code == 200
    assert (await control.get("/team/info", team_id="t")).headers["etag"] == changed.headers["etag"]
    assert (await post("/team/update", "*", team_id="t", rpm_limit=1)).status_code == 200
    setting: dict[str, Any] = {"field_name": "timeout", "config_type": "router_settings"}
    info = await control.get("/config/field/info", **setting)
    assert (await post("/config/field/update", info.headers["etag"], **setting, field_value=5)).status_code == 200
    again = await post("/config/field/update", info.headers["etag"], **setting, field_value=6)
    assert again.status_code == 412, "somebody has set it since"
    tag = (await control.get("/config/list", config_type="router_settings")).headers["etag"]
    done = await post("/config/update", tag, router_settings={"timeout": 7})
    assert (done.status_code, done.headers["etag"] != tag) == (200, True)
    assert (await post("/config/update", tag, router_settings={"timeout": 8})).status_code == 412
    assert (await post("/config/update", tag, router_settings={})).status_code == 412
    assert (await post("/user/new", "*", user_id="v")).status_code == 412, "there is nothing yet"
    assert (await post("/customer/block", "*", user_ids=["nobody-yet"])).status_code == 412


def test_the_tag_of_content_changes_with_it() -> None:
    assert content_tag({"a": 1, "b": 2}) == content_tag({"b": 2, "a": 1}) != content_tag({"a": 1})
