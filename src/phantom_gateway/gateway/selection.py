"""Which deployments of a group may serve a request, and which of them is asked next.

First what does not change while a request is tried: what can do the operation, tags, the input limit. Then, for each attempt: what
is not resting, was not tried, in the lowest ``order`` tier; of these the strategy chooses, or what keeps the request on one.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NamedTuple

from phantom_gateway.gateway.affinity import identity_of
from phantom_gateway.gateway.call import RequestRefused
from phantom_gateway.gateway.errors import ApiError, invalid_request
from phantom_gateway.gateway.kept import gone
from phantom_gateway.gateway.strategies import Wanted, stick
from phantom_gateway.ledger.trail import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phantom_gateway.gateway.call import AttemptFailed
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Group, Table, Target
    from phantom_gateway.security.response_ids import Kept

DEFAULT_TAG = "default"
BYTES_PER_TOKEN = 4


class Failure(NamedTuple):
    """A failed attempt."""

    target: Target
    failed: AttemptFailed


class Round:
    """The deployments of one group for one request, and what has happened so far."""

    __slots__ = (
        "_able", "_exchange", "_model", "_noted", "_table", "again_s", "attempt", "banned", "exhausted", "failure", "first",
        "group", "suspects", "tried", "waited", "waiting_for",
    )  # fmt: skip

    def __init__(self, group: Group, model: str, exchange: Exchange, table: Table) -> None:
        """Raises ApiError 400 when the group does not do such requests, or admits none like this."""
        self.group = group
        self._exchange = exchange
        self._table = table
        self._model = model
        self.tried: set[str] = set()
        """Asked before: others come first."""
        self.banned: set[str] = set()
        """Not to be asked again."""
        self._noted = False
        self.attempt = 0
        """Failed ones."""
        self.failure: ApiError | None = None
        self.exhausted: ApiError | None = None
        """Why a deployment was not asked at all."""
        self.waiting_for: tuple[Target, float] | None = None
        """Who said how long to wait, and how long: asked again, once, when there is nobody else."""
        self.waited: set[str] = set()
        self.again_s = 0.0
        self.suspects: list[Failure] = []
        """Failures that may be the request's fault as well as the deployment's."""
        serving: Sequence[Target] | None = group.by_operation.get(exchange.operation.name)
        if serving is None:
            operation = exchange.operation
            what = operation.input_field if operation.input_field and not operation.keeps else operation.name
            raise invalid_request(
                f"The model '{exchange.call.model}' does not serve {what} requests.",
                "model",
            )
        if exchange.kept is not None:
            serving = _having(serving, exchange.kept)
            if not serving:
                raise gone(exchange)
        if not group.fixed:
            serving = group.bound(serving, model)
        able = self._able = admitted(serving, exchange, table) if table.picks else serving
        self.first: Target | None = None
        """The only one, when it is ready: what ``next`` would say, without a call."""
        if len(able) == 1:
            health = able[0].health
            if not health.probing and health.cooldown_until <= time.monotonic():
                self.first = able[0]

    def next(self, now: float) -> Target | None:
        """Who is asked next; None when nobody is left."""
        able = self._able
        if len(able) == 1:
            only = able[0]
            if only.health.cooldown_until > now or only.health.probing:
                if only.id not in self.banned:
                    self._note_skipped([], now)
                return None
            return None if only.id in self.banned else only
        return self._among(able, now)

    def leave_out(self, target: Target, why: str) -> None:
        """Do not ask ``target``, whose turn it would have been."""
        self.banned.add(target.id)
        self._exchange.note(Step("skip", target.id, why))

    def nobody(self, now: float) -> ApiError:
        """What the caller is told when all rest."""
        ends = [t.health.cooldown_until for t in self._able]
        seconds = max(1, round(min(ends, default=now) - now))
        return ApiError(
            429,
            "throttling_error",
            f"No deployments available for selected model, Try again in {seconds} seconds",
            details={"retry_after_s": seconds},
            headers=((b"retry-after", str(seconds).encode()),),
        )

    def _among(self, able: Sequence[Target], now: float) -> Target | None:
        free = [t for t in able if t.health.cooldown_until <= now and not t.health.probing and t.id not in self.banned]
        table, exchange = self._table, self._exchange
        free = [t for t in free if t.id not in table.unhealthy] or free
        candidates = [t for t in free if t.id not in self.tried] or free
        if len(candidates) > 1:
            lowest = min(t.deployment.order for t in candidates)
            candidates = [t for t in candidates if t.deployment.order == lowest]
        if not self._noted:
            self._note_skipped(candidates, now)
        if len(candidates) <= 1:
            return candidates[0] if candidates else None
        found, identity = identity_of(exchange, table.routing.affinity) if table.routing.affinity else ("", b"")
        exchange.note(Step("among", self.group.name, found or table.routing.strategy, len(candidates)))
        if identity:
            return stick(candidates, identity)
        call = exchange.call
        wanted = Wanted(now, self._model, call.size // BYTES_PER_TOKEN + 1, call.expected_output)
        return table.strategy(candidates, table.draw, wanted)

    def _note_skipped(self, candidates: Sequence[Target], now: float) -> None:
        """Say once who was not considered, and why."""
        self._noted = True
        for target in self._able:
            if target not in candidates:
                why, seconds = self._why(target, now)
                self._exchange.note(Step("skip", target.id, why, seconds))

    def _why(self, target: Target, now: float) -> tuple[str, int]:
        state = target.health.state(now)
        if state in ("open", "resting"):
            return state, math.ceil(target.health.cooldown_until - now)
        if state == "half_open" and target.health.probing:
            return state, 0
        return ("unhealthy" if target.id in self._table.unhealthy else "order"), 0


def _having(targets: Sequence[Target], kept: Kept) -> tuple[Target, ...]:
    """The deployment that keeps it, if it is among ``targets``."""
    return tuple([target for target in targets if target.id == kept.deployment])


def admitted(targets: Sequence[Target], exchange: Exchange, table: Table) -> Sequence[Target]:
    """Those of ``targets`` that the request's tags and its size admit. Raises ApiError 400 when there are none."""
    routing = table.routing
    if routing.tag_filtering:
        tags = frozenset((*exchange.principal.tags, *exchange.wishes.tags))
        fit = by_tags(targets, tags, match_any=routing.tags_match_any)
        if not fit:
            message = "No deployments available for this model with these tags, and none is tagged 'default'."
            raise ApiError(400, "invalid_request_error", message, param="tags", details={"tags": sorted(tags)[:32]})
        _note(exchange, targets, fit, "tags")
        targets = fit
    if routing.input_check:
        tokens = exchange.call.size // BYTES_PER_TOKEN + 1
        fit = [t for t in targets if not t.deployment.max_input_tokens or tokens <= t.deployment.max_input_tokens]
        _note(exchange, targets, fit, "input_too_long")
        if not fit:
            most = max(t.deployment.max_input_tokens for t in targets)
            message = f"The input has about {tokens} tokens, more than the {most} that this model takes."
            refused = RequestRefused(400, "invalid_request_error", message, code="context_length_exceeded")
            refused.reason = "context_window"
            raise refused
        targets = fit
    return targets


def by_tags(targets: Sequence[Target], tags: frozenset[str], *, match_any: bool) -> Sequence[Target]:
    """Those whose tags match those of the request; else those tagged ``default``; a request without tags may go anywhere where
    there are none of these.
    """
    if tags:
        fit = [t for t in targets if (not tags.isdisjoint(t.tags) if match_any else tags <= t.tags)]
        if fit:
            return fit
    default = [t for t in targets if DEFAULT_TAG in t.tags]
    return default if default or tags else targets


def _note(exchange: Exchange, before: Sequence[Target], after: Sequence[Target], why: str) -> None:
    for target in before:
        if target not in after:
            exchange.note(Step("skip", target.id, why))
