"""Whom and what requests name beside their key: customers (end users) and tags, as far as they have limits.

Control says of which kinds there are any at all; of other kinds nobody is asked for, so that most requests pay nothing.
Records are remembered until control says that they have changed, the least recently used going first.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from phantom_gateway.gateway.errors import ApiError, unavailable
from phantom_gateway.spine.client import SpineDown

if TYPE_CHECKING:
    from phantom_gateway.spine.client import SpineClient
    from phantom_gateway.spine.messages import SubjectRecord

MAX_CACHED = 50_000


class Subjects:
    """One per worker."""

    def __init__(self, spine: SpineClient) -> None:
        self._spine = spine
        self.any = False
        """Whether there is anybody to look up."""
        self._kinds: frozenset[str] = frozenset()
        self._records: OrderedDict[str, SubjectRecord | None] = OrderedDict()
        self.generation = 0
        """Counts forgettings: an answer asked for before one must not be stored after it."""

    def heard(self, kinds: tuple[str, ...]) -> None:
        """Control says of which kinds there are any."""
        self._kinds = frozenset(kinds)
        self.any = bool(kinds)

    def forget(self, entities: tuple[str, ...]) -> None:
        """Drop these records; all of them when none is named, or when a shared budget may have changed."""
        self.generation += 1
        if not entities or any(entity.startswith("budget:") for entity in entities):
            self._records.clear()
        for entity in entities:
            self._records.pop(entity, None)

    async def of(self, customer: str | None, tags: tuple[str, ...]) -> tuple[SubjectRecord, ...]:
        """The records of a request's customer and tags, as far as there are any.

        Raises ApiError 403 for a blocked one, and 503 for one that cannot be looked up: its budget might be spent.
        """
        named: list[str] = []
        if customer and "customer" in self._kinds:
            named.append(f"customer:{customer}")
        if tags and "tag" in self._kinds:
            named += [f"tag:{tag}" for tag in dict.fromkeys(tags)]
        found: list[SubjectRecord] = []
        for entity in named:
            record = self._records.get(entity)
            if record is not None or entity in self._records:
                self._records.move_to_end(entity)
            else:
                record = await self._resolve(entity)
            if record is not None:
                if record.blocked:
                    kind, _, name = entity.partition(":")
                    raise ApiError(403, "auth_error", f"The {kind} '{name}' is blocked.", details={"entity": entity})
                found.append(record)
        return tuple(found)

    async def _resolve(self, entity: str) -> SubjectRecord | None:
        generation = self.generation
        try:
            answer = await self._spine.resolve_subject(entity)
        except SpineDown as error:
            raise self._unsure(entity) from error
        if answer.unavailable:
            raise self._unsure(entity)
        if generation == self.generation:
            self._records[entity] = answer.subject
            if len(self._records) > MAX_CACHED:
                self._records.popitem(last=False)
        return answer.subject

    @staticmethod
    def _unsure(entity: str) -> ApiError:
        kind = entity.partition(":")[0]
        return unavailable(f"The {kind} of this request cannot be checked right now.", kind="limiter_unavailable")
