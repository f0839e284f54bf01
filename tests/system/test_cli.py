"""The commands that ask a gateway, as programs, against a gateway that runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import write_config
from tests.support.gateway import MASTER_KEY, Gateway, SimulatorThread, running_gateway

Done = subprocess.CompletedProcess[str]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """One worker."""
    directory = tmp_path_factory.mktemp("cli")
    with running_gateway(directory / "data", write_config(directory, shared_simulator)) as running:
        yield running


def phantom(gateway: Gateway, *words: str, key: str = MASTER_KEY, text: str = "", **variables: str) -> Done:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PHANTOM", "LITELLM"))}
    environment |= {"PHANTOM_URL": gateway.url, "PHANTOM_API_KEY": key} | variables
    command = [sys.executable, "-m", "phantom_gateway.cli", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, input=text)


def shown(gateway: Gateway, *words: str, **arguments: str) -> str:
    done = phantom(gateway, *words, **arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer(gateway: Gateway, *words: str) -> Any:
    return json.loads(shown(gateway, *words, "--json"))


def fields(text: str) -> dict[str, str]:
    return dict(line.split("\t", 1) for line in text.splitlines())


def test_the_life_of_a_key(gateway: Gateway) -> None:
    made = fields(shown(gateway, "keys", "new", "--alias", "life", "--models", "gpt,other", "--max-budget", "1.5"))
    assert gateway.chat(made["key"]).status_code == 200
    heading, *lines = shown(gateway, "keys", "list", "--alias", "life").splitlines()
    row = dict(zip(heading.split("\t"), lines[0].split("\t"), strict=True))
    assert len(lines) == 1
    assert (row["KEY"], row["ALIAS"], row["BUDGET"]) == (made["token"], "life", "1.5")
    assert answer(gateway, "keys", "update", "life", "--set", 'metadata={"a": 1}', "--rpm-limit", "7")["rpm_limit"] == 7
    info = answer(gateway, "keys", "info", made["token"])["info"]
    assert (info["metadata"], info["models"]) == ({"a": 1}, ["gpt", "other"])
    assert shown(gateway, "keys", "block", "life") == "blocked life\n"
    assert gateway.chat(made["key"]).status_code == 401
    shown(gateway, "keys", "unblock", "-", text=made["key"] + "\n")
    renewed = fields(shown(gateway, "keys", "regenerate", "life"))["key"]
    assert gateway.chat(made["key"]).status_code == 401
    assert gateway.chat(renewed).status_code == 200
    shown(gateway, "keys", "delete", "life")
    gone = phantom(gateway, "keys", "info", "life")
    assert (gone.returncode, gone.stdout) == (1, "")
    assert gone.stderr == "phantom keys info: no key has the alias life\n"


def test_users_teams_and_organisations(gateway: Gateway) -> None:
    assert answer(gateway, "orgs", "new", "--id", "o", "--alias", "Org")["organization_id"] == "o"
    assert answer(gateway, "teams", "new", "--id", "t", "--org", "o", "--max-budget", "3")["max_budget"] == 3
    user = answer(gateway, "users", "new", "--id", "u", "--email", "u@example.com")
    assert user.get("key") is None
    assert answer(gateway, "users", "update", "u", "--alias", "Ulla")
    assert "Ulla" in shown(gateway, "users", "list")
    assert fields(shown(gateway, "users", "invite", "u"))["id"].startswith("phi-")
    shown(gateway, "orgs", "add-member", "o", "--user", "u")
    assert shown(gateway, "teams", "add-member", "t", "--user", "u", "--role", "admin") == "added u to t\n"
    assert "u" in json.dumps(answer(gateway, "teams", "info", "t")["team_info"]["members_with_roles"])
    shown(gateway, "teams", "update", "t", "--alias", "Team")
    assert "Team" in shown(gateway, "teams", "list")
    shown(gateway, "teams", "block", "t")
    shown(gateway, "teams", "unblock", "t")
    shown(gateway, "teams", "remove-member", "t", "--user", "u")
    shown(gateway, "orgs", "remove-member", "o", "--user", "u")
    assert answer(gateway, "orgs", "update", "o", "--rpm-limit", "9")
    assert "Org" in shown(gateway, "orgs", "info", "o")
    shown(gateway, "teams", "delete", "t")
    shown(gateway, "orgs", "delete", "o")
    shown(gateway, "users", "delete", "u")
    assert answer(gateway, "teams", "list") == []


def test_budgets_customers_tags_and_models(gateway: Gateway) -> None:
    shown(gateway, "budgets", "new", "--id", "b", "--max-budget", "2", "--budget-duration", "1d")
    shown(gateway, "budgets", "update", "b", "--max-budget", "4")
    assert "b\t4\t\t1d" in shown(gateway, "budgets", "list")
    shown(gateway, "customers", "new", "c", "--budget", "b")
    shown(gateway, "customers", "update", "c", "--alias", "Cleo")
    shown(gateway, "customers", "block", "c")
    assert "Cleo" in shown(gateway, "customers", "list")
    assert "Cleo" in shown(gateway, "customers", "info", "c")
    shown(gateway, "customers", "unblock", "c")
    shown(gateway, "customers", "delete", "c")
    shown(gateway, "budgets", "delete", "b")
    shown(gateway, "tags", "new", "g", "--description", "for\x1b[31m tests")
    assert "for?[31m tests" in shown(gateway, "tags", "list")
    shown(gateway, "tags", "delete", "g")
    assert "gpt\topenai/up\tgpt-1\tno" in shown(gateway, "models", "list")


def test_sessions(gateway: Gateway) -> None:
    shown(gateway, "users", "new", "--id", "seen", "--email", "seen@example.com")
    set_password = {"user_id": "seen", "password": "a long enough passphrase 42"}
    assert gateway.admin("POST", "/user/update", json=set_password).status_code == 200
    login = {"username": "seen@example.com", "password": set_password["password"]}
    assert gateway.admin("POST", "/v2/login", json=login).status_code == 200
    heading, line = shown(gateway, "sessions", "list", "--user", "seen").splitlines()
    row = dict(zip(heading.split("\t"), line.split("\t"), strict=True))
    assert all(row.values()), row
    shown(gateway, "sessions", "end", "--user", "seen", "--session", row["SESSION"])
    assert shown(gateway, "sessions", "list", "--user", "seen") == heading + "\n"
    assert phantom(gateway, "sessions", "end", "--user", "seen").returncode == 1


def test_who_asks(gateway: Gateway) -> None:
    assert fields(shown(gateway, "whoami"))["key"] == "master key"
    made = fields(shown(gateway, "keys", "new", "--alias", "me"))
    assert fields(shown(gateway, "whoami", key=made["key"]))["key_alias"] == "me"


def test_a_refusal_is_one_line(gateway: Gateway) -> None:
    wrong = phantom(gateway, "keys", "list", key="sk-wrong-key-that-nobody-has-0123")
    assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (1, "", 1)
    assert "(HTTP 401)" in wrong.stderr
    unknown = phantom(gateway, "keys", "new", "--set", "nonsense=1")
    assert unknown.stderr == "phantom keys new: nonsense: unknown field (HTTP 400)\n"
    negative = phantom(gateway, "budgets", "new", "--max-budget", "-1")
    assert (negative.returncode, negative.stderr.count("\n")) == (1, 1)
    nobody = phantom(gateway, "keys", "list", "--url", "http://127.0.0.1:1")
    assert (nobody.returncode, nobody.stderr.count("\n")) == (1, 1)


def test_keys_do_not_stand_on_the_command_line(gateway: Gateway) -> None:
    refused = phantom(gateway, "keys", "info", MASTER_KEY)
    assert refused.returncode == 2
    assert MASTER_KEY not in refused.stdout + refused.stderr


def test_the_key_of_a_file(gateway: Gateway, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(MASTER_KEY)
    path.chmod(0o644)
    open_to_all = phantom(gateway, "whoami", "--key-file", str(path), key="")
    assert open_to_all.returncode == 2
    assert "0600" in open_to_all.stderr
    path.chmod(0o600)
    assert phantom(gateway, "whoami", "--key-file", str(path), key="").returncode == 0
