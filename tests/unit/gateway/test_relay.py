from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from tests.unit.gateway.rig import ASKED, deployment, running

from phantom_gateway.dialects.openai import StreamTap
from phantom_gateway.gateway.relay import StreamRelay
from phantom_gateway.wire.errors import BadResponse, ResponseTooLarge

FIRST = b'data: {"model":"up","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
WORD = b'data: {"model":"up","choices":[{"index":0,"delta":{"content":"word "}}]}\n\n'
STOP = b'data: {"model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"model":"up","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"broken"}}\n\n'


class Upstream:
    """Records what the relay does to the response it reads."""

    def __init__(self, coding: bytes | None = None) -> None:
        self.done: list[str] = []
        self.coding = coding

    def get(self, name: bytes) -> bytes | None:
        return self.coding if name == b"content-encoding" else None

    def pause(self) -> None:
        self.done.append("pause")

    def resume(self) -> None:
        self.done.append("resume")

    def close(self) -> None:
        self.done.append("close")

    def hasten(self, seconds: float) -> None:
        assert seconds > 0


class Caller:
    """Takes what a responder would."""

    def __init__(self) -> None:
        self.block = b""
        self.data = b""
        self.started = self.finished = False
        self.writable = True
        self.on_writable: object = None

    def start(self, status: int, block: bytes) -> None:
        assert not self.started
        assert status == 200
        self.started, self.block = True, block

    def write(self, data: bytes) -> bool:
        assert self.started
        assert not self.finished
        self.data += data
        return self.writable

    def finish(self, data: bytes = b"") -> None:
        assert self.started
        self.data += data
        self.finished = True


def relay(
    max_event: int = 10_000, *, hide_usage: bool = True, coding: bytes | None = None
) -> tuple[StreamRelay, Upstream, Caller]:
    upstream, caller = Upstream(coding), Caller()
    tap = StreamTap("gpt", hide_usage, max_event)
    return StreamRelay(upstream, caller, tap, b"x: y\r\n"), upstream, caller  # type: ignore[arg-type]


def test_every_split_gives_the_same_stream() -> None:
    whole = FIRST + WORD * 3 + STOP + USAGE + DONE
    expected = (FIRST + WORD * 3 + STOP + DONE).replace(b'"up"', b'"gpt"')
    for cut in range(len(whole) + 1):
        subject, _, caller = relay()
        subject.data(whole[:cut])
        subject.data(whole[cut:])
        assert DONE not in caller.data, "the end is held until the request is settled"
        subject.end()
        assert caller.data == expected, cut
        assert caller.finished


def test_a_packed_stream_is_unpacked_at_every_split() -> None:
    whole = gzip.compress(FIRST + WORD * 3 + STOP + USAGE + DONE)
    for cut in range(len(whole) + 1):
        subject, _, caller = relay(coding=b"gzip")
        subject.data(whole[:cut])
        subject.data(whole[cut:])
        subject.end()
        assert caller.data == (FIRST + WORD * 3 + STOP + DONE).replace(b'"up"', b'"gpt"'), cut


def test_what_cannot_be_unpacked_is_no_answer() -> None:
    with pytest.raises(BadResponse):
        relay(coding=b"br")
    subject, upstream, caller = relay(coding=b"gzip")
    subject.data(FIRST)
    assert isinstance(subject.refused, BadResponse)
    assert (upstream.done, caller.started) == (["close"], False)
    subject, _, caller = relay(coding=b"Identity")
    subject.data(FIRST)
    assert caller.started


def test_the_head_goes_out_with_the_first_event() -> None:
    subject, _, caller = relay()
    subject.data(FIRST[:10])
    assert (caller.started, subject.delivered, subject.first_ns) == (False, False, 0)
    subject.data(FIRST[10:])
    assert (caller.started, caller.block, subject.delivered) == (True, b"x: y\r\n", True)
    first = subject.first_ns
    subject.data(WORD)
    assert subject.first_ns == first


def test_a_slow_caller_pauses_the_upstream_and_wakes_it_again() -> None:
    subject, upstream, caller = relay()
    caller.writable = False
    subject.data(FIRST)
    subject.data(WORD)
    assert upstream.done == ["pause", "pause"]
    assert callable(caller.on_writable)
    caller.on_writable()
    assert upstream.done[-1] == "resume"


def test_an_error_before_anything_was_delivered_is_not_delivered() -> None:
    subject, _, caller = relay()
    subject.data(ERROR)
    assert isinstance(subject.refused, BadResponse)
    subject.data(WORD)
    assert not caller.started


def test_an_error_after_the_first_event_passes() -> None:
    subject, _, caller = relay()
    subject.data(FIRST)
    subject.data(ERROR)
    assert subject.refused is None
    assert caller.data.endswith(ERROR)


def test_an_endless_event_is_cut() -> None:
    subject, upstream, caller = relay(max_event=500)
    subject.data(FIRST)
    subject.data(b"data: " + b"x" * 600)
    assert isinstance(subject.refused, BadResponse | ResponseTooLarge)
    assert upstream.done == ["close"]
    before = caller.data
    subject.data(WORD)
    assert caller.data == before


@pytest.mark.parametrize("trailer", [b"", ERROR])
def test_an_end_with_nothing_delivered(trailer: bytes) -> None:
    subject, _, caller = relay()
    subject.data(DONE)
    subject.end(trailer)
    assert caller.data == DONE + trailer
    assert caller.finished


def test_what_broke_off_ends_with_the_reason() -> None:
    subject, _, caller = relay()
    subject.data(FIRST + WORD)
    subject.end(ERROR)
    assert caller.data.endswith(WORD.replace(b'"up"', b'"gpt"') + ERROR)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
async def test_an_error_instead_of_an_answer_is_told_in_the_same_words_streamed_or_not(
    tmp_path: Path, path: str
) -> None:
    async with running(tmp_path, lambda port: (deployment(port, "d1", "bad;mode=error_event,at=0"),)) as rig:
        key, body = rig.key(), {"model": "gpt", "messages": ASKED, "max_tokens": 9}
        plain, streamed = [await rig.post(path, body | {"stream": stream}, key) for stream in (False, True)]
        assert (plain.status, streamed.status) == (502, 502)
        assert plain.error["message"] == streamed.error["message"]
        words, _, said = plain.error["message"].partition(": ")
        assert (words, bool(said)) == ("The upstream answered with an error", True)
