from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.accounts import PASSWORD, make, write
from tests.unit.control.rig import MASTER, Rig

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.people_settings import PeopleSettings
from phantom_gateway.control.sign_in.identity import Attempt, PasswordLogin, find_user
from phantom_gateway.control.sign_in.threads import PasswordThreads
from phantom_gateway.security.passwords import Passwords
from phantom_gateway.store import tenants
from phantom_gateway.store.tenancy_tables import USERS


async def test_the_operator(control: Rig) -> None:
    operator = control.services.sessions.operator
    found = await operator.identify(Attempt("admin", MASTER))
    assert found is not None
    assert (found.user_id, found.bound) == (None, operator.bound)
    for attempt in (
        Attempt("Admin", MASTER),
        Attempt("admin", ""),
        Attempt("admin", MASTER + "x"),
        Attempt("\ud800", "\ud800"),
    ):
        assert await operator.identify(attempt) is None
    bound = operator.bound
    control.services.configuration.people = PeopleSettings(operator_password=Secret("another-password"))
    assert await operator.identify(Attempt("admin", MASTER)) is None
    assert await operator.identify(Attempt("admin", "another-password")) is not None
    assert operator.bound != bound


async def test_an_address_goes_before_an_id(control: Rig) -> None:
    await make(control, "ada", user_email="ada@x.org")

    def find(username: str) -> str | None:
        with control.services.database.database.read() as connection:
            row = find_user(connection, username)
        return None if row is None else row.id

    await make(control, "ada@x.org")
    assert [find(name) for name in ("ada", " ADA@x.org ", "eve", "%", "")] == ["ada", "ada", None, None, None]


async def test_an_old_hash_is_made_anew(control: Rig) -> None:
    await make(control, "ada")
    method = PasswordLogin(control.services.database, control.services.sign_in.passwords)
    found = await method.identify(Attempt("ada", PASSWORD))
    assert found is not None
    assert found.upgraded is None
    old = Passwords(memory_kib=128, passes=1, lanes=1).hash(PASSWORD)

    await write(control, lambda connection: connection.execute(sa.update(USERS).values(password_hash=old)))
    found = await method.identify(Attempt("ada", PASSWORD))
    assert found is not None
    assert found.upgraded is not None
    assert "m=64," in found.upgraded
    answer = await control.http.post("/v2/login", json={"username": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    row = await write(control, lambda connection: tenants.USERS.get(connection, "ada"))
    assert row is not None
    assert row.password_hash is not None
    assert "m=64," in row.password_hash


class Counting(Passwords):
    """Counts its work."""

    checks = 0

    def verify(self, stored: str | None, password: str) -> bool:
        self.checks += 1
        return super().verify(stored, password)


async def test_every_attempt_costs_one_check(control: Rig) -> None:
    """Nobody learns from the time of an answer who has an account."""
    await make(control, "ada")
    await make(control, "nopass", password=None)
    await make(control, "out")
    await control.post("/user/update", {"user_id": "out", "blocked": True})
    counting = Counting(memory_kib=64, passes=1, lanes=1)
    threads = PasswordThreads(counting)
    method = PasswordLogin(control.services.database, threads)
    for done, name in enumerate(("ada", "nobody", "nopass", "out", ""), 1):
        assert await method.identify(Attempt(name, "wrong")) is None
        assert counting.checks == done, name
    threads.close()
