"""Whom requests belong to: all entities that have a total of what they spent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, NamedTuple

from phantom_gateway.ledger.record import Closed


class Owners(NamedTuple):
    """Whom a row of the spend log belongs to."""

    key_id: str
    user_id: str | None
    team_id: str | None
    org_id: str | None
    project_id: str | None
    end_user: str | None
    tags: tuple[str, ...]

    def entities(self) -> list[str]:
        """All of them by their names as entities of limits and totals, once each."""
        found = [f"key:{self.key_id}"]
        if self.user_id:
            found.append(f"user:{self.user_id}")
        if self.team_id:
            found.append(f"team:{self.team_id}")
            if self.user_id:
                found.append(f"member:{self.team_id}/{self.user_id}")
        if self.org_id:
            found.append(f"org:{self.org_id}")
            if self.user_id:
                found.append(f"org_member:{self.org_id}/{self.user_id}")
        if self.project_id:
            found.append(f"project:{self.project_id}")
        if self.end_user:
            found.append(f"customer:{self.end_user}")
        return found + [f"tag:{tag}" for tag in dict.fromkeys(self.tags)]


class Sum(NamedTuple):
    """What an entity spent in some requests: nano-dollars, their number, and when the last of them ended (Unix seconds)."""

    entity: str
    amount: int
    requests: int
    last: float


def sums(closed: Iterable[Closed]) -> list[Sum]:
    """What these records add to the totals, by entity in the order of their names."""
    # By owners first: of the many records of a batch, most belong to the same few.
    groups: dict[Owners, tuple[int, int, int]] = {}
    for record in closed:
        owners = _new(Owners, _fields(record))
        amount, requests, last = groups.get(owners, (0, 0, 0))
        ended = record.at_ns + record.duration_us * 1000
        groups[owners] = amount + record.cost.total, requests + 1, max(last, ended)
    found: dict[str, tuple[int, int, int]] = {}
    for owners, (amount, requests, last) in groups.items():
        for entity in owners.entities():
            before = found.get(entity, (0, 0, 0))
            found[entity] = before[0] + amount, before[1] + requests, max(before[2], last)
    return [Sum(entity, amount, requests, last / 1e9) for entity, (amount, requests, last) in sorted(found.items())]


_fields: Callable[[Closed], tuple[Any, ...]] = attrgetter(*Owners._fields)
_new = tuple.__new__
"""Makes a named tuple without the Python call of its own constructor."""
