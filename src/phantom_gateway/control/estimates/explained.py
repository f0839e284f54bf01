"""What would happen to a request: asked of a worker, which knows, with the record of the key it is asked for."""

from __future__ import annotations

import json
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.entities import chain
from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.control.estimates.fields import ExplainRequest
from phantom_gateway.control.keys.references import KeyFinder
from phantom_gateway.control.services import ControlServices
from phantom_gateway.spine.messages import KeyRecord

JsonObject = dict[str, Any]


async def explained(services: ControlServices, caller: Caller, finder: KeyFinder, asked: ExplainRequest) -> JsonObject:
    """The worker's answer. Raises ApiError 404 for a key out of reach, 400 without a key, 503 without a worker."""
    record = await _record(services, caller, finder, asked.key)
    headers = tuple([(name.lower(), value) for name, value in asked.headers.items()])
    found = await services.workers.explain(record, asked.path, headers, json.dumps(asked.request_body).encode())
    if found is None:
        raise ApiError(503, "No gateway worker can say right now.", kind="service_unavailable")
    view: JsonObject = json.loads(found)
    return view


async def _record(services: ControlServices, caller: Caller, finder: KeyFinder, reference: str | None) -> KeyRecord:
    if reference is None:
        if caller.key.kind == "session":
            raise bad_field("key", "name a key: calls are made with keys, not with sessions")
        return caller.key

    def query(connection: sa.Connection) -> KeyRecord:
        row = finder.one(connection, reference)
        return chain.record_of(chain.load(connection, row), row.id, finder.now, None)

    return await services.database.read(query)
