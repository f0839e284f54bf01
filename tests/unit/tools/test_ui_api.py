from __future__ import annotations

from pathlib import Path

import pytest
from tools import ui_api


def test_the_file_is_as_the_routes_and_the_sources_say() -> None:
    assert ui_api.TARGET.read_text(encoding="utf-8") == ui_api.text(), "run `make docs`"


def test_only_what_the_sources_name_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("""get("GET /key/list"); ask()(`POST /key/{key}/regenerate`, {}); "GET up";""")
    (tmp_path / "schema.gen.d.ts").write_text('"GET /not/this"')
    assert ui_api.used(tmp_path) == {("get", "/key/list"), ("post", "/key/{key}/regenerate")}


def test_schemas_come_along_and_unknown_routes_are_errors() -> None:
    schemas = {"A": {"items": {"$ref": "#/components/schemas/B"}}, "B": {}, "C": {}}
    operation = {"responses": {"200": {"$ref": "#/components/schemas/A"}, "400": {"$ref": "#/components/schemas/C"}}}
    whole = {"openapi": "3.1.0", "info": {}, "paths": {"/a": {"get": operation}}, "components": {"schemas": schemas}}
    assert list(ui_api.part(whole, {("get", "/a")})["components"]["schemas"]) == ["A", "B"]
    with pytest.raises(KeyError):
        ui_api.part(whole, {("get", "/b")})
