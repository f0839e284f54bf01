"""The totals of entities, summed anew from the rows of the spend log."""

from __future__ import annotations

import json
from dataclasses import dataclass

import sqlalchemy as sa

from phantom_gateway.store.dimensions import CORRECTION
from phantom_gateway.store.owners import Owners
from phantom_gateway.store.tables import REQUESTS, TOTALS

_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class Summed:
    """What rows say of one entity."""

    amount: int = 0
    """Nano-dollars, corrections included."""
    requests: int = 0
    """Corrections are none."""
    last: float = 0.0
    """When the last of them ended, Unix seconds."""

    def plus(self, other: Summed) -> Summed:
        """Both together."""
        return Summed(self.amount + other.amount, self.requests + other.requests, max(self.last, other.last))


NOTHING = Summed()


def of_rows(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> dict[str, Summed]:
    """By entity, what the rows (of those that match ``where``) add up to."""
    columns = [REQUESTS.c[name] for name in Owners._fields]
    request = REQUESTS.c.call_type != CORRECTION
    ended = sa.case((request, REQUESTS.c.started_at + REQUESTS.c.duration_us), else_=0)
    sums = sa.func.sum(REQUESTS.c.cost_nano), sa.func.sum(sa.case((request, 1), else_=0)), sa.func.max(ended)
    found: dict[str, Summed] = {}
    for *named, tags, cost, count, last in connection.execute(
        sa.select(*columns, *sums).where(*where).group_by(*columns)
    ):
        for entity in Owners._make([*named, tuple(json.loads(tags))]).entities():
            before = found.get(entity, NOTHING)
            found[entity] = Summed(
                before.amount + int(cost), before.requests + int(count), max(before.last, last / 1e6)
            )
    return found


def rebuild(connection: sa.Connection) -> None:
    """Make all totals anew from the rows; for a migration, in its transaction."""
    connection.execute(sa.delete(TOTALS))
    rows = [
        {"entity": entity, "amount_nano": each.amount, "requests": each.requests, "last_active": each.last}
        for entity, each in sorted(of_rows(connection).items())
    ]
    for start in range(0, len(rows), _CHUNK):
        connection.execute(sa.insert(TOTALS), rows[start : start + _CHUNK])
