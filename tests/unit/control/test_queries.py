from __future__ import annotations

from inspect import Parameter
from typing import Annotated, Any

import httpx
from fastapi import FastAPI, Query, Request

from phantom_gateway.control.queries import Values, taking


async def shown(request: Request, query: Values) -> Any:
    """What came."""
    return {"path": request.url.path, **query}


async def test_parameters_are_those_of_the_list() -> None:
    app = FastAPI()
    listed = {"a": (Annotated[int, Query(ge=1)], Parameter.empty), "b": (str | None, None)}
    app.add_api_route("/one", taking(shown, listed))
    app.add_api_route("/two", taking(shown, {}, "another"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        assert (await client.get("/one?a=2&c=3")).json() == {"path": "/one", "a": 2, "b": None}
        assert (await client.get("/one?a=0")).status_code == 422
        assert (await client.get("/one")).status_code == 422
        assert (await client.get("/two?a=2")).json() == {"path": "/two"}
    paths = app.openapi()["paths"]
    assert [each["name"] for each in paths["/one"]["get"]["parameters"]] == ["a", "b"]
    assert paths["/one"]["get"]["description"] == "What came."
    assert paths["/two"]["get"]["operationId"].startswith("another")
