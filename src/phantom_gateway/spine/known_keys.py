"""Key records by digest, as workers and control remember them: many of them, small, and quickly forgotten.

Keys of one team have the team's limits in common. What arrives is a copy for each key; here they share one. And a change of one
entity finds the records it is part of without looking at all others, for which everybody else would have to wait.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from sys import intern

import msgspec

from phantom_gateway.spine.messages import KeyRecord, Limit

MAX_SHARED = 200_000


def on_behalf(digest: str, user: str) -> str:
    """The name under which a record is kept that is as if its key belonged to ``user``; the digest when there is none."""
    return f"{digest}@{user}" if user else digest


class KnownKeys:
    """At most ``most`` records, the least recently used first out."""

    __slots__ = ("_most", "_of", "_records", "_shared")

    def __init__(self, most: int) -> None:
        self._most = most
        self._records: OrderedDict[str, KeyRecord] = OrderedDict()
        self._of: dict[str, set[str]] = {}
        """By entity, the digests of the records it is part of. A key with the digest of its own id is not in it."""
        self._shared: dict[Limit, Limit] = {}

    def __len__(self) -> int:
        return len(self._records)

    def get(self, digest: str) -> KeyRecord | None:
        """A known record."""
        record = self._records.get(digest)
        if record is not None:
            self._records.move_to_end(digest)
        return record

    def put(self, digest: str, record: KeyRecord) -> KeyRecord:
        """Remember a record; gives the equal one that is remembered."""
        self._remove(digest)
        record = self._records[digest] = self._slim(record)
        for entity in _entities(record, digest):
            self._of.setdefault(entity, set()).add(digest)
        if len(self._records) > self._most:
            self._remove(next(iter(self._records)))
        return record

    def forget(self, entities: Iterable[str]) -> None:
        """Drop the records that these entities are part of, named as in ``Invalidate``; all of them when none is named."""
        named = list(entities)
        if not named:
            self._records.clear()
            self._of.clear()
            self._shared.clear()
        for entity in named:
            kind, _, name = entity.partition(":")
            for digest in list(self._of.get(entity, ())):
                self._remove(digest)
            if kind == "digest" or (kind == "key" and name in self._records and self._records[name].id == name):
                self._remove(name)

    def _remove(self, digest: str) -> None:
        record = self._records.pop(digest, None)
        if record is None:
            return
        for entity in _entities(record, digest):
            found = self._of[entity]
            found.discard(digest)
            if not found:
                del self._of[entity]

    def _slim(self, record: KeyRecord) -> KeyRecord:
        if len(self._shared) > MAX_SHARED:
            self._shared.clear()
        own: dict[str, str] = {}
        return msgspec.structs.replace(
            record,
            limits=self._slim_limits(record.limits, own),
            model_limits={name: self._slim_limits(limits, own) for name, limits in record.model_limits.items()},
        )

    def _slim_limits(self, limits: tuple[Limit, ...], own: dict[str, str]) -> tuple[Limit, ...]:
        found = []
        for limit in limits:
            same = None if limit.entity.startswith("key:") else self._shared.get(limit)
            if same is None:
                same = Limit(
                    scope=limit.scope,
                    kind=limit.kind,
                    entity=own.setdefault(limit.entity, limit.entity),
                    amount=limit.amount,
                    window=intern(limit.window),
                    anchor=limit.anchor or 0.0,
                )
                if not limit.entity.startswith("key:"):
                    self._shared[same] = same
            found.append(same)
        return tuple(found)


def _entities(record: KeyRecord, digest: str) -> Iterable[str]:
    """What to find a record by, beside its digest."""
    if record.id != digest:
        yield f"key:{record.id}"
    if record.user_id is not None:
        yield f"user:{record.user_id}"
    if record.team_id is not None:
        yield f"team:{record.team_id}"
    if record.org_id is not None:
        yield f"org:{record.org_id}"
    if record.project_id is not None:
        yield f"project:{record.project_id}"
