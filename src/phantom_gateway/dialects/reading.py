"""Reading a stranger's JSON: every surprise is an ``Untranslatable`` that names the place."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from phantom_gateway.dialects.neutral import Untranslatable

_any = msgspec.json.Decoder(Any)
_encode = msgspec.json.Encoder().encode
MAX_USER = 64
"""Characters of ``user`` that OpenAI's format takes."""


def decode(data: bytes, what: str = "The answer") -> Any:
    """JSON. Raises Untranslatable."""
    try:
        return _any.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Untranslatable(f"{what} is not valid JSON.") from error


def encode(value: Any) -> bytes:
    """The bytes of JSON. Raises Untranslatable for what has none (too deep, or a lone surrogate)."""
    try:
        return _encode(value)
    except (UnicodeEncodeError, RecursionError, msgspec.MsgspecError) as error:
        raise Untranslatable("It holds what cannot be written as JSON.") from error


def table(value: Any, where: str) -> dict[str, Any]:
    """An object."""
    if type(value) is not dict:
        raise Untranslatable(f"'{where}' must be an object.", where)
    return value


def items(value: Any, where: str) -> list[Any]:
    """A list."""
    if type(value) is not list:
        raise Untranslatable(f"'{where}' must be a list.", where)
    return value


def text(value: Any, where: str) -> str:
    """A text."""
    if type(value) is not str:
        raise Untranslatable(f"'{where}' must be a text.", where)
    return value


def optional_text(value: Any, where: str) -> str:
    """A text, empty when absent or null."""
    return "" if value is None else text(value, where)


def number(value: Any, where: str) -> float | None:
    """A number, or None."""
    if value is None or type(value) is int or type(value) is float:
        return value
    raise Untranslatable(f"'{where}' must be a number.", where)


def whole(value: Any, where: str) -> int | None:
    """A whole number, or None."""
    if value is None or type(value) is int:
        return value
    if type(value) is float and value.is_integer():
        return int(value)
    raise Untranslatable(f"'{where}' must be a whole number.", where)


def truth(value: Any, where: str) -> bool | None:
    """A truth value, or None."""
    if value is None or type(value) is bool:
        return value
    raise Untranslatable(f"'{where}' must be true or false.", where)


def cache(value: Any, where: str) -> dict[str, Any] | None:
    """A cache breakpoint, or None."""
    return None if value is None else table(value, f"{where}.cache_control")


def count(value: Any) -> int:
    """A count an upstream reports; nonsense counts as 0, for showing only."""
    return value if type(value) is int and value > 0 else 0


def arguments(value: str, where: str) -> msgspec.Raw:
    """The arguments of a tool call as an object, digits untouched; nothing at all means none."""
    if not value.strip():
        return msgspec.Raw(b"{}")
    raw = value.encode("utf-8", "replace")
    if type(decode(raw, f"'{where}'")) is not dict:
        raise Untranslatable(f"'{where}' must be a JSON object.", where)
    return msgspec.Raw(raw)


def short_user(value: str) -> str:
    """A name of the caller's user that fits: a longer one by its digest, so that it stays the same and tells less."""
    return value if len(value) <= MAX_USER else hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()


def data_url(url: str) -> tuple[str, str] | None:
    """Media type and base64 of a ``data:`` URL; None for any other URL."""
    if not url.startswith("data:"):
        return None
    head, comma, data = url[5:].partition(",")
    media_type, _, coding = head.partition(";")
    if not comma or coding.rpartition(";")[2].strip().lower() != "base64":
        raise Untranslatable("A data URL must carry base64.", "messages")
    return media_type or "application/octet-stream", data
