"""Requests whose entity has been given a budget they know nothing of.

Limits are fixed when a request is admitted. When a budget is added or its window is changed meanwhile, the request reserves
and settles under the old ones only. Two things keep the new budget exact nevertheless: what such a *stray* costs is charged
to it, too (in the window in which the request began), and until then the most it can cost counts as used.

Pure; belongs to the thread of the ingestion, which sees records and changes of budgets in one order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from phantom_gateway.ledger.record import Closed, Opened, Spend
from phantom_gateway.limits import configured
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import Limit

Present = Callable[[Collection[str]], Mapping[str, Sequence[Limit]]]
"""Entities to the budgets they have now."""
Window = tuple[str, float]
"""(scope, window start)"""


class _Pending(NamedTuple):
    """What is kept of an open request."""

    entities: tuple[str, ...]
    carried: frozenset[str]
    worst: int
    at: float


def entities_of(record: Opened | Closed) -> tuple[str, ...]:
    """Everybody whose budgets a request counts against, by the names limits give them: as ``control.entities.chain`` has it.

    The whole gateway is among them. A deployment and its provider are not: they are chosen later, and reserved for by themselves.
    """
    named = [("key", record.key_id), ("project", record.project_id), ("team", record.team_id), ("org", record.org_id)]
    if record.user_id and record.team_id:
        named.append(("member", f"{record.team_id}/{record.user_id}"))
    else:
        named.append(("user", record.user_id))
    if record.user_id and record.org_id:
        named.append(("org_member", f"{record.org_id}/{record.user_id}"))
    named.append(("customer", record.end_user))
    named += [("tag", tag) for tag in record.tags]
    return (configured.GATEWAY, *[f"{kind}:{name}" for kind, name in named if name])


class Strays:
    """Open requests, and what of them is outside the present budgets."""

    def __init__(self, present: Present) -> None:
        self._present = present
        self._open: dict[tuple[str, int], _Pending] = {}
        self._missing: dict[tuple[str, int], tuple[Window, ...]] = {}

    def replace(self, records: Iterable[tuple[str, Opened]]) -> None:
        """Start anew from all open records, each with its worker."""
        self._open = {(worker, record.n): _pending(record) for worker, record in records}
        self.changed()

    def changed(self) -> None:
        """Budgets have changed: look at every open request again."""
        self._missing = {}
        self._look(list(self._open))

    def took(self, worker: str, opening: Sequence[Opened], closing: Collection[int]) -> None:
        """Records of ``worker`` are in the database: these requests are open now, those are not any more."""
        for number in closing:
            self._open.pop((worker, number), None)
            self._missing.pop((worker, number), None)
        added = {(worker, record.n): _pending(record) for record in opening}
        self._open |= added
        self._look(added)

    def outside(self) -> dict[Window, int]:
        """What strays may still cost, by window of the budgets they do not know."""
        sums: dict[Window, int] = {}
        for key, windows in self._missing.items():
            worst = self._open[key].worst
            for window in windows:
                sums[window] = sums.get(window, 0) + worst
        return sums

    def charges(self, closed: Sequence[Closed]) -> dict[int, tuple[Spend, ...]]:
        """What these records owe to budgets they do not carry, by the record's number."""
        entities = {record.n: entities_of(record) for record in closed}
        present = self._present({entity for named in entities.values() for entity in named})
        found = {}
        for record in closed:
            carried = {spend.scope for spend in record.spends}
            windows = _missing(present, entities[record.n], carried, record.at_ns / 1e9)
            if windows and record.cost.total:
                found[record.n] = tuple([Spend(scope, start, record.cost.total) for scope, start in windows])
        return found

    def _look(self, keys: Collection[tuple[str, int]]) -> None:
        present = self._present({entity for key in keys for entity in self._open[key].entities})
        for key in keys:
            entities, carried, _, at = self._open[key]
            windows = _missing(present, entities, carried, at)
            if windows:
                self._missing[key] = windows


def _pending(record: Opened) -> _Pending:
    reserved = max([spend.amount for spend in record.reserved], default=0)
    carried = frozenset([spend.scope for spend in record.reserved])
    return _Pending(entities_of(record), carried, max(record.worst, reserved, record.estimate), record.at_ns / 1e9)


def _missing(
    present: Mapping[str, Sequence[Limit]], entities: tuple[str, ...], carried: Collection[str], at: float
) -> tuple[Window, ...]:
    return tuple(
        [
            (limit.scope, window_bounds(limit.window, at, limit.anchor)[0])
            for entity in entities
            for limit in present.get(entity, ())
            if limit.scope not in carried
        ]
    )
