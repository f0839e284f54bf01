"""What the SDK gives, as bodies."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from phantom_gateway.bridge.inside.answers import DONE, streamed, whole
from phantom_gateway.bridge.inside.failures import Refused


class Model(dict[str, Any]):
    def model_dump(self, **_: Any) -> dict[str, Any]:
        return dict(self)


def test_a_chat_always_has_content() -> None:
    answer = whole("chat", Model(choices=[{"message": {"role": "assistant", "tool_calls": []}}]), [("a", "b")])
    assert json.loads(answer.body)["choices"][0]["message"]["content"] is None
    assert (answer.status, answer.headers) == (200, [("a", "b")])


def test_speech_and_plain_texts() -> None:
    sound = SimpleNamespace(content=b"\x00\x01", response=SimpleNamespace(headers={"content-type": "audio/wav"}))
    assert whole("speech", sound, []) == (200, b"\x00\x01", [("content-type", "audio/wav")])
    assert whole("transcriptions", "so be it", [])[1] == b"so be it"


def test_text_that_is_no_unicode_stays_json() -> None:
    assert json.loads(whole("embeddings", Model(a="\udc80 ü"), []).body) == {"a": "\udc80 ü"}


async def pieces(*given: Any) -> AsyncIterator[Any]:
    for each in given:
        if isinstance(each, Exception):
            raise each
        yield each


async def test_a_stream() -> None:
    usage = Model(choices=[{"index": 0, "delta": {}}], usage={"total_tokens": 1})
    answer = await streamed(pieces(Model(choices=[{"delta": {"content": "a"}}]), usage), [], str)
    lines = [piece async for piece in answer.pieces]
    assert lines[-1] == DONE
    assert json.loads(lines[1][6:])["choices"] == []


async def test_a_stream_that_fails_at_once_is_no_stream() -> None:
    with pytest.raises(KeyError):
        await streamed(pieces(KeyError("x")), [], str)


async def test_a_stream_that_fails_later_says_so_and_ends_without_an_end() -> None:
    answer = await streamed(pieces(Model(choices=[]), KeyError("sk-1")), [], lambda text: text.replace("sk-1", "[key]"))
    lines = [piece async for piece in answer.pieces]
    assert len(lines) == 2
    assert "[key]" in json.loads(lines[1][6:])["error"]["message"]


class Wrapped:
    """As the SDK's streams are: it knows what reason the provider gave, and says one of its own where it gave none."""

    def __init__(self, *given: Any, reason: str | None = None, later: str | None = None) -> None:
        self.received_finish_reason = reason
        self.intermittent_finish_reason = later
        self._given = pieces(*given)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._given


SAID = Model(choices=[{"delta": {"content": "a"}}])
END = Model(choices=[{"delta": {}, "finish_reason": "stop"}])


async def test_an_end_that_the_provider_has_not_said_is_none() -> None:
    for stream in (Wrapped(SAID, END), Around(SAID, END)):
        lines = [piece async for piece in (await streamed(stream, [], str)).pieces]
        assert len(lines) == 2
        assert "broke off" in json.loads(lines[1][6:])["error"]["message"]
    with pytest.raises(Refused):
        await streamed(Wrapped(END), [], str)


async def test_an_end_that_was_said_is_one() -> None:
    for stream in (Wrapped(SAID, END, reason="stop"), Wrapped(SAID, END, later="length"), pieces(SAID, END)):
        assert [piece async for piece in (await streamed(stream, [], str)).pieces][-1] == DONE


class Around:
    """A stream of text completions around one of a chat."""

    def __init__(self, *given: Any) -> None:
        self.completion_stream = Wrapped()
        self._given = pieces(*given)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._given
