"""The request bodies of ``/cache/*``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phantom_gateway.control.entities.fields import Body

MAX_NAMES = 40
"""Of one request: they all travel in one notice to the other nodes."""
EntryName = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9._:/-]{1,64}:)?[0-9a-f]{64}$")]


class CacheDelete(Body):
    """Body of ``/cache/delete``."""

    keys: Annotated[list[EntryName], Field(min_length=1, max_length=MAX_NAMES)]
    """As ``x-litellm-cache-key`` has them."""
