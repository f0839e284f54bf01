from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from phantom_gateway.dialects.gemini.embeddings import (
    read_answer,
    read_request,
    unstreamed,
    write_answer,
    write_request,
)
from phantom_gateway.dialects.neutral import Terms, Untranslatable, Written


def written(**fields: Any) -> Written:
    return write_request(read_request({"model": "m"} | fields), Terms("up"))


def test_each_input_is_a_request() -> None:
    result = written(input=["a", "b"], dimensions=3, encoding_format="base64", user="u", novel=1, task_type=None)
    assert result.body == {
        "requests": [
            {"model": "models/up", "outputDimensionality": 3, "content": {"parts": [{"text": text}]}}
            for text in ("a", "b")
        ],
        "novel": 1,
    }
    assert result.dropped == ["user"]
    assert len(written(input="a").body["requests"]) == 1


@pytest.mark.parametrize("given", [[], None, [1, 2], [["a"]], {"a": 1}])
def test_what_is_no_text_is_refused(given: Any) -> None:
    with pytest.raises(Untranslatable, match="input"):
        written(input=given)


def test_vectors_as_numbers_and_packed() -> None:
    upstream = {"embeddings": [{"values": [0.5, -1]}], "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4}}
    answer = read_answer(json.dumps(upstream).encode())
    shown = json.loads(write_answer(answer, "public", 1, {}))
    assert shown["data"] == [{"object": "embedding", "index": 0, "embedding": [0.5, -1]}]
    assert (shown["model"], shown["usage"]) == ("public", {"prompt_tokens": 4, "total_tokens": 4})
    packed = json.loads(write_answer(answer, "public", 1, {}, packed=True))["data"][0]["embedding"]
    assert struct.unpack("<2f", base64.b64decode(packed)) == (0.5, -1.0)
    with pytest.raises(Untranslatable, match="too large"):
        write_answer(read_answer(b'{"embeddings":[{"values":[1e300]}]}'), "public", 1, {}, packed=True)


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"embeddings":[1]}', b'{"embeddings":[{"values":["a"]}]}', b"{"])
def test_what_is_no_vector_is_refused(body: bytes) -> None:
    with pytest.raises(Untranslatable):
        read_answer(body)
    with pytest.raises(Untranslatable):
        unstreamed()
