from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.secret import Secret
from phantom_gateway.dialects.openai import StreamTap, read_answer, said, stamp_pair
from phantom_gateway.wire.errors import BadResponse


def chunk(content: str | None, *, model: str = "up", finish: str | None = None, usage: Any = "absent") -> bytes:
    delta = {} if content is None else {"content": content}
    event: dict[str, Any] = {
        "id": "c", "object": "chat.completion.chunk", "model": model,
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }  # fmt: skip
    if usage != "absent":
        event["usage"] = usage
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def usage_chunk(usage: dict[str, Any], model: str = "up") -> bytes:
    event = {"id": "c", "object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage}
    return b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
TRICKY = 'say "usage": {"x": 1} and "model":"up" and data: [DONE]\n\n and "error"'
STREAM = [
    chunk("", usage=None),
    chunk(TRICKY, usage=None),
    chunk("b", usage=None),
    chunk(None, finish="stop", usage=None),
]
FULL = b"".join([*STREAM, usage_chunk(USAGE), DONE])


def run(data: bytes, cuts: list[int], hide: bool = True) -> tuple[bytes, StreamTap]:
    tap = StreamTap("public", hide, 1 << 20)
    out = b""
    for start, end in itertools.pairwise([0, *sorted(cuts), len(data)]):
        if start != end:
            out += tap.feed(data[start:end])
    return out + tap.tail, tap


def shown() -> bytes:
    events = [
        chunk("", model="public"),
        chunk(TRICKY, model="public"),
        chunk("b", model="public"),
        chunk(None, model="public", finish="stop"),
    ]
    return b"".join(events) + DONE


def test_whole_stream_hides_usage_and_carries_the_public_name() -> None:
    out, tap = run(FULL, [])
    assert out == shown()
    assert tap.usage == USAGE
    assert tap.complete
    assert tap.error is None


@pytest.mark.parametrize("cut", range(1, len(FULL)))
def test_every_split_gives_the_same_bytes(cut: int) -> None:
    out, tap = run(FULL, [cut])
    assert out == shown()
    assert (tap.usage, tap.done, tap.produced()) == (USAGE, True, 2)


def test_byte_by_byte() -> None:
    out, tap = run(FULL, list(range(1, len(FULL))))
    assert out == shown()
    assert tap.usage == USAGE


@given(st.lists(st.integers(1, len(FULL) - 1), max_size=12, unique=True))
def test_any_cuts(cuts: list[int]) -> None:
    assert run(FULL, cuts)[0] == shown()


def test_usage_stays_for_a_caller_who_asked() -> None:
    out, tap = run(FULL, [], hide=False)
    assert b"".join(out.split(b'"public"')) == b"".join(FULL.split(b'"up"'))
    assert tap.usage == USAGE


def test_usage_on_a_content_chunk_is_read_and_kept() -> None:
    data = chunk("a") + chunk(None, finish="stop", usage=USAGE) + DONE
    out, tap = run(data, [])
    assert tap.usage == USAGE
    assert b'"usage":{' in out


def test_the_end_is_held_back() -> None:
    tap = StreamTap("up", hide_usage=True, max_event=1 << 20)
    assert tap.feed(chunk("a")) == chunk("a")
    assert tap.feed(chunk(None, finish="stop")) == chunk(None, finish="stop")
    assert tap.feed(DONE) == b""
    assert tap.tail == DONE


@pytest.mark.parametrize("ending", [b"\r\n", b"\n", b"\r"])
def test_line_endings(ending: bytes) -> None:
    data = FULL.replace(b"\n", ending)
    for cuts in ([], list(range(1, len(data)))):
        out, tap = run(data, cuts)
        assert tap.usage == USAGE
        assert tap.done
        assert out == shown().replace(b"\n", ending)


def test_a_stream_that_just_stops_is_not_complete() -> None:
    assert not run(chunk("a") + chunk("b"), [])[1].complete
    assert run(chunk("a") + chunk(None, finish="length"), [])[1].complete
    assert not run(b"", [])[1].complete


def test_an_error_event_is_seen_and_passed() -> None:
    error = b'data: {"error":{"message":"overloaded","type":"x"}}\n\n'
    out, tap = run(chunk("a") + error, [])
    assert tap.error == {"message": "overloaded", "type": "x"}
    assert out.endswith(error)


def test_an_error_event_never_repeats_our_key() -> None:
    tap = StreamTap("up", hide_usage=True, max_event=1 << 20, upstream_key=Secret("sk-canary"))
    error = b'data: {"error":{"message":"Incorrect API key provided: sk-canary"}}\n\n'
    assert tap.feed(chunk("a") + error) == chunk("a") + error.replace(b"sk-canary", b"[key]")


def test_comments_and_events_without_data_pass() -> None:
    data = b": ping\n\n" + chunk("a") + b"event: x\n\n" + b"data:\n\n" + usage_chunk(USAGE) + DONE
    out, tap = run(data, [])
    assert tap.usage == USAGE
    assert b": ping\n\n" in out
    assert b"event: x\n\n" in out


@pytest.mark.parametrize("bad", [b"{broken", b'{"a":"\x00"}', b'{"usage":nope}', b'{"error":', b"{}{}", b"[" * 100_000])
def test_an_event_that_is_not_json_is_refused_wherever_it_stands(bad: bytes) -> None:
    broken = b"data: %b\n\n" % bad
    for before in (b"", chunk("a"), chunk("a") + b": ping\n\n"):
        for after in (b"", chunk("b"), usage_chunk(USAGE) + DONE):
            data = before + broken + after
            for cuts in ([], [len(before)], [len(before) + 9], [len(before), len(before) + len(broken)]):
                with pytest.raises(BadResponse, match="not JSON"):
                    run(data, cuts)


def test_what_comes_after_the_end_is_nobodys_business() -> None:
    assert run(FULL + b"data: {broken\n\n", [len(FULL)])[1].done


def test_what_nobody_reported_is_counted_by_the_events_that_say_something() -> None:
    words = [chunk(""), chunk("a"), chunk("b"), chunk("c")]
    error = b'data: {"error":{"message":"overloaded"}}\n\n'
    for noise in (b"", b": ping\n\n", b": ping\n\nevent: ping\n\n"):
        for end in (b"", chunk(None, finish="stop"), chunk(None, finish="stop") + DONE, error):
            data = b"".join(noise + word for word in words) + noise + end
            for cuts in ([], list(range(1, len(data))), [len(noise)] if noise else []):
                assert run(data, cuts)[1].produced() == 3, (noise, end, cuts)


def test_a_comment_before_the_first_event_hides_no_name() -> None:
    assert b'"up"' not in run(b": ping\n\n" + FULL, [8])[0]


def test_running_usage_is_no_end() -> None:
    tap = run(chunk("a", usage=USAGE) + chunk("b", usage=USAGE), [])[1]
    assert tap.usage == USAGE
    assert not tap.complete


def test_what_was_said_is_what_counts() -> None:
    message = {
        "role": "assistant",
        "content": "hello",
        "tool_calls": [{"id": "call_1", "function": {"name": "f", "arguments": "{}"}}],
    }
    body = json.dumps(
        {"id": "chatcmpl-1", "choices": [{"message": message}, {"text": "four"}], "system_fingerprint": "x"}
    )
    assert said(body.encode()) == 5 + 1 + 2 + 4
    assert said(b'{"data":[]}') == 0
    assert said(b"<html>") == 6


def test_an_endless_event_is_refused() -> None:
    tap = StreamTap("m", hide_usage=True, max_event=1000)
    for _ in range(20):
        tap.feed(b"data: " + b"x" * 44)
    with pytest.raises(BadResponse):
        tap.feed(b"x")


def test_answers() -> None:
    answer = read_answer(b'{"id":"x","model":"up","usage":{"prompt_tokens":1},"choices":[]}')
    assert answer is not None
    assert (answer.model, answer.usage) == ("up", {"prompt_tokens": 1})
    assert read_answer(b"<html>") is None
    assert read_answer(b"[1]") is None
    assert read_answer(b'{"usage":null}') is not None
    assert read_answer(b"[" * 100_000) is None


def test_stamping_only_touches_a_real_member() -> None:
    body = b'{"model": "up","choices":[{"message":{"content":"\\"model\\":\\"up\\""}}]}'
    pair = stamp_pair("up", "public", body)
    assert pair is not None
    assert body.replace(*pair) == b'{"model": "public","choices":[{"message":{"content":"\\"model\\":\\"up\\""}}]}'
    assert stamp_pair("same", "same", body) is None
    assert stamp_pair("", "public", body) is None
    assert stamp_pair("absent", "public", body) is None
