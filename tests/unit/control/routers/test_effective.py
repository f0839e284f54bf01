from __future__ import annotations

from tests.unit.control.accounts import key_of, member, organisation, write
from tests.unit.control.rig import Rig


async def test_limits_are_told_with_whose_they_are(control: Rig) -> None:
    ann = await key_of(control, "ann", rpm_limit=5)
    await write(control, lambda connection: organisation(connection, "o", "ann"))
    await write(control, lambda connection: member(connection, "o", "ann"))
    await control.post("/budget/new", {"budget_id": "b", "max_budget": 2, "budget_duration": "7d"})
    assert (
        await control.post("/team/update", {"team_id": "o", "budget_id": "b", "team_alias": "Team O"})
    ).status_code == 200
    key = (await control.generate(user_id="ann", team_id="o", max_budget=30, tpm_limit=100, models=["demo"]))["token"]
    found = (await control.get("/key/limits", ann, key=key)).json()
    team = next(each for each in found["limits"] if each["level"] == "team")
    assert (team["name"], team["limit"], team["spent"], team["remaining"], team["window"], team["budget_id"]) == (
        "Team O", 2.0, 0.0, 2.0, "7d", "b",
    )  # fmt: skip
    assert team["resets_at"] is not None
    assert {(each["level"], each["kind"]) for each in found["limits"] if each["binds"]} == {
        ("team", "budget"), ("user", "requests"), ("key", "tokens"),
    }  # fmt: skip
    assert found["models"] == [
        {"level": "key", "entity": f"key:{key}", "name": found["models"][0]["name"], "models": ["demo"]}
    ]
    await control.post("/team/block", {"team_id": "o"})
    assert (await control.get("/key/limits", key=key)).json()["blocked_by"] == ["team"]
    of_team = (await control.get("/team/limits", ann, team_id="o")).json()["limits"]
    assert [each["level"] for each in of_team] == ["team"]
    own = (await control.get("/user/limits", ann)).json()["limits"]
    assert [(each["level"], each["limit"]) for each in own] == [("user", 5.0)]


async def test_limits_of_one_model_bind_beside_the_others(control: Rig) -> None:
    await key_of(control, "ann")
    team = (
        await control.post("/team/new", {"team_alias": "t", "rpm_limit": 50, "model_rpm_limit": {"demo": 7}})
    ).json()
    fields = {"model_rpm_limit": {"demo": 9}, "model_max_budget": {"demo": {"budget_limit": 3, "time_period": "1d"}}}
    key = (await control.generate(user_id="ann", team_id=team["team_id"], rpm_limit=40, **fields))["token"]
    found = (await control.get("/key/limits", key=key)).json()["limits"]
    assert [
        (each["level"], each["kind"], each["model"], each["limit"], each["remaining"], each["binds"]) for each in found
    ] == [
        ("key", "requests", None, 40.0, None, True),
        ("key", "requests", "demo", 9.0, None, False),
        ("key", "budget", "demo", 3.0, 3.0, True),
        ("team", "requests", None, 50.0, None, False),
        ("team", "requests", "demo", 7.0, None, True),
    ]


async def test_what_is_out_of_reach_is_not_there(control: Rig) -> None:
    await key_of(control, "ann")
    bob = await key_of(control, "bob")
    key = (await control.generate(user_id="ann"))["token"]
    team = (await control.post("/team/new", {"team_alias": "t"})).json()["team_id"]
    for path, query in (("key", {"key": key}), ("user", {"user_id": "ann"}), ("team", {"team_id": team})):
        assert (await control.get(f"/{path}/limits", bob, **query)).status_code == 404, path
        assert (await control.get(f"/{path}/limits", **query)).status_code == 200, path
