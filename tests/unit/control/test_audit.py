from __future__ import annotations

from typing import Any

from tests.unit.control.rig import ADMIN, Rig

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.audit import Change, differences, record, system_author
from phantom_gateway.security.audit_events import ActorKind, EventCode
from phantom_gateway.store import audit
from phantom_gateway.store.audit import AuditFilter, Stored


def written(control: Rig, event: str = "") -> list[Stored]:
    found = audit.stream(control.services.database.database, AuditFilter())
    return [stored for stored in found if stored.record.event.startswith(event)]


async def test_every_change_of_a_key_is_recorded(control: Rig) -> None:
    made = await control.generate(key_alias="mine", rpm_limit=5)
    key_id = made["token"]
    headers = ADMIN | {"litellm-changed-by": "ada", "x-request-id": "req-1"}
    await control.post("/key/update", {"key": key_id, "rpm_limit": 7}, headers)
    await control.post("/key/block", {"key": key_id})
    await control.post("/key/unblock", {"key": key_id})
    await control.post("/key/delete", {"keys": [made["key"]]})
    found = written(control, "key.")
    assert [stored.record.event.partition(".")[2] for stored in found] == [
        "created", "updated", "blocked", "unblocked", "deleted",
    ]  # fmt: skip
    assert {stored.record.object_id for stored in found} == {key_id}
    created, updated, blocked, _, deleted = (stored.record for stored in found)
    assert (created.before, deleted.after) == (None, None)
    assert created.after is not None
    assert '"rpm_limit":5' in created.after
    assert (updated.before, updated.after) == ('{"rpm_limit":5}', '{"rpm_limit":7}')
    assert (blocked.before, blocked.after) == ('{"blocked":false}', '{"blocked":true}')
    assert deleted.before is not None
    assert '"key_alias":"mine"' in deleted.before
    master = control.services.master().id
    assert (updated.actor, updated.changed_by, updated.actor_kind) == ("default_user_id", "ada", ActorKind.MASTER)
    assert (updated.key_id, updated.request_id, updated.node) == (master, "req-1", "test")
    assert len(blocked.request_id) == 32
    assert all(made["key"] not in str(stored) for stored in found)
    assert audit.verify(control.services.database.database, None).fault is None


async def test_a_refused_change_is_not_recorded(control: Rig) -> None:
    await control.generate(key_alias="mine")
    before = len(written(control))
    assert (await control.post("/key/generate", {"key_alias": "mine"})).status_code == 400
    assert (await control.post("/key/update", {"key": "a" * 64, "rpm_limit": 1})).status_code == 404
    assert (await control.post("/key/delete", {"key_aliases": ["mine", "none"]})).status_code == 404
    assert len(written(control)) == before


async def test_where_no_record_can_be_made_nothing_is_changed(control: Rig) -> None:
    made = await control.generate(rpm_limit=5)
    with control.services.database.database.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit_head")
    answers = [
        await control.post("/key/update", {"key": made["token"], "rpm_limit": 7}),
        await control.post("/key/block", {"key": made["token"]}),
        await control.post("/key/delete", {"keys": [made["token"]]}),
        await control.post("/key/generate", {"key_alias": "other"}),
    ]
    assert {answer.status_code for answer in answers} == {500}
    info = (await control.get("/key/info", key=made["token"])).json()["info"]
    assert (info["rpm_limit"], info["blocked"]) == (5, False)
    assert (await control.get("/key/list")).json()["total_count"] == 1


async def test_secrets_in_views_are_hidden(control: Rig) -> None:
    canary = "sk-provider-canary-0123456789"
    after: dict[str, Any] = {"litellm_params": {"api_key": canary, "model": "m"}, "x": Secret(canary), "note": canary}
    with control.services.database.database.write() as connection:
        record(connection, system_author("job"), Change(EventCode.MODEL_CREATED, "m1", after=after))
    found = written(control, "model.created")[0].record
    assert canary not in str(found)
    assert found.after == '{"litellm_params":{"api_key":"***","model":"m"},"note":"***","x":"***"}'
    assert (found.actor, found.actor_kind, found.changed_by) == ("job", ActorKind.SYSTEM, "job")


async def test_teams_and_organisations_belong_to_themselves(control: Rig) -> None:
    with control.services.database.database.write() as connection:
        record(connection, system_author("x"), Change(EventCode.TEAM_CREATED, "t1", tenant="o1"))
        record(connection, system_author("x"), Change(EventCode.ORGANIZATION_CREATED, "o1"))
        record(connection, system_author("x"), Change(EventCode.KEY_CREATED, "k1", team_id="t1"))
    found = [(stored.record.team_id, stored.record.tenant) for stored in written(control)[1:]]
    assert found == [("t1", "o1"), ("", "o1"), ("t1", "")]


def test_differences_keep_what_changed() -> None:
    before, after = {"a": 1, "b": [1], "updated_at": 1, "gone": 2}, {"a": 1, "b": [2], "updated_at": 2, "new": 3}
    assert differences(before, after) == ({"b": [1], "gone": 2, "new": None}, {"b": [2], "gone": None, "new": 3})
    assert differences(None, {"a": None, "b": [], "c": 0, "d": False}) == (None, {"c": 0, "d": False})
    assert differences(None, None) == (None, None)
