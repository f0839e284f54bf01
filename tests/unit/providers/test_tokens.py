from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.unit.gateway.rig import deployment
from tests.unit.gateway.rig import running as worker

from phantom_gateway.config.secret import Secret
from phantom_gateway.providers.tokens import AGAIN_S, RENEW_AGAIN_S, RENEW_S, TokenError, Tokens
from phantom_gateway.spine.messages import OwnRouting
from phantom_gateway.spine.snapshot import Address, Routing, TokenGrant
from phantom_gateway.wire.client import HttpClient


class Service:
    """A service that gives tokens, or what a test wants it to."""

    def __init__(self) -> None:
        self.asked: list[dict[str, list[str]]] = []
        self.status = 200
        self.answer: Any = None
        self.life: Any = 3600
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.partition("content-length: ")[2].split("\r\n")[0])
        self.asked.append(parse_qs((await reader.readexactly(length)).decode()))
        token = {"token_type": "Bearer", "expires_in": self.life, "access_token": f"token-{len(self.asked)}"}
        body = json.dumps(token if self.answer is None else self.answer).encode()
        writer.write(
            b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (self.status, len(body), body)
        )
        await writer.drain()
        writer.close()

    @property
    def grant(self) -> TokenGrant:
        address = Address(scheme="http", host="127.0.0.1", port=self.port, allow_private=("127.0.0.1/32",))
        return TokenGrant(
            address=address, path="/t/oauth2/v2.0/token", client_id="app", client_secret=Secret("s&=1"), scope="s"
        )


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def running() -> AsyncIterator[tuple[Service, Tokens, Clock]]:
    service, clock, client = Service(), Clock(), HttpClient()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield service, Tokens(client, clock), clock
    finally:
        await client.close()
        server.close()


async def test_many_at_once_ask_once_and_the_token_is_kept() -> None:
    async with running() as (service, tokens, clock):
        found = await asyncio.gather(*[tokens.of(service.grant) for _ in range(20)])
        assert {token.reveal() for token in found} == {"token-1"}
        assert service.asked == [
            {"grant_type": ["client_credentials"], "client_id": ["app"], "client_secret": ["s&=1"], "scope": ["s"]}
        ]
        clock.now += 3600 - RENEW_S - 1
        assert await tokens.of(service.grant) is found[0]
        clock.now += 2
        assert (await tokens.of(service.grant)).reveal() == "token-2"


async def test_a_renewal_that_fails_leaves_the_old_one_until_its_end() -> None:
    async with running() as (service, tokens, clock):
        first = await tokens.of(service.grant)
        service.status = 503
        clock.now += 3600 - RENEW_S
        for _ in range(5):
            assert await tokens.of(service.grant) is first
        assert len(service.asked) == 2, "not each request asks again"
        clock.now += RENEW_AGAIN_S
        assert await tokens.of(service.grant) is first
        assert len(service.asked) == 3
        clock.now += RENEW_S
        with pytest.raises(TokenError) as caught:
            await tokens.of(service.grant)
        assert not caught.value.refused
        service.status = 200
        clock.now += AGAIN_S
        assert (await tokens.of(service.grant)).reveal() == "token-5"


async def test_a_token_that_was_not_taken_is_forgotten() -> None:
    async with running() as (service, tokens, _):
        first = await tokens.of(service.grant)
        tokens.forget(service.grant, Secret("another"))
        assert await tokens.of(service.grant) is first
        tokens.forget(service.grant, first)
        assert (await tokens.of(service.grant)).reveal() == "token-2"


async def test_refused_credentials_are_told_apart_and_not_asked_for_by_everybody() -> None:
    async with running() as (service, tokens, _):
        service.status, service.answer = 401, {"error": "invalid_client", "error_description": "s&=1 is wrong"}
        for _ in range(3):
            with pytest.raises(TokenError) as caught:
                await tokens.of(service.grant)
            assert caught.value.refused
            assert "s&=1" not in str(caught.value)
        assert len(service.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [[], {}, {"access_token": "", "expires_in": 9}, {"access_token": "a\r\nb: c", "expires_in": 9},
     {"access_token": "a"}, {"access_token": "a", "expires_in": -1}, {"access_token": "a", "expires_in": "soon"},
     {"access_token": "a" * 100_000, "expires_in": 9}],
)  # fmt: skip
async def test_what_is_no_token_is_none(answer: Any) -> None:
    async with running() as (service, tokens, _):
        service.answer = answer
        with pytest.raises(TokenError):
            await tokens.of(service.grant)


async def test_a_life_may_be_a_text_and_short() -> None:
    async with running() as (service, tokens, clock):
        service.life = "8"
        first = await tokens.of(service.grant)
        clock.now += 3.9
        assert await tokens.of(service.grant) is first
        clock.now += 0.2
        assert await tokens.of(service.grant) is not first


async def test_a_deployment_may_take_tokens_instead_of_a_key(tmp_path: Path) -> None:
    asked: list[bytes] = []
    refuses = False

    async def give(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"client_secret=s3cret"))
        token = json.dumps({"access_token": f"token-{len(asked)}", "expires_in": 3600}).encode()
        status = b"401 No" if refuses else b"200 OK"
        writer.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b" % (status, len(token), token))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(give, "127.0.0.1", 0)
    address = Address(
        scheme="http", host="127.0.0.1", port=server.sockets[0].getsockname()[1], allow_private=("127.0.0.1/32",)
    )
    grant = TokenGrant(address=address, path="/t", client_id="c", client_secret=Secret("s3cret"), scope="s")
    async with (
        server,
        worker(
            tmp_path, lambda port: (deployment(port, "d1", "up", api_key=None, grant=grant, cooldown_s=0.0),)
        ) as rig,
    ):

        def sent() -> list[str]:
            headers = [dict(each["headers"]) for each in rig.simulator.requests(9)]
            return [each["authorization"] for each in headers]

        key = rig.key()
        for _ in range(2):
            assert (await rig.chat(key)).status == 200
        assert len(asked) == 1
        first = "sha256:" + hashlib.sha256(b"Bearer token-1").hexdigest()[:12]
        assert sent() == [first, first]
        own = OwnRouting(name="n", said=("timeout_s",), values=Routing(timeout_s=4.0))
        assert (await rig.chat(rig.key(routing=own))).status == 200
        assert sent() == [first] * 3
        rig.worker.caller._tokens.forget(grant, rig.worker.table.targets[0].token)  # type: ignore[union-attr]
        refuses = True
        answer = await rig.chat(key)
        assert (answer.status, answer.error["type"]) == (502, "upstream_authentication_error")
        assert "s3cret" not in answer.body.decode()
