from __future__ import annotations

import json

from tests.unit.control.accounts import PASSWORD, browser, login, make
from tests.unit.control.rig import Rig

from phantom_gateway.control.sign_in.events import OPERATOR, writer_for, writer_for_nobody


async def test_everything_of_people_is_in_the_audit_log(control: Rig) -> None:
    await make(control, "ada")
    here = await browser(control, "ada")
    await login(control, "ada", "wrong")
    await login(control, "my password, in the wrong field", "another password")
    await control.post("/user/update", {"user_id": "ada", "user_alias": "Countess"}, here)
    await control.post("/user/password/change", {"current_password": PASSWORD, "new_password": PASSWORD + "!"}, here)
    await control.post("/sessions/end", {"others": True}, here)
    await control.http.post("/logout", headers=here)
    answer = await control.get("/audit", page_size=50)
    assert answer.status_code == 200, answer.text
    records = list(reversed(answer.json()["audit_logs"]))
    actions = [
        (each["table_name"].partition("_")[2], each["action"], each["object_id"], each["changed_by"])
        for each in records
    ]
    assert [action for action in actions if action[0] in ("UserTable", "SessionTable")][:1] == [
        ("UserTable", "created", "ada", OPERATOR)
    ]
    assert ("SessionTable", "signed_in", "ada", "ada") in actions
    assert ("SessionTable", "refused", "ada", "anonymous") in actions
    assert ("UserTable", "updated", "ada", "ada") in actions
    assert ("SessionTable", "deleted", "ada", "ada") in actions
    assert ("SessionTable", "signed_out", "ada", "ada") in actions
    text = json.dumps(records)
    for typed in ("wrong field", "another password", PASSWORD, "argon2"):
        assert typed not in text


async def test_many_refusals_are_few_records(control: Rig) -> None:
    for _ in range(40):
        await login(control, "nobody", "wrong")
    records = (await control.get("/audit", page_size=100)).json()["audit_logs"]
    assert len([each for each in records if each["action"] == "refused"]) == 11, "ten wrong ones, and the waiting once"


def test_who_acts(control: Rig) -> None:
    for writer, name in ((writer_for(control.services, None), OPERATOR), (writer_for(control.services, "ada"), "ada")):
        assert writer.author is not None
        assert (writer.by, writer.author.name, writer.author.kind.value) == (name, name, "user")
    nobody = writer_for_nobody(control.services)
    assert nobody.author is not None
    assert nobody.author.kind.value == "anonymous"
