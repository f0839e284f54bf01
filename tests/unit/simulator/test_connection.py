from __future__ import annotations

import asyncio

from tests.unit.simulator.peer import ask, chat, connected, hear, request, serving

from phantom_gateway.simulator.connection import MAX_PIPELINE


async def test_a_request_in_every_split() -> None:
    raw = request(chat("a"), "/v1/chat/completions", "X-Simulate: chunks=1")
    async with serving() as (simulator, port):
        whole = await ask(port, raw, 0.05)
        async with connected(port) as (reader, writer):
            for i in range(1, len(raw)):
                writer.write(raw[:i])
                await asyncio.sleep(0)
                writer.write(raw[i:])
                assert await reader.readexactly(len(whole.data)) == whole.data
            for byte in raw:
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            assert await reader.readexactly(len(whole.data)) == whole.data
            writer.close()
            assert simulator.counts()["total"]["completed"] == len(raw) + 1
            assert {entry["body"] for entry in simulator.requests(1000)} == {simulator.requests(1)[0]["body"]}


async def test_pipelined_requests_are_answered_in_turn() -> None:
    async with serving() as (simulator, port):
        raw = b"".join(request(chat("a", simulate=f"chunks={n},first_ms=5")) for n in (1, 2, 3))
        heard = await ask(port, raw)
        counts = [part.partition(b'"completion_tokens":')[2][:1] for part in heard.data.split(b"HTTP/1.1 200 OK")[1:]]
        assert counts == [b"1", b"2", b"3"]
        await ask(port, request(chat("a", simulate="first_ms=50")) * (MAX_PIPELINE + 2))
        assert simulator.counts()["total"]["aborted"] == 1


async def test_each_paced_chunk_is_its_own_write() -> None:
    async with serving() as (_, port), connected(port) as (reader, writer):
        writer.write(request(chat("a", stream=True, simulate="chunks=5,pace_ms=15")))
        reads: list[bytes] = []
        while b"[DONE]" not in b"".join(reads):
            reads.append(await reader.read(65536))
        writer.close()
    assert len(reads) == 7


async def test_a_peer_that_leaves_stops_the_bill() -> None:
    async with serving() as (simulator, port), connected(port) as (reader, writer):
        writer.write(request(chat("a", stream=True, simulate="chunks=1000,pace_ms=2,cached_tokens=1")))
        await reader.readuntil(b'"content":" I"')
        writer.close()
        await asyncio.sleep(0.1)
        total = simulator.counts()["total"]
        assert (total["aborted"], total["completed"], total["prompt_tokens"], total["cached"]) == (1, 0, 4, 1)
        assert 2 <= total["completion_tokens"] < 100


async def test_a_peer_that_does_not_read_stops_the_writes() -> None:
    async with serving() as (simulator, port), connected(port) as (reader, writer):
        body = chat("a", stream=True, simulate="chunks=50000,pace_ms=0")
        writer.write(request(body))
        await reader.readuntil(b'"content":" I"')
        await asyncio.sleep(0.1)
        stopped = simulator.counts()["total"]["completion_tokens"]
        assert stopped < 50_000
        heard = await hear(reader, 1)
        writer.close()
        assert heard.data.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        total = simulator.counts()["total"]
        assert (total["completion_tokens"], total["completed"]) == (50_000, 1)


async def test_connections_end_when_told() -> None:
    async with serving() as (_, port):
        assert (await ask(port, request(chat("a"), "/v1/chat/completions", "Connection: close"))).end == "eof"
        garbage = await ask(port, b"\x16\x03\x01 no request\r\n\r\n")
        assert garbage.data.startswith(b"HTTP/1.1 400")
        assert garbage.end == "eof"
        long = b"GET / HTTP/1.1\r\n" + b"x: " + b"y" * 1_000_000
        assert (await ask(port, long)).data.startswith(b"HTTP/1.1 431")
        upgrade = await ask(port, b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert b"HTTP/1.1 400" in upgrade.data or b"HTTP/1.1 200" in upgrade.data


async def test_expect_continue_is_answered_before_the_body() -> None:
    async with serving() as (_, port), connected(port) as (reader, writer):
        head, _, body = request(chat("a"), "/v1/chat/completions", "Expect: 100-continue").partition(b"\r\n\r\n")
        writer.write(head + b"\r\n\r\n")
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(body)
        assert (await reader.readline()) == b"HTTP/1.1 200 OK\r\n"
        writer.close()


async def test_chunked_bodies_are_joined_and_trailers_dropped() -> None:
    raw = request(chat("a")).partition(b"\r\n\r\n")[2]
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in raw)
    async with serving() as (simulator, port):
        heard = await ask(port, head + chunks + b"0\r\nX-Simulate: mode=500\r\n\r\n")
        assert heard.data.startswith(b"HTTP/1.1 200")
        assert simulator.requests(1)[0]["body"] == raw.decode()
