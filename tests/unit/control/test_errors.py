from __future__ import annotations

import logging
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from tests.unit.control.rig import ADMIN, Rig

from phantom_gateway.control import errors
from phantom_gateway.control.errors import ApiError, body_of, describe


async def ask(app: FastAPI, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        return await client.get(path)


def failing(error: Exception) -> FastAPI:
    app = FastAPI()
    errors.install(app)

    @app.get("/")
    def fail() -> None:
        raise error

    return app


async def test_an_api_error_has_litellms_shape() -> None:
    answer = await ask(failing(ApiError(418, "no coffee", kind="teapot", param="cup")), "/")
    assert answer.status_code == 418
    assert answer.json() == {"error": {"message": "no coffee", "type": "teapot", "param": "cup", "code": "418"}}


async def test_a_defect_says_nothing_about_itself() -> None:
    answer = await ask(failing(RuntimeError("sk-very-secret in /etc/passwd")), "/")
    assert answer.status_code == 500
    assert answer.json() == body_of("Internal error.", "internal_server_error", None, 500)
    assert answer.headers["cache-control"] == "no-store"


async def test_a_dead_database_is_503_and_not_401(
    control: Rig, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made = await control.generate()
    (tmp_path / "phantom.db").rename(tmp_path / "gone.db")
    (tmp_path / "phantom.db").mkdir()
    control.services.database.database.engine.dispose()
    control.directory.forget(())
    with caplog.at_level(logging.ERROR):
        answer = await control.get("/key/info", headers={"x-api-key": made["key"]})
        written = await control.post("/key/generate", {})
    (tmp_path / "phantom.db").rmdir()
    (tmp_path / "gone.db").rename(tmp_path / "phantom.db")
    for one in (answer, written):
        assert one.status_code == 503
        assert one.json()["error"]["type"] == "no_db_connection"
    assert made["key"] not in caplog.text
    assert (await control.get("/key/info", headers={"x-api-key": made["key"]})).status_code == 200


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b"[" * 100_000])
async def test_no_object_no_change(control: Rig, raw: bytes) -> None:
    answer = await control.http.post("/key/generate", content=raw, headers=ADMIN)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == "request_body"


def test_values_are_never_quoted() -> None:
    message, param = describe(
        [
            {"type": "extra_forbidden", "loc": ("body", "sk-field"), "msg": "Extra inputs", "input": "sk-value"},
            {"type": "value_error", "loc": ("body", "a", 0), "msg": "Value error, must be good", "input": "sk-value"},
        ]
    )
    assert (message, param) == ("sk-field: unknown field; a.0: must be good", "sk-field")
