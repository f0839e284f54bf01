from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.unit.gateway.rig import Rig, ask, running

from phantom_gateway.control.places import listen
from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.responder import Responder
from phantom_gateway.wire.server import HttpServer

PACKED = gzip.compress(b"plain text " * 500)


class Control:
    """Control's HTTP side: remembers what came and answers as the path says."""

    def __init__(self) -> None:
        self.seen: list[Request] = []

    async def __call__(self, request: Request, responder: Responder) -> None:
        self.seen.append(request)
        if request.path == b"/ui/stream":
            responder.start(
                200, [(b"content-type", b"text/plain"), (b"connection", b"x-internal"), (b"x-mine", b"kept")]
            )
            for number in range(50):
                responder.write(b"%d\n" % number + b"x" * 10_000)
            responder.finish(b"end")
        elif request.path == b"/ui/cut":
            responder.start(200, b"")
            responder.write(b"begun")
            await asyncio.sleep(0.01)
            responder.abort()
        elif request.path == b"/ui/packed":
            responder.send(200, [(b"content-type", b"text/plain"), (b"content-encoding", b"gzip")], PACKED)
        elif request.path == b"/key/nothing":
            responder.send(204, b"", b"")
        else:
            responder.send(201, [(b"content-type", b"application/json"), (b"set-cookie", b"a=b")], b'{"done":true}')


@asynccontextmanager
async def with_control(data_dir: Path, **settings: Any) -> AsyncIterator[tuple[Rig, Control]]:
    control = Control()
    async with running(data_dir, **settings) as rig:
        server = HttpServer(control, HttpLimits())
        await server.start(listen(data_dir / "run" / "control.sock"))
        try:
            yield rig, control
        finally:
            await server.drain(0.2)


async def test_a_request_goes_on_as_it_came(tmp_path: Path) -> None:
    async with with_control(tmp_path) as (rig, control):
        headers = {
            "authorization": "Bearer sk-master", "x-custom": "1", "te": "trailers", "connection": "close",
            "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example",
        }  # fmt: skip
        answer = await ask(rig.port, "POST", "/key/%67enerate?a=1&b=%20", b'{"models": []}', headers)
        assert (answer.status, answer.json()) == (201, {"done": True})
        assert answer.headers["set-cookie"] == "a=b"
        (seen,) = control.seen
        assert (seen.method, seen.path, seen.query, seen.body) == (
            "POST",
            b"/key/%67enerate",
            b"a=1&b=%20",
            b'{"models": []}',
        )
        assert seen.get(b"authorization") == b"Bearer sk-master"
        assert seen.get(b"x-custom") == b"1"
        assert seen.get(b"te") is None


async def test_who_called_is_said_by_the_gateway_alone(tmp_path: Path) -> None:
    async with with_control(tmp_path) as (rig, control):
        claimed = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "evil.example"}
        await ask(rig.port, "GET", "/ui/", b"", claimed)
        (seen,) = control.seen
        assert [value for name, value in seen.headers if name == b"x-forwarded-for"] == [b"127.0.0.1"]
        assert [value for name, value in seen.headers if name == b"x-forwarded-proto"] == [b"http"]
        assert [value for name, value in seen.headers if name == b"x-forwarded-host"] == [b"gateway.example"]
        assert seen.get(b"host") == b"localhost"


async def test_answers_without_a_length_are_streamed(tmp_path: Path) -> None:
    async with with_control(tmp_path) as (rig, _):
        answer = await rig.get("/ui/stream")
        assert answer.whole
        assert len(answer.body) == sum(len(b"%d\n" % number) + 10_000 for number in range(50)) + 3
        assert answer.headers["x-mine"] == "kept"


async def test_a_broken_answer_is_not_made_whole(tmp_path: Path) -> None:
    async with with_control(tmp_path) as (rig, _):
        answer = await rig.get("/ui/cut")
        assert not answer.whole


async def test_answers_without_a_body(tmp_path: Path) -> None:
    async with with_control(tmp_path) as (rig, _):
        assert (await rig.get("/key/nothing")).status == 204


async def test_control_is_away(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        answer = await rig.get("/key/list")
        assert (answer.status, answer.error["type"]) == (503, "service_unavailable")
        assert answer.error["message"] == "The management API is restarting."


async def test_compressed_answers_stay_compressed(tmp_path: Path) -> None:
    async with with_control(tmp_path) as (rig, _):
        answer = await rig.get("/ui/packed")
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.body == PACKED
