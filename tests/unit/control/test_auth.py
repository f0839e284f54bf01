from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from tests.unit.control.rig import MASTER, Rig

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.auth import Authenticator, Caller, credential
from phantom_gateway.control.entities.chain import master_record
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy.actor import Actor
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import KeyRecord

HASHER = KeyHasher(Secret("ab" * 32))
KNOWN = "sk-a-known-key-of-somebody"


class Directory:
    """Knows one key; counts how often it is asked."""

    def __init__(self, record: KeyRecord | None) -> None:
        self.record = record
        self.asked = 0

    async def find(self, digest: str) -> KeyRecord | None:
        self.asked += 1
        return self.record if self.record is not None and self.record.id == digest else None

    async def actor(self, record: KeyRecord) -> Actor:
        return Actor(key_id=record.id, role="proxy_admin" if record.kind == "master" else "")


def authenticator(directory: Directory) -> Authenticator:
    return Authenticator(HASHER, lambda: master_record(HASHER.digest(MASTER.encode())), directory)


def known(**fields: object) -> Directory:
    return Directory(KeyRecord(id=HASHER.digest(KNOWN.encode()), digest=HASHER.digest(KNOWN.encode()), **fields))  # type: ignore[arg-type]


async def refusal(directory: Directory, headers: dict[str, str]) -> ApiError:
    with pytest.raises(ApiError) as caught:
        await authenticator(directory).authenticate(Headers(headers), 100.0)
    return caught.value


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": "Bearer KEY"},
        {"Authorization": "bearer   KEY "},
        {"authorization": "KEY"},
        {"x-litellm-api-key": "KEY"},
        {"x-litellm-api-key": "Bearer KEY"},
        {"api-key": "KEY"},
        {"x-api-key": "KEY"},
        {"x-litellm-api-key": "KEY", "authorization": "Bearer sk-other"},
    ],
)
async def test_a_key_may_come_in_any_usual_header(headers: dict[str, str]) -> None:
    filled = {name: value.replace("KEY", KNOWN) for name, value in headers.items()}
    caller = await authenticator(known(user_id="u")).authenticate(Headers(filled), 100.0)
    assert (caller.is_admin, caller.name, caller.key.user_id) == (False, "u", "u")


async def test_the_master_key_needs_no_database() -> None:
    directory = Directory(None)
    caller = await authenticator(directory).authenticate(Headers({"x-api-key": MASTER}), 100.0)
    assert caller.is_admin
    assert directory.asked == 0


@pytest.mark.parametrize("headers", [{}, {"authorization": ""}, {"authorization": "Bearer "}, {"x-api-key": " "}])
async def test_no_key_is_said_so(headers: dict[str, str]) -> None:
    error = await refusal(known(), headers)
    assert (error.status, error.kind, error.param) == (401, "auth_error", "None")


@pytest.mark.parametrize("key", ["sk-ph-" + "A" * 38, "sk-ph-" + "A" * 37, "sk-ümlaut", "s" * 2000])
async def test_what_cannot_be_a_key_is_not_looked_up(key: str) -> None:
    directory = known()
    error = await refusal(directory, {"authorization": f"Bearer {key}"})
    assert (error.status, error.kind) == (401, "token_not_found_in_db")
    assert directory.asked == 0


async def test_unknown_keys_answer_alike_and_are_not_echoed() -> None:
    answers = {
        (error.status, error.kind, error.message, error.param)
        for key in ("sk-unknown-unknown", "x' OR (SELECT pg_sleep(8)) IS NOT NULL --", "sk-ph-" + "A" * 38)
        for error in [await refusal(known(), {"x-api-key": key})]
    }
    assert len(answers) == 1
    assert "sk-" not in str(answers)


async def test_blocked_and_expired_keys_are_refused() -> None:
    blocked = await refusal(known(blocked=True), {"x-api-key": KNOWN})
    assert (blocked.status, blocked.kind) == (401, "auth_error")
    for moment in (50.0, 100.0):
        expired = await refusal(known(expires=moment), {"x-api-key": KNOWN})
        assert (expired.status, expired.kind, expired.param) == (401, "expired_key", "sk-...body")
    await authenticator(known(expires=100.5)).authenticate(Headers({"x-api-key": KNOWN}), 100.0)


async def test_a_directory_that_answers_with_another_key_is_not_believed() -> None:
    class Liar(Directory):
        async def find(self, _digest: str) -> KeyRecord | None:
            return self.record

    liar = Liar(known().record)
    assert (await refusal(liar, {"x-api-key": "sk-another-key-altogether"})).status == 401


async def test_the_configured_header_wins() -> None:
    record = known().record
    assert record is not None
    master = master_record(HASHER.digest(MASTER.encode()))
    own = Authenticator(HASHER, lambda: master, Directory(record), lambda: "x-corp-key")
    headers = Headers({"x-corp-key": KNOWN, "authorization": f"Bearer {MASTER}"})
    assert not (await own.authenticate(headers, 100.0)).is_admin


def test_there_is_no_empty_caller() -> None:
    with pytest.raises(TypeError):
        Caller()  # type: ignore[call-arg]


@given(
    st.dictionaries(
        st.sampled_from(["authorization", "x-api-key", "api-key", "x-litellm-api-key"]), st.text(max_size=40)
    )
)
def test_reading_headers_never_fails(headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers.items()]
    assert credential(Headers(raw=raw)) is not None


async def test_the_application_uses_it(control: Rig) -> None:
    made = await control.generate()
    for name in ("x-litellm-api-key", "api-key", "x-api-key"):
        assert (await control.get("/key/info", headers={name: made["key"]})).status_code == 200
