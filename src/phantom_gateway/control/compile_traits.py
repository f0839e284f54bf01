"""What is known of how an upstream wants to be asked: of its provider, and of the model by the price table."""

from __future__ import annotations

from typing import Protocol

ADAPTIVE = "adaptive_thinking"
NO_REASONING = "no_reasoning"


class Known(Protocol):
    """What the price table knows of a model."""

    @property
    def supports(self) -> frozenset[str]: ...


def traits_of_model(known: Known | None) -> tuple[str, ...]:
    """Of a model: nothing is claimed of one that the table does not know."""
    if known is None:
        return ()
    traits = (ADAPTIVE,) if "supports_adaptive_thinking" in known.supports else ()
    return traits if "supports_reasoning" in known.supports else (*traits, NO_REASONING)
