"""Rows and records for tests."""

from __future__ import annotations

from typing import Any

from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.record import Closed, Opened, Spend
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.store.keys import KeyRow

KEY_ID = "a" * 64


def key_row(key_id: str = KEY_ID, **fields: Any) -> KeyRow:
    """A key without limits."""
    values: dict[str, Any] = {
        "id": key_id,
        "key_name": "sk-...abcd",
        "models": [],
        "aliases": {},
        "metadata": {},
        "tags": [],
        "key_type": "default",
        "allowed_routes": [],
        "budget_anchor": 0.0,
        "budget_limits": [],
        "blocked": False,
        "created_at": 1000.0,
        "updated_at": 1000.0,
        "extra": {},
    }
    return KeyRow(**values | fields)


def closed(n: int, *, opened: int = 0, cost: int = 5, key_id: str = KEY_ID, **fields: Any) -> Closed:
    """A closed record that charged its cost to one never-resetting budget of its key."""
    values: dict[str, Any] = {
        "id": f"call-{n}",
        "at_ns": 1_800_000_000_000_000_000 + n * 1_000_000,
        "duration_us": 1500,
        "model": "demo",
        "group": "demo",
        "usage": Usage(input=7, output=11, source="provider"),
        "cost": Cost(total=cost, input=cost),
        "spends": (Spend(f"budget:key:{key_id}:", 0.0, cost),),
    }
    return Closed(n=n, opened=opened, key_id=key_id, **values | fields)


def opened(n: int, *, estimate: int = 9, key_id: str = KEY_ID, **fields: Any) -> Opened:
    """An opened record with a reservation of its estimate."""
    values: dict[str, Any] = {
        "id": f"call-{n}",
        "at_ns": 1_800_000_000_000_000_000,
        "reserved": (Spend(f"budget:key:{key_id}:", 0.0, estimate),),
    }
    return Opened(n=n, key_id=key_id, estimate=estimate, **values | fields)
