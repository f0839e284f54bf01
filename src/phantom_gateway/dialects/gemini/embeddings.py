"""OpenAI's embeddings, made by ``batchEmbedContents`` (Google's API reference, read November 2026).

The neutral form of a conversation serves here, too: each input is a message, each vector a part of the answer.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.gemini.response import read_tokens
from phantom_gateway.dialects.gemini.spelling import fields, optional_fields
from phantom_gateway.dialects.neutral import Answer, Ask, Message, Opaque, Terms, Text, Untranslatable, Written

NAME = "embed_contents"
_IDLE = frozenset({"user", "metadata"})
_OWN = {"dimensions": "outputDimensionality", "task_type": "taskType", "title": "title", "taskType": "taskType"}


def read_request(body: dict[str, Any]) -> Ask:
    """The inputs of a request to ``/v1/embeddings``. Raises Untranslatable, also for inputs that are no texts."""
    given = body.get("input")
    texts = [given] if isinstance(given, str) else read.items(given, "input")
    messages = [Message("user", [Text(read.text(text, "input"))]) for text in texts]
    if not messages:
        raise Untranslatable("'input' must not be empty.", "input")
    return Ask(messages, extra={name: value for name, value in body.items() if name not in ("input", "model")})


def write_request(ask: Ask, terms: Terms) -> Written:
    """The request for an upstream."""
    written = Written({"requests": []})
    common: dict[str, Any] = {"model": f"models/{terms.model}"}
    for name, value in ask.extra.items():
        if value is None or name == "encoding_format":
            continue
        if name in _IDLE:
            written.dropped.append(name)
        elif name in _OWN:
            common[_OWN[name]] = value
        else:
            written.body[name] = value
    for message in ask.messages:
        parts = [{"text": part.text} for part in message.parts if isinstance(part, Text)]
        written.body["requests"].append(common | {"content": {"parts": parts}})
    return written


def read_answer(body: bytes) -> Answer:
    """The vectors. Raises Untranslatable."""
    answer = fields(read.decode(body), "answer")
    parts = []
    for index, each in enumerate(read.items(answer.get("embeddings"), "embeddings")):
        values = read.items(fields(each, f"embeddings[{index}]").get("values"), f"embeddings[{index}].values")
        if not all(type(value) is float or type(value) is int for value in values):
            raise Untranslatable("A vector must consist of numbers.", f"embeddings[{index}].values")
        parts.append(Opaque(NAME, {"values": values}))
    tokens = read_tokens(optional_fields(answer.get("usageMetadata"), "usageMetadata") or None)
    return Answer("", list(parts), tokens=tokens)


def write_answer(
    answer: Answer, model: str, _created: int, _renamed: Mapping[str, str], *, packed: bool = False
) -> bytes:
    """OpenAI's list of vectors; ``packed``: each in base64 of 32 bit numbers, as OpenAI's SDKs ask."""
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": _packed(part.value["values"]) if packed else part.value["values"],
        }
        for index, part in enumerate(answer.parts)
        if isinstance(part, Opaque)
    ]
    counted = 0 if answer.tokens is None else answer.tokens.input + answer.tokens.cache_read
    usage = {"prompt_tokens": counted, "total_tokens": counted}
    return read.encode({"object": "list", "data": data, "model": model, "usage": usage})


def _packed(values: list[float]) -> str:
    try:
        return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode()
    except (struct.error, OverflowError) as error:
        raise Untranslatable("A vector has a number that is too large.") from error


def unstreamed(*_: Any) -> Any:
    """Embeddings never stream."""
    raise Untranslatable("Embeddings are not streamed.")
