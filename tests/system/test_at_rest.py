"""What is entered is not found: every secret against every byte of the data directory.

A table that gets secrets in its columns adds them here, in the function that enters them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from tests.conftest import write_config
from tests.support.at_rest import Entered
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway

from phantom_gateway.cli.audit import verify
from phantom_gateway.config.secret import Secret
from phantom_gateway.security.envelope import SealPurpose
from phantom_gateway.security.keyring import open_keyring
from phantom_gateway.store import vault
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.tables import FACTS
from phantom_gateway.store.vault import SealedColumn


def enter_keys(gateway: Gateway, secrets: Entered) -> None:
    """Virtual keys, made, used, changed, blocked, deleted, and refused."""
    made = [secrets.entered(f"key {number}", gateway.key(key_alias=f"k{number}")) for number in range(3)]
    own = secrets.entered("own key", "sk-my-own-value-of-a-key-4711")
    answers: list[Any] = [
        gateway.admin("POST", "/key/generate", json={"key": own, "max_budget": 1.0}),
        gateway.chat(own),
        gateway.chat(made[0], stream=True),
        gateway.admin("POST", "/key/update", json={"key": made[0], "rpm_limit": 5}),
        gateway.admin("POST", "/key/block", json={"key": made[1]}),
        gateway.admin("POST", "/key/unblock", json={"key": made[1]}),
        gateway.admin("GET", "/key/info", params={"key": made[1]}),
        gateway.admin("POST", "/key/delete", json={"keys": [made[2]]}),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers)
    unknown = secrets.entered("unknown key", "sk-of-nobody-0123456789-abcdef")
    assert gateway.chat(unknown).status_code == 401
    noted = secrets.entered("key in a note", "sk-that-was-written-into-a-note")
    refused = {"key_alias": "k0", "metadata": {"note": noted, "password": noted}}
    assert gateway.admin("POST", "/key/generate", json=refused).status_code == 400


def enter_people(gateway: Gateway, secrets: Entered) -> None:
    """Passwords set, right, wrong and changed; sessions; the links of invitations."""
    first = secrets.entered("first password", "correct horse battery")
    second = secrets.entered("second password", "staple for another horse")
    wrong = secrets.entered("wrong password", "a password that was wrong")
    misplaced = secrets.entered("password in the wrong field", "typed-into-the-wrong-field")
    made = gateway.admin("POST", "/user/new", json={"user_id": "ada", "password": first})
    secrets.entered("a user's key", made.json()["key"])
    link = secrets.entered("link", gateway.admin("POST", "/invitation/new", json={"user_id": "ada"}).json()["id"])
    headers = {"origin": gateway.url, "x-phantom-request": "1"}
    with httpx.Client(base_url=gateway.url, headers=headers, timeout=20) as browser:
        for username, password, status in (("ada", first, 200), ("ada", wrong, 401), (misplaced, wrong, 401)):
            body = {"username": username, "password": password}
            assert browser.post("/v2/login", json=body).status_code == status
        secrets.entered("session", browser.cookies["phantom-session"])
        body = {"current_password": first, "new_password": second}
        assert browser.post("/user/password/change", json=body).status_code == 200
        body = {"invitation_link": link, "user_id": "ada", "password": first}
        assert browser.post("/onboarding/claim_token", json=body).status_code == 200
        secrets.entered("session of the invitation", browser.cookies["phantom-session"])


def enter_models(gateway: Gateway, secrets: Entered) -> None:
    """Credentials of providers: in models, by name, changed, removed, and refused."""
    own = secrets.entered("key of a model", "sk-of-a-model-0123456789-abcdef")
    second = secrets.entered("second key of a model", "sk-of-a-model-changed-0123456789")
    header = secrets.entered("header of a model", "Basic bm9ib2R5OmtlZXBzIHRoaXM=")
    aws = secrets.entered("AWS key of a model", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLE")
    named = secrets.entered("credential", "sk-of-a-credential-0123456789")
    query = secrets.entered("key in an address", "a-key-in-the-query-of-an-address")
    vertex = secrets.entered("Google credentials", "a-private-key-of-google-0123456789")
    passed = secrets.entered("header of a passed path", "Bearer sk-of-another-service-0123456789")
    body = {"path": "/svc", "target": "https://svc.example.com", "headers": {"authorization": passed}}
    assert gateway.admin("POST", "/config/pass_through_endpoint", json=body).status_code == 200
    params = {
        "model": "openai/up",
        "api_base": f"https://llm.example.com/v1?key={query}",
        "api_key": own,
        "extra_headers": {"x-anything": header},
        "aws_secret_access_key": aws,
        "vertex_credentials": {"type": "service_account", "private_key": vertex},
    }
    new = {"model_name": "kept", "litellm_params": params, "model_info": {"id": "kept-1"}}
    credential = {"credential_name": "named", "credential_values": {"api_key": named}, "credential_info": {}}
    changed = {"model_info": {"id": "kept-1"}, "litellm_params": {"api_key": second}}
    answers = [
        gateway.admin("POST", "/model/new", json=new),
        gateway.admin("POST", "/model/update", json=changed),
        gateway.admin("POST", "/credentials", json=credential),
        gateway.admin("PATCH", "/credentials/named", json={"credential_values": {"api_key": named}}),
        gateway.admin("POST", "/model/new", json={**new, "model_info": {"id": "kept-2"}}),
        gateway.admin("POST", "/model/delete", json={"id": "kept-2"}),
    ]
    assert [answer.status_code for answer in answers] == [200] * len(answers), [answer.text for answer in answers]
    shown = [gateway.admin("GET", path).text for path in ("/model/info", "/credentials", "/audit?page_size=100")]
    for secret in (own, second, header, aws, named, query, vertex):
        assert not any(secret in text for text in (*shown, *(answer.text for answer in answers)))
    refused = secrets.entered("refused key of a model", "sk-of-a-model-that-was-refused-01")
    bad = {**new, "litellm_params": params | {"api_key": refused, "rpm": -1}, "model_info": {"id": "kept-3"}}
    assert gateway.admin("POST", "/model/new", json=bad).status_code == 400


def enter_sealed(data_dir: Path, secrets: Entered) -> None:
    """Secrets that must come back, of every purpose, sealed as any table would hold them; sealed anew after a rotation."""
    database = open_sqlite(data_dir / "phantom.db")
    keyring = open_keyring(data_dir)
    envelopes = vault.open_envelopes(database, keyring, time.time())
    columns = {purpose: SealedColumn(purpose, FACTS.c.name, FACTS.c.value) for purpose in SealPurpose}
    entered = {purpose: secrets.entered(purpose, f"canary-of-{purpose}-0123456789") for purpose in SealPurpose}
    for purpose, secret in entered.items():
        with database.write() as connection:
            sealed = envelopes.seal(purpose, columns[purpose].place(purpose), Secret(secret))
            connection.execute(sa.insert(FACTS).values(name=purpose.value, value=sealed))
    vault.rotate(database, keyring, envelopes, time.time())
    for purpose, secret in entered.items():
        with database.write() as connection:
            query = sa.select(FACTS.c.value).where(FACTS.c.name == purpose.value)
            sealed = connection.execute(query).scalar_one()
            again = envelopes.open(purpose, columns[purpose].place(purpose), sealed)
            assert again.reveal() == secret
    database.close()


def test_no_secret_that_was_entered_lies_on_the_disk(tmp_path: Path, shared_simulator: SimulatorThread) -> None:
    secrets = Entered()
    secrets.entered("master key", MASTER_KEY)
    secrets.entered("provider key of the configuration", "sk-upstream-secret-canary")
    config = write_config(tmp_path, shared_simulator)
    data_dir = tmp_path / "data"
    with running_gateway(data_dir, config) as gateway:
        enter_keys(gateway, secrets)
        enter_people(gateway, secrets)
        enter_models(gateway, secrets)
        secrets.assert_absent(data_dir)
        assert gateway.stop() == 0
    secrets.entered("root key", (data_dir / "keys" / "root.key").read_text().strip())
    enter_sealed(data_dir, secrets)
    assert verify(data_dir).fault is None
    secrets.assert_absent(data_dir)


def test_the_search_finds_what_is_there(tmp_path: Path) -> None:
    secrets = Entered()
    secret = secrets.entered("a key", "sk-a-secret-that-lies-around")
    for number, content in enumerate(
        (secret, f"x{secret}x", secret.encode().hex(), secret.encode("utf-16-le").decode("latin-1"))
    ):
        (tmp_path / f"f{number}").write_text(content, encoding="latin-1")
        with pytest.raises(AssertionError, match="a key as"):
            secrets.assert_absent(tmp_path)
        (tmp_path / f"f{number}").write_text("nothing")
    secrets.assert_absent(tmp_path)
