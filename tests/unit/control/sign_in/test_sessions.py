from __future__ import annotations

from typing import Any

from tests.unit.control.accounts import STAMPS, write
from tests.unit.control.rig import Rig

from phantom_gateway.control.sign_in.identity import Identity
from phantom_gateway.store import sessions, tenants
from phantom_gateway.store.tenants import UserRow


async def opened(control: Rig, now: float = 1000.0, **identity: Any) -> str:
    who = Identity(**({"user_id": "ada", "method": "password"} | identity))
    token, _ = await write(control, lambda c: control.services.sessions.open(c, who, "here", now))
    return token.reveal()


async def test_a_cookie_stands_for_its_user(control: Rig) -> None:
    row = UserRow(id="ada", role="internal_user", **STAMPS)
    await write(control, lambda connection: tenants.USERS.insert(connection, row))
    token = await opened(control)
    found = await control.services.sessions.find(token, 1001.0)
    assert found is not None
    record, actor = found
    assert (record.kind, record.user_id, record.limits, record.models) == ("session", "ada", (), ())
    assert (actor.user_id, actor.role, actor.grants) == ("ada", "internal_user", {})
    assert token not in repr(found)
    for other in ("", token + "x", token[:-1], record.id, "\ud800"):
        assert await control.services.sessions.find(other, 1001.0) is None


async def test_use_is_noted_once_a_minute(control: Rig) -> None:
    row = UserRow(id="ada", role="internal_user", **STAMPS)
    await write(control, lambda connection: tenants.USERS.insert(connection, row))
    token = await opened(control)
    session_id = control.services.sign_in.sessions.digest(token.encode())
    for at, noted in ((1030.0, 1000.0), (1061.0, 1061.0), (1100.0, 1061.0), (1122.0, 1122.0)):
        assert await control.services.sessions.find(token, at) is not None
        stored = await control.services.database.read(lambda c: sessions.get(c, session_id))
        assert stored is not None
        assert stored.seen_at == noted


async def test_only_the_operators_credential_holds_the_operators_session(control: Rig) -> None:
    good = await opened(control, user_id=None, bound=control.services.sessions.operator.bound)
    found = await control.services.sessions.find(good, 1001.0)
    assert found is not None
    assert found[1].role == "proxy_admin"
    for bound in (None, "0" * 64):
        token = await opened(control, user_id=None, bound=bound)
        assert await control.services.sessions.find(token, 1001.0) is None


async def test_sessions_of_long_ago_are_swept_out(control: Rig) -> None:
    await opened(control, now=1000.0)
    await opened(control, now=1000.0 + 200 * 86400)
    everything = sessions.Alive(0.0, 1e12, 1e12)
    assert len(await control.services.database.read(lambda c: sessions.of_user(c, "ada", everything))) == 1


async def test_tokens_are_long_and_never_equal(control: Rig) -> None:
    tokens = {await opened(control, now=1000.0 + number) for number in range(50)}
    assert len(tokens) == 50
    assert all(len(token) == 47 for token in tokens), "256 bits and a prefix"
