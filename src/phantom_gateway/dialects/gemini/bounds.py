"""What a request to ``generateContent`` may produce: its bounds stand inside ``generationConfig``."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

CONFIG = ("generationConfig", "generation_config")


class Bounds(NamedTuple):
    """Output tokens of one candidate at most, where the caller bounds them, and how many candidates there are."""

    output: int | None
    choices: int


class _Config(msgspec.Struct):
    limit: int | None = msgspec.field(default=None, name="maxOutputTokens")
    other_limit: int | None = msgspec.field(default=None, name="max_output_tokens")
    count: int | None = msgspec.field(default=None, name="candidateCount")
    other_count: int | None = msgspec.field(default=None, name="candidate_count")


_config = msgspec.json.Decoder(_Config | None)


def read_bounds(raw: bytes | memoryview | msgspec.Raw) -> Bounds:
    """The bounds in the bytes of a ``generationConfig``; of two spellings the larger counts. Raises msgspec.MsgspecError."""
    found = _config.decode(raw)
    if found is None:
        return Bounds(None, 1)
    limits = [limit for limit in (found.limit, found.other_limit) if limit is not None]
    return Bounds(max(limits, default=None), max(found.count or 1, found.other_count or 1))
