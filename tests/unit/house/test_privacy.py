"""No file of the repository tells who wrote it or where: no home directories, no real-looking keys."""

from __future__ import annotations

import re

from tests.unit.house.tree import ROOT, files, lines

PERSONAL = re.compile(r"(?<![\w.])/(?:root|work|Users|home/(?!you\b|user\b|phantom\b)[a-z])[/\w]|[A-Z]:\\\\?Users")
KEYS = re.compile(
    r"\bsk-(?:proj-|ant-)[A-Za-z0-9_-]{32,}|\bAKIA(?![0-9A-Z]*EXAMPLE)[0-9A-Z]{16}\b|\bghp_[A-Za-z0-9]{30,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".sh", ".json", ".js", ".mjs", ".mako", ""}


def test_nothing_personal() -> None:
    found = []
    for path in files():
        if path.suffix not in TEXT or path == ROOT / "tests" / "unit" / "house" / "test_privacy.py":
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if PERSONAL.search(line) or KEYS.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert not found, lines(found)


def test_the_guard_sees_them() -> None:
    for text in ("see /home/ada/notes", "in /root/x", "/Users/ada"):
        assert PERSONAL.search(text)
    for text in ("/home/you/data", "a/work/b", "/v1/root/x", "the root/leaf"):
        assert not PERSONAL.search(text)
