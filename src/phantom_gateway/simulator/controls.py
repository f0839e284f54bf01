"""What a request asks of the simulator besides an answer: faults, pace, sizes and token counts.

Three places carry the same ``key=value`` pairs; a later one overrides an earlier one:
the model name (``demo;mode=stall,at=5``), the body field ``"simulate": {...}``, the header ``x-simulate: k=v,k=v``.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000_000_000)]
Chunks = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Size = Annotated[int, msgspec.Meta(ge=0, le=1 << 30)]
Delay = Annotated[float, msgspec.Meta(ge=0, le=600_000)]
USAGE_OF_MODE = MappingProxyType({"no_usage": "off", "usage_last": "last"})
"""The modes that are only another word for the control ``usage``."""
UsageStyle = Literal["on", "off", "last", "negative", "absurd", "always"]


class ControlError(ValueError):
    """A control is unknown or out of range; the message is for the caller."""


class Controls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The controls of one request; the defaults give a plain and friendly answer."""

    mode: str = "ok"
    """One name of ``modes.MODES``."""
    chunks: Chunks | None = None
    """Number of words of the answer."""
    pace_ms: Delay | None = None
    """Milliseconds between two chunks, rounded up to whole ones; 0 sends all in one write."""
    first_ms: Delay | None = None
    """Milliseconds before the first byte."""
    usage: UsageStyle = "on"
    prompt_tokens: Count | None = None
    completion_tokens: Count | None = None
    cached_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    written_tokens: Count | None = None
    """Tokens written to the provider's cache for five minutes (Anthropic)."""
    written_1h_tokens: Count | None = None
    """The same for an hour."""
    size: Size | None = None
    """Bytes of the body, of the header or of the line, as the mode means it."""
    retry_after: str | None = None
    """The value of the header; ``none``, ``date`` and ``absurd`` are understood."""
    at: Chunks | None = None
    """How many chunks go out before a fault in the middle of a stream."""
    fail_first: Chunks = 0
    """Only the first N requests with the same ``key`` meet the mode, later ones succeed."""
    key: str = ""
    label: str = ""
    """Count the request under this name instead of its ``user``."""


def split_model(model: str) -> tuple[str, dict[str, Any]]:
    """Split ``name;k=v,k=v`` into the name and its controls."""
    name, _, suffix = model.partition(";")
    return name, pairs(suffix)


def pairs(text: str) -> dict[str, Any]:
    """Read ``k=v,k=v``. Raises ControlError on a part without ``=``."""
    found: dict[str, Any] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, equals, value = part.partition("=")
        if not equals:
            raise ControlError(f"simulate: {part!r} is not key=value")
        found[key.strip()] = value.strip()
    return found


def merge(suffix: dict[str, Any], field: Any, header: str) -> Controls:
    """Merge the three places into one ``Controls``. Raises ControlError."""
    merged = dict(suffix)
    if isinstance(field, str):
        merged.update(pairs(field))
    elif isinstance(field, dict):
        merged.update(field)
    elif field is not None:
        raise ControlError("simulate: an object or a string k=v,k=v")
    merged.update(pairs(header))
    if not merged:
        return Controls()
    if "mode" in merged:
        merged["mode"] = str(merged["mode"])
        if merged["mode"] in USAGE_OF_MODE:
            merged["usage"] = USAGE_OF_MODE[merged["mode"]]
    try:
        return msgspec.convert(merged, Controls, strict=False)
    except msgspec.ValidationError as error:
        raise ControlError(f"simulate: {error}") from error
