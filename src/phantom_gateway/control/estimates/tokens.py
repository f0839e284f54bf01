"""Tokens counted by size: there is no tokenizer here, and the answer says so (``local_estimate``)."""

from __future__ import annotations

import json
from typing import Any

from phantom_gateway.ledger.usage import BYTES_PER_TOKEN

TOKENIZER = "bytes_per_token_estimate"
PER_MESSAGE = 4
"""Role and delimiters of a message, in the usual chat templates."""
PER_REQUEST = 3
MAX_DEPTH = 40


def estimated(text: Any) -> int:
    """Tokens of a text, or of all texts inside of JSON."""
    return -(-_bytes(text, 0) // BYTES_PER_TOKEN)


def of_messages(messages: list[dict[str, Any]]) -> int:
    """Tokens of a conversation."""
    return sum(PER_MESSAGE + estimated(message) for message in messages) + (PER_REQUEST if messages else 0)


def of_tools(tools: list[dict[str, Any]]) -> int:
    """Tokens of tool definitions: they are sent with their names and structure."""
    return sum(-(-len(json.dumps(tool, ensure_ascii=False).encode()) // BYTES_PER_TOKEN) for tool in tools)


def _bytes(value: Any, depth: int) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    if depth > MAX_DEPTH:
        return 0
    if isinstance(value, dict):
        return sum(_bytes(item, depth + 1) for name, item in value.items() if name != "image_url")
    return sum(_bytes(item, depth + 1) for item in value) if isinstance(value, list) else 0
