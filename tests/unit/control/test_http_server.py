from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import httpx
from fastapi import FastAPI

from phantom_gateway.control.http_server import HttpServer
from phantom_gateway.control.places import listen


async def test_it_serves_says_little_and_ends(tmp_path: Path) -> None:
    app = FastAPI()
    started = asyncio.Event()

    @app.get("/slow")
    async def slow() -> str:
        started.set()
        await asyncio.sleep(0.2)
        return "done"

    path = tmp_path / "a.sock"
    handler = signal.getsignal(signal.SIGTERM)
    server = HttpServer(app, [listen(path)])
    await server.start()
    assert signal.getsignal(signal.SIGTERM) is handler, "the process keeps its own signals"
    async with httpx.AsyncClient(transport=httpx.AsyncHTTPTransport(uds=str(path)), base_url="http://x") as client:
        async with asyncio.TaskGroup() as group:
            request = group.create_task(client.get("/slow"))
            await started.wait()
            await server.stop()
        answer = request.result()
    assert answer.json() == "done"
    assert not {"server", "date"} & set(answer.headers)
