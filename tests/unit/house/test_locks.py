"""The locks: hashed, without addresses, and never the two poisoned releases."""

from __future__ import annotations

import re
import tomllib

import pytest
from tests.unit.house.tree import ROOT

LOCKS = ["requirements.txt", *sorted(f"requirements/{path.name}" for path in (ROOT / "requirements").glob("*.txt"))]
PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[a-z0-9,_-]+\])?==(\S+)")


def entries(name: str) -> list[str]:
    """The logical lines of a lock."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("name", LOCKS)
def test_every_requirement_is_one_version_with_hashes(name: str) -> None:
    assert entries(name)
    for entry in entries(name):
        assert PIN.match(entry), entry.split()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", entry), entry.split()[0]


@pytest.mark.parametrize("name", LOCKS)
def test_no_lock_names_an_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host|@ file", text)


@pytest.mark.parametrize("name", LOCKS)
def test_the_poisoned_releases_stay_out(name: str) -> None:
    """litellm 1.82.7 and 1.82.8 (March 2026) carried a credential stealer."""
    pins = {match[1].lower(): match[2] for entry in entries(name) if (match := PIN.match(entry))}
    assert pins.get("litellm") not in ("1.82.7", "1.82.8")
    if name != "requirements/bridge.txt":
        assert "litellm" not in pins


def test_the_project_refuses_the_poisoned_releases() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (requirement,) = [
        each for each in project["project"]["optional-dependencies"]["bridge"] if each.startswith("litellm")
    ]
    assert "!=1.82.7" in requirement
    assert "!=1.82.8" in requirement


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    asked = {
        "requirements.txt": project["project"]["dependencies"],
        "requirements/dev.txt": project["dependency-groups"]["dev"],
        "requirements/build.txt": project["dependency-groups"]["build"],
        "requirements/bridge.txt": project["project"]["optional-dependencies"]["bridge"],
    }
    for name, requirements in asked.items():
        pinned = {normal(match[1]) for entry in entries(name) if (match := PIN.match(entry))}
        wanted = {normal(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in requirements}
        assert wanted <= pinned, f"{name}: run `make lock`"


def test_all_locks_agree() -> None:
    main = {match[1]: match[2] for entry in entries("requirements.txt") if (match := PIN.match(entry))}
    for name in ("requirements/dev.txt", "requirements/bridge.txt"):
        for entry in entries(name):
            match = PIN.match(entry)
            assert match is not None
            assert main.get(match[1], match[2]) == match[2], f"{name}: {match[1]}; run `make lock`"
