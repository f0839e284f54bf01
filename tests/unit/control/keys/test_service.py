from __future__ import annotations

import time
from dataclasses import replace

import sqlalchemy as sa
from tests.unit.control.rig import Rig, bearer
from tests.unit.store.samples import closed

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.commit import Writer
from phantom_gateway.control.keys.fields import KeyDelete, KeyGenerate, KeyUpdate
from phantom_gateway.control.keys.service import KeyService
from phantom_gateway.control.policy.actor import ADMIN, Actor
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.spine.messages import Invalidate
from phantom_gateway.store import tenants
from phantom_gateway.wire.tasks import TaskGroup

ADMIN_REACH = Reach(relation=Relation.ADMIN)
OWN = "sk-my-own-value-of-a-key-123"


def service_of(control: Rig) -> KeyService:
    master = Caller(control.services.master(), Actor(key_id="", role=ADMIN))
    return KeyService(Writer(control.services, "me"), master, ADMIN_REACH)


async def test_a_key_that_is_made_again_has_its_past(control: Rig) -> None:
    service = service_of(control)
    key_id = (await service.generate(KeyGenerate(key=OWN, max_budget=1.0))).view["token"]
    journal = control.journal("w")
    journal.append(closed(0, cost=600_000_000, key_id=key_id))
    await control.ingestion.catch_up("w", 1)
    await service.delete(KeyDelete(keys=[OWN]))
    again, _ = await service.generate(KeyGenerate(key=OWN, max_budget=1.0, budget_duration="1mo"))
    assert again["total_spend"] == 0.6
    await journal.close()


async def test_a_second_update_builds_on_the_first(control: Rig) -> None:
    service = service_of(control)
    await service.generate(KeyGenerate(key=OWN))
    await service.update(KeyUpdate(key=OWN, rpm_limit=1))
    view, revision = await service.update(KeyUpdate(key=OWN, tpm_limit=2))
    assert (view["rpm_limit"], view["tpm_limit"], view["updated_by"]) == (1, 2, "me")
    record = await control.directory.find(view["token"])
    assert record is not None
    assert record.revision == revision == 3


async def test_a_regenerated_key_keeps_its_id_and_its_past(control: Rig) -> None:
    made = await control.generate(key_alias="a", max_budget=1)
    answer = await control.post(f"/key/{made['key']}/regenerate", {"rpm_limit": 5, "max_budget": 2})
    again = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"'), answer.text
    assert again["key"] != made["key"]
    assert (again["token"], again["key_alias"], again["rpm_limit"], again["max_budget"]) == (made["token"], "a", 5, 2)
    assert (again["rotation_count"], again["key_name"]) == (1, f"sk-...{again['key'][-4:]}")
    assert (await control.get("/key/info", headers=bearer(again["key"]))).status_code == 200
    assert (await control.get("/key/info", headers=bearer(made["key"]))).status_code == 401
    own = await control.post("/key/regenerate", {"key": again["token"], "new_key": OWN})
    assert own.json()["key"] == OWN
    taken = await control.post("/key/regenerate", {"key": made["token"], "new_key": OWN})
    assert (taken.status_code, taken.json()["error"]["param"]) == (400, "new_key")


async def test_a_replaced_value_is_good_for_its_grace_period(control: Rig) -> None:
    made = await control.generate()
    async with control.worker() as worker:
        sent = TaskGroup().spawn(
            control.post("/key/regenerate", {"key": made["key"], "grace_period": "1h"}), "regenerate"
        )
        order = await worker.obey(Invalidate)
        new = (await sent).json()["key"]
    assert set(order.entities) == {f"key:{made['token']}", f"digest:{control.services.hasher.digest(new.encode())}"}
    old = await control.directory.find(control.services.hasher.digest(made["key"].encode()))
    assert old is not None
    assert old.expires is not None
    assert 3590 < old.expires - control.services.clock() <= 3600
    for key in (made["key"], new):
        assert (await control.get("/key/info", headers=bearer(key))).status_code == 200


async def test_what_counts_as_spent_can_be_less(control: Rig) -> None:
    made = await control.generate(max_budget=1, budget_limits=[{"budget_duration": "1mo", "max_budget": 1}])
    journal = control.journal("w")
    journal.append(closed(0, cost=600_000_000, key_id=made["token"]))
    await control.ingestion.catch_up("w", 1)
    path = f"/key/{made['token']}/reset_spend"
    for body, field in (({"reset_to": 0.7}, "reset_to"), ({"reset_to": -1}, "reset_to"), ({}, "reset_to")):
        answer = await control.post(path, body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)
    answer = await control.post(path, {"reset_to": 0.25})
    assert (answer.status_code, answer.json()["spend"], answer.json()["total_spend"]) == (200, 0.25, 0.6)
    free = await control.generate()
    assert (await control.post(f"/key/{free['token']}/reset_spend", {"reset_to": 0})).status_code == 400
    await journal.close()


async def test_rotation_is_due_when_its_time_has_come(control: Rig) -> None:
    made = await control.generate(auto_rotate=True, rotation_interval="1h")
    assert (made["auto_rotate"], made["rotation_interval"], made["rotation_due"]) == (True, "1h", False)
    later = replace(control.services, clock=lambda: time.time() + 3601)
    service = KeyService(Writer(later, "me"), Caller(later.master(), Actor(key_id="", role=ADMIN)), ADMIN_REACH)
    assert (await service.info(made["token"])).view["info"]["rotation_due"] is True
    off, _ = await service.update(KeyUpdate(key=made["token"], auto_rotate=False))
    assert (off["auto_rotate"], off["rotation_due"], off["rotation_interval"]) == (False, False, None)
    monthly = await control.generate(auto_rotate=True, rotation_interval="30d")
    assert monthly["rotation_interval"] == "30d"
    changed, _ = await service.update(KeyUpdate(key=monthly["token"], rotation_interval="2w"))
    assert changed["rotation_interval"] == "2w"
    for body, field in (
        ({"auto_rotate": True}, "auto_rotate"),
        ({"rotation_interval": "1d"}, "rotation_interval"),
        ({"auto_rotate": True, "rotation_interval": "59m"}, "rotation_interval"),
    ):
        answer = await control.post("/key/generate", body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


async def test_a_key_that_goes_on_beyond_its_budget(control: Rig) -> None:
    made = await control.generate(max_budget=1, budget_duration="1d", rpm_limit=5, throttle_on_budget_exceeded=True)
    free = await control.generate(rpm_limit=5, throttle_on_budget_exceeded=True)
    records = [await control.directory.find(key["token"]) for key in (made, free)]
    scopes = [record.throttled for record in records if record is not None]
    assert scopes == [f"budget:key:{made['token']}:1d", ""]
    off = await control.post("/key/update", {"key": made["token"], "throttle_on_budget_exceeded": False})
    assert off.json()["throttle_on_budget_exceeded"] is False
    changed = await control.directory.find(made["token"])
    assert changed is not None
    assert changed.throttled == ""
    wrong = await control.post("/key/generate", {"throttle_on_budget_exceeded": "perhaps"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "throttle_on_budget_exceeded")
    user = (await control.post("/user/new", {"user_id": "u"})).json()["key"]
    own = await control.post("/key/generate", {"throttle_on_budget_exceeded": True}, bearer(user))
    assert (own.status_code, own.json()["error"]["param"]) == (403, "throttle_on_budget_exceeded")


async def test_what_a_key_may_say_to_the_cache(control: Rig) -> None:
    made = await control.generate(allowed_cache_controls=["ttl", "no-store"])
    plain = await control.generate()
    assert (made["allowed_cache_controls"], plain["allowed_cache_controls"]) == (["ttl", "no-store"], [])
    record = await control.directory.find(made["token"])
    assert record is not None
    assert (record.has_terms, record.cache_controls) == (True, ("ttl", "no-store"))
    off = await control.post("/key/update", {"key": made["token"], "allowed_cache_controls": None})
    assert off.json()["allowed_cache_controls"] == []
    for value in (["everything"], "ttl", [1], ["ttl"] * 17):
        answer = await control.post("/key/generate", {"allowed_cache_controls": value})
        assert answer.status_code == 400
        assert answer.json()["error"]["param"].startswith("allowed_cache_controls")


async def test_service_accounts_belong_to_a_team(control: Rig) -> None:
    assert (await control.post("/key/service-account/generate", {})).json()["error"]["param"] == "team_id"

    def change(connection: sa.Connection) -> None:
        tenants.TEAMS.insert(connection, tenants.TeamRow(id="t", created_at=0.0, updated_at=0.0))

    await control.services.database.write(change)
    made = await control.post("/key/service-account/generate", {"team_id": "t", "user_id": "u"})
    assert (made.json()["team_id"], made.json()["user_id"]) == ("t", None)


async def test_users_make_keys_of_their_own(control: Rig) -> None:
    def change(connection: sa.Connection) -> None:
        for name in ("u", "v"):
            row = tenants.UserRow(id=name, role="internal_user", created_at=0.0, updated_at=0.0)
            tenants.USERS.insert(connection, row)

    await control.services.database.write(change)
    first = await control.generate(user_id="u", models=["demo"], rpm_limit=5, duration="1h")
    headers = bearer(first["key"])
    made = (await control.post("/key/generate", {}, headers)).json()
    assert (made["user_id"], made["models"], made["rpm_limit"], made["created_by"]) == ("u", ["demo"], 5, "u")
    assert made["expires"] == first["expires"]
    for body, status, field in (
        ({"rpm_limit": 6}, 403, "rpm_limit"),
        ({"models": ["demo", "secret"]}, 403, "models"),
        ({"duration": "2h"}, 403, "duration"),
        ({"budget_id": "b"}, 403, "budget_id"),
        ({"config": {"a": 1}}, 403, "config"),
        ({"user_id": "v"}, 404, "user_id"),
        ({"user_id": "nobody"}, 404, "user_id"),
        ({"team_id": "t"}, 404, "team_id"),
        ({"organization_id": "o"}, 404, "organization_id"),
        ({"project_id": "p"}, 404, "project_id"),
    ):
        answer = await control.post("/key/generate", body, headers)
        assert (answer.status_code, answer.json()["error"]["param"]) == (status, field), body
    assert (await control.post("/key/update", {"key": first["key"], "rpm_limit": 6}, headers)).status_code == 403
    assert (await control.post("/key/update", {"key": first["key"], "rpm_limit": 4}, headers)).status_code == 200
    assert (await control.get("/key/list")).json()["total_count"] == 2


async def test_the_configuration_bounds_everybody(control: Rig) -> None:
    control.settings.set(
        default_key_generate_params={"rpm_limit": 3}, upperbound_key_generate_params={"max_budget": 10}
    )
    made = await control.generate()
    assert (made["rpm_limit"], made["max_budget"]) == (3, 10)
    answer = await control.post("/key/update", {"key": made["key"], "max_budget": 11})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "max_budget")


async def test_spend_is_told_by_model(control: Rig) -> None:
    made, other = await control.generate(), await control.generate()
    assert made["model_spend"] == {}
    journal = control.journal("w")
    for group, cost in (("a", 250_000_000), ("b", 500_000_000), ("a", 250_000_000)):
        journal.append(closed(0, cost=cost, key_id=made["token"], group=group, at_ns=time.time_ns()))
    await control.ingestion.catch_up("w", 3)
    found = (await control.get("/key/info", key=made["token"])).json()["info"]
    assert (found["model_spend"], found["spend"]) == ({"a": 0.5, "b": 0.5}, 1.0)
    listed = (await control.get("/key/list", return_full_object="true")).json()["keys"]
    shown = {each["token"]: each["model_spend"] for each in listed}
    assert (shown[made["token"]], shown[other["token"]]) == ({"a": 0.5, "b": 0.5}, {})
    await journal.close()
