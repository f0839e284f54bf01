from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.simulator.reading import (
    BadRequestError,
    choices_of,
    count_messages,
    max_tokens_of,
    messages_of,
    prompts_of,
    read,
    text_of,
)


def test_a_body_is_read_with_its_controls() -> None:
    raw = json.dumps({"model": "demo;chunks=3", "user": "u", "stream": True, "simulate": {"at": 1}}).encode()
    ask = read(raw, "mode=fin")
    assert (ask.model, ask.user, ask.stream, ask.include_usage) == ("demo", "u", True, False)
    assert (ask.controls.mode, ask.controls.chunks, ask.controls.at) == ("fin", 3, 1)
    assert ask.digest == read(raw, "").digest != read(raw + b" ", "").digest


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b'"x"', b"{}", b'{"model":""}', b'{"model":1}', b"[" * 100_000, b"\xff"]
)
def test_what_is_no_request_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequestError):
        read(raw, "")


def test_tokens_are_words_and_three_per_message() -> None:
    parts = [{"type": "text", "text": "d e"}, {"type": "image_url", "image_url": {}}, {"type": "text", "text": " f"}]
    messages: list[dict[str, Any]] = [
        {"role": "system", "content": "a  b\nc"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": None},
    ]
    assert count_messages(messages) == 6 + 9
    assert text_of(parts) == "d e  f"


@pytest.mark.parametrize("messages", [None, [], "x", ["x"]])
def test_messages_must_be_objects(messages: Any) -> None:
    with pytest.raises(BadRequestError, match="messages"):
        messages_of({"messages": messages})


def test_prompts_are_texts_or_token_ids() -> None:
    assert prompts_of("a b", "prompt") == ["a b"]
    assert prompts_of(["a", "b"], "prompt") == ["a", "b"]
    assert prompts_of([1, 2], "input") == ["1 2"]
    assert prompts_of([[1], [2, 3]], "input") == ["1", "2 3"]
    wrongs: list[Any] = [None, [], {}, [None]]
    for wrong in wrongs:
        with pytest.raises(BadRequestError, match="input"):
            prompts_of(wrong, "input")


def test_the_lower_limit_holds() -> None:
    assert max_tokens_of({}) is None
    assert max_tokens_of({"max_tokens": 5}) == 5
    assert max_tokens_of({"max_tokens": 5, "max_completion_tokens": 3}) == 3
    for wrong in (0, "5", True, 1.5):
        with pytest.raises(BadRequestError, match="max_tokens"):
            max_tokens_of({"max_tokens": wrong})


def test_the_number_of_choices_is_bounded() -> None:
    assert choices_of({}) == 1
    assert choices_of({"n": 4}) == 4
    for wrong in (0, 129, "2", True):
        with pytest.raises(BadRequestError, match="'n'"):
            choices_of({"n": wrong})
