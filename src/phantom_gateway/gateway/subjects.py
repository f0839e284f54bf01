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
        self._records: OrderedDict[tuple[str, str], SubjectRecord | None] = OrderedDict()
        """By entity, and the budget that its key gives customers without one."""
        self._budgets: dict[str, None] = {}
        """Which such budgets there are."""
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
            self._budgets.clear()
        for entity in entities:
            for budget_id in ("", *self._budgets):
                self._records.pop((entity, budget_id), None)

    async def of(self, customer: str | None, tags: tuple[str, ...], budget_id: str = "") -> tuple[SubjectRecord, ...]:
        """The records of a request's customer and tags, as far as there are any.

        ``budget_id`` names the budget that the key gives customers without one.
        Raises ApiError 403 for a blocked one, and 503 for one that cannot be looked up: its budget might be spent.
        """
        named: list[tuple[str, str]] = []
        if customer and (budget_id or "customer" in self._kinds):
            named.append((f"customer:{customer}", budget_id))
        if tags and "tag" in self._kinds:
            named += [(f"tag:{tag}", "") for tag in dict.fromkeys(tags)]
        found: list[SubjectRecord] = []
        for asked in named:
            record = self._records.get(asked)
            if record is not None or asked in self._records:
                self._records.move_to_end(asked)
            else:
                record = await self._resolve(asked)
            if record is not None:
                if record.blocked:
                    entity = asked[0]
                    kind, _, name = entity.partition(":")
                    raise ApiError(403, "auth_error", f"The {kind} '{name}' is blocked.", details={"entity": entity})
                found.append(record)
        return tuple(found)

    async def _resolve(self, asked: tuple[str, str]) -> SubjectRecord | None:
        generation = self.generation
        entity, budget_id = asked
        try:
            answer = await self._spine.resolve_subject(entity, budget_id)
        except SpineDown as error:
            raise self._unsure(entity) from error
        if answer.unavailable:
            raise self._unsure(entity)
        if generation == self.generation:
            self._records[asked] = answer.subject
            if budget_id:
                self._budgets[budget_id] = None
            if len(self._records) > MAX_CACHED:
                self._records.popitem(last=False)
        return answer.subject

    @staticmethod
    def _unsure(entity: str) -> ApiError:
        kind = entity.partition(":")[0]
        return unavailable(f"The {kind} of this request cannot be checked right now.", kind="limiter_unavailable")
