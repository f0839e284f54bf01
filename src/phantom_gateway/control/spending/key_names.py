"""Keys as filters name them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from fastapi import Request

from phantom_gateway.control.guard import services_of
from phantom_gateway.control.keys.references import id_of


async def key_ids(request: Request, references: Sequence[str]) -> list[str]:
    """The ids of keys that are named by their value or their id; of what is no key an id that nobody has."""
    if not references:
        return []
    services = services_of(request)
    now, hasher = services.clock(), services.hasher

    def query(connection: sa.Connection) -> list[str]:
        return [id_of(connection, hasher, reference, now) for reference in references]

    return await services.database.read(query)
