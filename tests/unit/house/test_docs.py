"""What the documentation says exists: links, paths, make targets, commands and their options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.unit.house.tree import ROOT, files, lines

from phantom_gateway.cli import app
from phantom_gateway.cli.remote.command import COMMON

PAGES = [path for path in files() if path.suffix == ".md" and "results" not in path.parts]
CODE = re.compile(r"^```[^\n]*\n(.*?)^```|`([^`\n]+)`", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
OUR_PATH = re.compile(r"(?:src|docs|tests|tools|bench|requirements)/[A-Za-z0-9_./-]+")
NOT_WRITTEN = ("bench/results", "src/phantom_gateway/a/", "tests/unit/a/")
"""Made by a command, or a placeholder."""


def code(path: Path) -> str:
    """All code of a page: blocks and quoted words."""
    return "\n".join(block or word for block, word in CODE.findall(path.read_text(encoding="utf-8")))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def commands() -> dict[str, set[str]]:
    """Every subcommand of ``phantom`` and its options, those of its own subcommands included."""
    found = {}
    for name in app._COMMANDS:
        group: Any = typer.main.get_command(app.build(name))
        command = group.commands[name]
        parameters = [one for each in (command, *getattr(command, "commands", {}).values()) for one in each.params]
        found[name] = {option for one in parameters for option in one.opts if option.startswith("--")}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(target)
    assert not broken, lines(broken)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_paths_exist(page: Path) -> None:
    missing = []
    for _, word in CODE.findall(page.read_text(encoding="utf-8")):
        if OUR_PATH.fullmatch(word) and not word.startswith(NOT_WRITTEN) and not (ROOT / word).exists():
            missing.append(word)
    assert not missing, lines(missing)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_make_targets_and_commands_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = code(page)
    unknown = [
        f"make {name}" for name in re.findall(r"(?:^|[\s;&])make ([a-z-]+)", text, re.MULTILINE) if name not in targets
    ]
    for name, rest in re.findall(r"(?:^|[\s/;&])phantom ([a-z]+)((?:[^\n|]|\\\n)*)", text, re.MULTILINE):
        if name not in commands():
            unknown.append(f"phantom {name}")
        else:
            options = re.findall(r"(?<=\s)--[a-z-]+", rest.partition("#")[0])
            unknown += [f"phantom {name} {option}" for option in options if option not in commands()[name] | {"--help"}]
    assert not unknown, lines(unknown)


def test_every_command_and_option_is_documented() -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    sections = dict(
        re.findall(r"^## phantom (\w+)\n(.*?)(?=^## |\Z)", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    )
    assert sections.keys() == commands().keys()
    common = {f"--{name.removeprefix('as_').replace('_', '-')}" for name in COMMON}
    shared = page.read_text(encoding="utf-8").partition("\n## Commands that ask a gateway\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(--[a-z-]+)", shared, re.MULTILINE)) == common
    for name, options in commands().items():
        own = options - common if "phantom_gateway.cli.remote" in app._COMMANDS[name][0] else options
        assert set(re.findall(r"^\| `(--[a-z-]+)", sections[name], re.MULTILINE)) == own, f"{page}: phantom {name}"


def test_every_make_target_explains_itself() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    listed = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    inner = {"dev"}
    assert {name for line in phony for name in line.split()} - inner == listed
