from __future__ import annotations

import asyncio

from tests.unit.control.accounts import OTHER, PASSWORD, login, make
from tests.unit.control.rig import Rig

from phantom_gateway.control.invitations.service import id_of


async def test_a_link_and_its_id(control: Rig) -> None:
    services = control.services
    assert id_of(services, "a" * 64) == "a" * 64
    assert id_of(services, "phi-x") == services.sign_in.invitations.digest(b"phi-x")
    assert id_of(services, "phi-x") != services.sign_in.sessions.digest(b"phi-x")


async def test_of_two_claims_at_once_one_wins(control: Rig) -> None:
    await make(control, "ada")
    link = (await control.post("/invitation/new", {"user_id": "ada"})).json()["id"]
    claims = [
        control.http.post(
            "/onboarding/claim_token", json={"invitation_link": link, "user_id": "ada", "password": password}
        )
        for password in (OTHER, OTHER + "!", OTHER + "?")
    ]
    answers = await asyncio.gather(*claims)
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401]
    assert (await login(control, "ada", PASSWORD)).status_code == 401
