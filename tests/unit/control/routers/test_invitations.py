from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from tests.unit.control.accounts import (
    OTHER,
    PASSWORD,
    browser,
    cookie_of,
    key_of,
    login,
    make,
    member,
    organisation,
    page,
    write,
)
from tests.unit.control.rig import Rig


async def invite(control: Rig, user_id: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
    answer = await control.post("/invitation/new", {"user_id": user_id}, headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def claim(link: str, user_id: str = "ada", password: str = PASSWORD) -> dict[str, str]:
    return {"invitation_link": link, "user_id": user_id, "password": password}


async def test_from_the_invitation_to_the_first_session(control: Rig) -> None:
    await make(control, "ada", password=None, user_email="ada@example.com")
    made = await invite(control, "ada")
    assert made["id"].startswith("phi-")
    assert (made["is_accepted"], made["accepted_at"], made["user_id"]) == (False, None, "ada")
    link = made["id"]
    for _ in range(2):
        told = (await control.get("/onboarding/get_token", {}, invite_link=link)).json()
        assert (told["user_id"], told["user_email"]) == ("ada", "ada@example.com"), "looking uses nothing up"
    answer = await control.http.post("/onboarding/claim_token", json=claim(link))
    assert answer.json()["user"]["user_id"] == "ada"
    assert (await control.get("/sessions", page(cookie_of(answer)))).json()["sessions"][0]["method"] == "invitation"
    assert (await login(control, "ada")).status_code == 200
    again = await control.http.post("/onboarding/claim_token", json=claim(link, password=OTHER))
    assert again.status_code == 401, "once"
    assert (await control.get("/onboarding/get_token", {}, invite_link=link)).status_code == 401
    assert (await login(control, "ada")).status_code == 200
    assert (await control.get("/invitation/info", invitation_id=link)).json()["is_accepted"] is True


async def test_a_link_ends(control: Rig) -> None:
    await make(control, "ada")
    link = (await invite(control, "ada"))["id"]
    control.clock.ahead = 7 * 86400
    assert (await control.http.post("/onboarding/claim_token", json=claim(link))).status_code == 401


@pytest.mark.parametrize("how", ["another", "deleted", "marked", "user_gone", "user_blocked"])
async def test_a_link_is_void(control: Rig, how: str) -> None:
    await make(control, "ada")
    link = (await invite(control, "ada"))["id"]
    if how == "another":
        await invite(control, "ada")
    elif how == "deleted":
        assert (await control.post("/invitation/delete", {"invitation_id": link})).status_code == 200
    elif how == "marked":
        body = {"invitation_id": link, "is_accepted": True}
        assert (await control.post("/invitation/update", body)).json()["is_accepted"] is True
        assert (await control.post("/invitation/update", body | {"is_accepted": False})).status_code == 400
    elif how == "user_gone":
        await control.post("/user/delete", {"user_ids": ["ada"]})
        await make(control, "ada")
    else:
        await control.post("/user/update", {"user_id": "ada", "blocked": True})
    assert (await control.http.post("/onboarding/claim_token", json=claim(link))).status_code == 401


async def test_claims_that_are_refused(control: Rig) -> None:
    await make(control, "ada")
    await make(control, "eve")
    made = await invite(control, "ada")
    unknown = await control.http.post("/onboarding/claim_token", json=claim("phi-" + "x" * 43))
    for body in (claim(made["id"], "eve"), claim(made["id"], "nobody"), claim(made["invitation_id"])):
        answer = await control.http.post("/onboarding/claim_token", json=body)
        assert (answer.status_code, answer.content) == (401, unknown.content)
    for password in ("short", "adaadaadaada", "y" * 300):
        weak = await control.http.post("/onboarding/claim_token", json=claim(made["id"], password=password))
        assert (weak.status_code, weak.json()["error"]["param"]) == (400, "password")
    foreign = await control.http.post(
        "/onboarding/claim_token", json=claim(made["id"]), headers={"origin": "https://evil.example"}
    )
    assert foreign.status_code == 403
    assert (await control.http.post("/onboarding/claim_token", json=claim(made["id"]))).status_code == 200


async def test_a_claim_ends_what_was_before(control: Rig) -> None:
    await make(control, "ada")
    old = await browser(control, "ada")
    link = (await invite(control, "ada"))["id"]
    await control.http.post("/onboarding/claim_token", json=claim(link, password=OTHER))
    assert (await control.get("/sessions", old)).status_code == 401
    assert (await login(control, "ada")).status_code == 401


async def test_the_link_is_stored_nowhere(control: Rig) -> None:
    await make(control, "ada")
    link = (await invite(control, "ada"))["id"]
    for path in control.path.rglob("*.db*"):
        assert link.encode() not in path.read_bytes()


async def test_who_may_invite_whom(control: Rig) -> None:
    chief = await key_of(control, "chief")
    await make(control, "stranger", password=None)
    await make(control, "root", password=None, user_role="proxy_admin")
    for user_id in ("fresh", "taken", "known", "both", "above"):
        await make(control, user_id, password=PASSWORD if user_id == "known" else None)
    await control.post("/user/update", {"user_id": "above", "user_role": "proxy_admin_viewer"})
    await write(control, lambda connection: organisation(connection, "home", "chief"))
    await write(control, lambda connection: organisation(connection, "abroad", "stranger"))
    for user_id in ("fresh", "known", "both", "above"):
        await write(control, partial(member, team_id="home", user_id=user_id))
    await write(control, lambda connection: member(connection, "abroad", "both"))
    taken = {"organization_id": "home", "member": [{"role": "internal_user", "user_id": "taken"}]}
    assert (await control.post("/organization/member_add", taken)).status_code == 200
    added = {"organization_id": "home", "member": [{"role": "internal_user", "user_id": "own"}]}
    assert (await control.post("/organization/member_add", added, chief)).status_code == 200
    # Who was somebody before has keys and budgets that an organisation's administrator must not get hold of.
    expected = {
        "own": 200,
        "fresh": 403,
        "taken": 403,
        "known": 403,
        "both": 403,
        "above": 403,
        "stranger": 404,
        "root": 404,
        "nobody": 404,
    }
    for user_id, status in expected.items():
        answer = await control.post("/invitation/new", {"user_id": user_id}, chief)
        assert answer.status_code == status, (user_id, answer.text)
    foreign = (await invite(control, "stranger"))["id"]
    assert (await control.get("/invitation/info", chief, invitation_id=foreign)).status_code == 404
    assert (await control.post("/invitation/delete", {"invitation_id": foreign}, chief)).status_code == 404
    assert (await control.get("/onboarding/get_token", {}, invite_link=foreign)).status_code == 200


async def test_bad_input(control: Rig) -> None:
    for path, body in (
        ("/invitation/new", {"user_id": ""}),
        ("/invitation/new", {"user_id": "ada", "x": 1}),
        ("/invitation/update", {"invitation_id": "x"}),
        ("/invitation/update", {"invitation_id": "x", "is_accepted": "yes"}),
        ("/invitation/delete", {}),
    ):
        assert (await control.post(path, body)).status_code == 400
    assert (await control.post("/invitation/delete", {"invitation_id": "x"})).status_code == 404
    assert (await control.get("/invitation/info", invitation_id="' OR 1=1 --")).status_code == 404
    for link in ("", "x", "' OR 1=1 --", "a" * 64):
        assert (await control.get("/onboarding/get_token", {}, invite_link=link)).status_code == 401


async def test_who_knows_an_id_but_not_the_address_learns_nothing(control: Rig) -> None:
    chief = await key_of(control, "chief")
    await make(control, "hidden", user_email="hidden@example.com")
    await write(control, lambda connection: organisation(connection, "home", "chief"))
    await write(control, lambda connection: member(connection, "home", "chief", "admin"))
    body = {"team_id": "home", "user_id": "hidden", "user_email": "guess@example.com"}
    there = await control.post("/team/member_delete", body, chief)
    missing = await control.post("/team/member_delete", {**body, "user_id": "nobody"}, chief)
    assert (there.status_code, there.json()) == (missing.status_code, missing.json())
    assert there.status_code == 404


async def test_nobody_is_made_the_operator_or_gets_the_name_of_another(control: Rig) -> None:
    chief = await key_of(control, "chief")
    await make(control, "alice@example.com")
    await write(control, lambda connection: organisation(connection, "home", "chief"))
    for path, place in (
        ("/organization/member_add", {"organization_id": "home"}),
        ("/team/member_add", {"team_id": "home"}),
    ):
        role = "internal_user" if "organization_id" in place else "user"
        for named, param in (
            ({"user_id": "default_user_id"}, "user_id"),
            ({"user_email": "ALICE@example.com"}, "user_email"),
        ):
            answer = await control.post(path, {**place, "member": [{"role": role, **named}]}, chief)
            assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert (await login(control, "alice@example.com")).status_code == 200
