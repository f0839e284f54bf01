"""``ui/openapi.json``: the part of the admin API that the Admin UI uses. Run by ``make docs``.

What it uses is read from its sources: every text like ``GET /key/list`` names an operation. Types are made from this file
when the UI is built, so a route or field that changes its shape fails in the UI's type check, not in a browser.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from phantom_gateway.control.app import create_app
from phantom_gateway.control.openapi import document
from phantom_gateway.control.services import ControlServices

ROOT = Path(__file__).parents[1]
UI = ROOT / "ui"
TARGET = UI / "openapi.json"
OPERATION = re.compile(r"[\"'`](GET|POST|PUT|PATCH|DELETE) (/[^\"'`\s]*)[\"'`]")

JsonObject = dict[str, Any]


def used(sources: Path = UI / "src") -> set[tuple[str, str]]:
    """The operations named in the UI's sources: method in lower case, and path."""
    files = (path for path in sources.rglob("*.ts*") if ".gen." not in path.name)
    return {(method.lower(), path) for file in files for method, path in OPERATION.findall(file.read_text("utf-8"))}


def part(whole: JsonObject, operations: set[tuple[str, str]]) -> JsonObject:
    """The description of these operations alone. Raises KeyError for one that does not exist."""
    paths: JsonObject = {}
    for method, path in sorted(operations, key=lambda each: (each[1], each[0])):
        operation = whole["paths"][path][method]
        good = {code: answer for code, answer in operation["responses"].items() if code.startswith("2")}
        paths.setdefault(path, {})[method] = {**operation, "responses": good}
    schemas: JsonObject = {}
    wanted = _references(paths)
    while wanted:
        name = wanted.pop()
        if name not in schemas:
            schemas[name] = whole["components"]["schemas"][name]
            wanted |= _references(schemas[name])
    kept = {name: schemas[name] for name in sorted(schemas)}
    return {"openapi": whole["openapi"], "info": whole["info"], "paths": paths, "components": {"schemas": kept}}


def text() -> str:
    """The file as it should be."""
    # Routes are described without being served: nothing is asked of the services.
    app = create_app(cast(ControlServices, SimpleNamespace()))
    return json.dumps(part(document(app), used()), indent=1, ensure_ascii=False) + "\n"


def _references(value: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(value)))


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
    print(f"wrote {TARGET.relative_to(ROOT)}")
