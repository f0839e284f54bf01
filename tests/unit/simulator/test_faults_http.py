"""The faults below the body, as a peer on a raw socket sees them."""

from __future__ import annotations

import email.utils
import gzip
import json
import time
import zlib
from typing import Any

import pytest
from tests.unit.simulator.peer import Heard, ask, chat, dechunk, request, serving

from phantom_gateway.simulator.faults_http import retry_after


async def hear(*, quiet: float = 0.15, stream: bool = False, **controls: Any) -> tuple[Heard, dict[str, int]]:
    async with serving() as (simulator, port):
        heard = await ask(port, request(chat("a", stream=stream, simulate=controls)), quiet)
        total: dict[str, int] = simulator.counts()["total"]
        return heard, total


@pytest.mark.parametrize("code", [400, 401, 402, 403, 404, 408, 413, 429, 500, 502, 503, 529])
async def test_statuses(code: int) -> None:
    heard, total = await hear(mode=str(code))
    assert heard.head.startswith(b"HTTP/1.1 %d " % code)
    assert json.loads(heard.body)["error"]["message"]
    assert heard.end == "open"
    assert (total["completed"], total["prompt_tokens"], total["completion_tokens"]) == (1, 0, 0)


async def test_a_prompt_that_is_too_long_in_its_providers_words() -> None:
    text = {"role": "user", "content": "a"}
    asked: dict[str, dict[str, Any]] = {
        "/v1/chat/completions": chat("a"),
        "/v1/messages": {"model": "demo", "max_tokens": 9, "messages": [text]},
        "/v1beta/models/demo:generateContent": {"contents": [{"parts": [{"text": "a"}]}]},
    }
    said = []
    async with serving() as (_, port):
        for path, body in asked.items():
            heard = await ask(port, request(body | {"simulate": {"mode": "too_long"}}, path), 0.15)
            assert heard.head.startswith(b"HTTP/1.1 400 ")
            said.append(json.loads(heard.body)["error"])
    assert said[0]["code"] == "context_length_exceeded"
    assert said[1]["message"].startswith("prompt is too long")
    assert "maximum number of tokens" in said[2]["message"]


async def test_retry_after_in_every_form() -> None:
    assert b"retry-after: 1" in (await hear(mode="429"))[0].head
    assert b"retry-after" not in (await hear(mode="429_none"))[0].head
    assert b"retry-after" not in (await hear(mode="429", retry_after="none"))[0].head
    assert b"retry-after: 99999999999999999999" in (await hear(mode="429_absurd"))[0].head
    assert b"retry-after: 7" in (await hear(mode="503", retry_after="7"))[0].head
    date = email.utils.parsedate_to_datetime(retry_after("date").decode())
    assert 0 < date.timestamp() - time.time() < 10
    assert retry_after("1\r\nx: y") == b"1x: y"


async def test_size_pads_the_body() -> None:
    heard, _ = await hear(size=5000)
    assert len(heard.body) == 5000
    assert json.loads(heard.body)["usage"]["completion_tokens"] > 0


async def test_a_huge_body_is_whole_and_billed() -> None:
    heard, total = await hear(mode="huge_body", size=3_000_000)
    assert len(heard.body) == 3_000_000
    assert json.loads(heard.body)["usage"]["completion_tokens"] == total["completion_tokens"]
    assert total["completed"] == 1


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("mode", "end"), [("stall", "open"), ("fin", "eof"), ("rst", "reset")])
async def test_breaking_off(mode: str, end: str, stream: bool) -> None:
    heard, total = await hear(mode=mode, stream=stream, at=2)
    assert heard.end == end
    assert heard.body
    assert not heard.data.endswith(b"0\r\n\r\n")
    assert total["completed"] == 0
    assert total["completion_tokens"] == (2 if stream else 0)


async def test_slow_ways_are_still_whole() -> None:
    started = time.monotonic()
    heard, _ = await hear(mode="slow_first_byte", first_ms=60)
    assert time.monotonic() - started > 0.06
    dripped, _ = await hear(mode="slow_drip", size=200, pace_ms=2)
    assert json.loads(heard.body)["choices"] == json.loads(dripped.body)["choices"]


async def test_codings() -> None:
    heard, _ = await hear(mode="gzip")
    assert b"content-encoding: gzip" in heard.head
    assert json.loads(gzip.decompress(dechunk(heard.body)))["usage"]
    streamed, _ = await hear(mode="gzip", stream=True)
    assert b"data: [DONE]" in zlib.decompress(dechunk(streamed.body), wbits=31)
    bomb, _ = await hear(mode="gzip_bomb", size=8 << 20, quiet=1)
    assert len(bomb.body) < 50_000
    assert len(gzip.decompress(bomb.body)) > 8 << 20


async def test_wrong_kinds_of_content() -> None:
    assert b"content-type: text/plain" in (await hear(mode="wrong_content_type", stream=True))[0].head
    assert (await hear(mode="html"))[0].body.startswith(b"<!doctype")
    assert (await hear(mode="html_502"))[0].head.startswith(b"HTTP/1.1 502")
    assert b"content-length: 0" in (await hear(mode="empty_body"))[0].head
    assert (await hear(mode="body_of_204"))[0].body
    assert len((await hear(mode="huge_header", size=100_000))[0].head) > 100_000


async def test_interim_responses() -> None:
    heard, _ = await hear(mode="continue_100")
    assert heard.data.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    flood, _ = await hear(mode="flood_1xx", size=30)
    assert flood.data.count(b"HTTP/1.1 103") == 30
    assert flood.data.count(b"HTTP/1.1 200") == 1


async def test_broken_framing() -> None:
    old, total = await hear(mode="http10")
    assert old.head.startswith(b"HTTP/1.0 200")
    assert old.end == "eof"
    assert json.loads(old.body)
    assert total["completed"] == 1
    assert (await hear(mode="two_status_lines"))[0].head.count(b"HTTP/1.1 200 OK") == 2
    both = (await hear(mode="both_cl_te"))[0].head
    assert b"content-length:" in both
    assert b"transfer-encoding: chunked" in both
    assert b'"poison"' in (await hear(mode="bytes_after_end"))[0].body
    assert b"\r\nzz\r\n" in (await hear(mode="bad_chunk_size", stream=True))[0].body
    endless, _ = await hear(mode="chunk_no_end", stream=True)
    assert (endless.end, endless.body[-2:]) == ("open", b"\r\n")
    assert b"data: [DONE]" in endless.body


@pytest.mark.parametrize(("mode", "difference", "end"), [("length_short", 10, "open"), ("length_long", -10, "eof")])
async def test_wrong_lengths(mode: str, difference: int, end: str) -> None:
    heard, _ = await hear(mode=mode)
    length = int(heard.head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert len(heard.body) - length == difference
    assert heard.end == end


async def test_a_redirect_followed_is_seen() -> None:
    async with serving() as (simulator, port):
        heard = await ask(port, request(chat("a", simulate="mode=redirect")))
        assert b"location: /sim/redirected" in heard.head
        await ask(port, request(b"{}", "/sim/redirected"))
        assert simulator.requests()[-1]["target"] == "/sim/redirected"
