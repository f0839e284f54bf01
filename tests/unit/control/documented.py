"""What the tests of request bodies have in common."""

from __future__ import annotations

from pydantic import BaseModel


def missing(model: type[BaseModel], documented: str) -> set[str]:
    """Those of LiteLLM's field names that a body does not know."""
    return set(documented.split()) - set(model.model_fields)
