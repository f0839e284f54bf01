"""Usage as the providers themselves write it, for answers that are only passed on.

None of these raises on a mapping. Sources: API references of OpenAI, Anthropic, Google (Gemini, ``usageMetadata``), Amazon Bedrock
(Converse) and Cohere (v2); read November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from phantom_gateway.ledger.media_usage import from_rerank
from phantom_gateway.ledger.usage import Counter, Usage, from_anthropic, from_gemini, from_openai


def from_google(usage: Mapping[str, Any]) -> Usage:
    """``usageMetadata``, of answers of every method: what only counts its input (an embedding) has made nothing."""
    found = from_gemini(usage)
    return msgspec.structs.replace(found, output=0) if found.output is None and found.input is not None else found


def from_bedrock(usage: Mapping[str, Any]) -> Usage:
    """Converse, whose classes of input do not overlap; other models' answers in the words of their makers."""
    if "inputTokens" not in usage:
        return from_anthropic(usage)
    read = Counter()
    return _usage(
        read,
        input=read.count(usage, "inputTokens"),
        cache_read=read.count(usage, "cacheReadInputTokens"),
        cache_write_5m=read.count(usage, "cacheWriteInputTokens"),
        output=read.count(usage, "outputTokens"),
    )


def from_cohere(usage: Mapping[str, Any]) -> Usage:
    """``billed_units`` rather than ``tokens``; search units of a ranking."""
    read = Counter()
    billed = read.table(usage, "billed_units", "tokens")
    if "search_units" in billed:
        return from_rerank(billed)
    return _usage(
        read, input=read.count(billed, "input_tokens"), output=read.count(billed, "output_tokens") or 0
    )  # fmt: skip


READERS: Mapping[str, Callable[[Mapping[str, Any]], Usage]] = MappingProxyType(
    {
        "openai": from_openai,
        "anthropic": from_anthropic,
        "gemini": from_google,
        "bedrock": from_bedrock,
        "cohere": from_cohere,
    }
)
"""By ``providers.passes.Shape``."""


def _usage(read: Counter, **counts: int | None) -> Usage:
    reported = any(value is not None for value in counts.values())
    return Usage(**counts, source="provider" if reported else "none", flags=tuple(read.flags))  # type: ignore[arg-type]
