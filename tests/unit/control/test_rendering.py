from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Response
from pydantic import BaseModel
from starlette.responses import PlainTextResponse

from phantom_gateway.control.rendering import RenderedResponse, encode, rendering


class Model(BaseModel):
    name: str


async def plain(response: Response) -> dict[str, Any]:
    """An answer with a header."""
    response.headers["etag"] = "7"
    return {"ü": [1, 2.5, None, True], "at": datetime(2026, 1, 2, tzinfo=UTC), "model": Model(name="x"), "t": (1,)}


async def own() -> Response:
    """A response of the handler's own."""
    return PlainTextResponse("text", 201)


async def test_answers_are_those_of_fastapi_itself() -> None:
    app = FastAPI()
    app.add_api_route("/theirs", plain)
    app.add_api_route("/ours", rendering(plain), response_model=None, response_class=RenderedResponse)
    app.add_api_route("/own", rendering(own), response_model=None, response_class=RenderedResponse)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        theirs, ours, made = [await client.get(path) for path in ("/theirs", "/ours", "/own")]
    assert ours.json() | {"at": ""} == theirs.json() | {"at": ""}
    assert datetime.fromisoformat(ours.json()["at"]) == datetime.fromisoformat(theirs.json()["at"])
    for name in ("content-type", "etag"):
        assert ours.headers[name] == theirs.headers[name]
    assert (made.status_code, made.text) == (201, "text")


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises((TypeError, ValueError)):
        encode({"x": 1 << 70, "y": object.__new__(type("Opaque", (), {"__slots__": ()}))})
