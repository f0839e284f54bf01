"""Whom requests belong to: all entities that have a total of what they spent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple


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


def sums(owned: Iterable[tuple[tuple[Any, ...], int, int, int]]) -> list[Sum]:
    """What groups of records add to the totals, by entity in the order of their names.

    A group: the fields of ``Owners``, nano-dollars, requests, when the last of them ended (Unix nanoseconds).
    """
    # By parts that have few values each: customers and tags come in every combination with the others.
    people: _Sums = {}
    customers: _Sums = {}
    tagged: _Sums = {}
    for fields, amount, requests, last in owned:
        customer, tags = fields[5:]
        _count(people, fields[:5], amount, requests, last)
        if customer:
            _count(customers, customer, amount, requests, last)
        if tags:
            _count(tagged, tags, amount, requests, last)
    found: _Sums = {}
    for belongs, added in people.items():
        for entity in Owners._make((*belongs, None, ())).entities():
            _count(found, entity, *added)
    for customer, added in customers.items():
        found[f"customer:{customer}"] = added
    for tags, added in tagged.items():
        for tag in dict.fromkeys(tags):
            _count(found, f"tag:{tag}", *added)
    return [Sum(entity, amount, requests, last / 1e9) for entity, (amount, requests, last) in sorted(found.items())]


_Sums = dict[Any, tuple[int, int, int]]


def _count(found: _Sums, key: Any, amount: int, requests: int, last: int) -> None:
    before = found.get(key)
    if before is not None:
        amount, requests, last = before[0] + amount, before[1] + requests, max(before[2], last)
    found[key] = amount, requests, last
