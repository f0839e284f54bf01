"""Shares of a model by priority (LiteLLM's ``priority_reservation``), as limits.

A model's capacity is the ``rpm`` and ``tpm`` of its deployments together, and never exceeded. As long as less than the threshold
of it is in use, everybody may use what there is. From then on each priority is held to its share; what it uses counts against
that from the first request on. Whoever has no priority, or one that is not configured, shares the default share.

A share is a limit that counts always and binds only when the model is saturated (``Limit.over``), so it is shared out over
workers and nodes like any other. The model's own limits come first: whoever is asked for the share then sees what all have taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import msgspec

from phantom_gateway.limits.configured import rates
from phantom_gateway.spine.messages import Limit, Over
from phantom_gateway.spine.snapshot import Priorities, PriorityShare, Snapshot

DEFAULT = "default"
"""How those are called who have no priority."""
_EPSILON = 1e-9
"""0.29 of 100 is 29."""


class Reservations:
    """The shares of one snapshot."""

    def __init__(self, priorities: Priorities, snapshot: Snapshot) -> None:
        self._priorities = priorities
        self._capacity: dict[str, tuple[int | None, int | None]] = {}
        for deployment in snapshot.deployments:
            rpm, tpm = self._capacity.get(deployment.group, (None, None))
            self._capacity[deployment.group] = _sum(rpm, deployment.rpm), _sum(tpm, deployment.tpm)
        self.limits = lru_cache(maxsize=1_000)(self._limits)
        """``limits(group, priority)``: what counts for requests to a model group, the model's own limits first."""

    def named(self, priority: str | None) -> str:
        """A priority as it counts."""
        return priority if priority in self._priorities.shares else DEFAULT

    def lowers(self, own: str | None, wanted: str, group: str) -> bool:
        """Whether ``wanted`` is a priority whose share of a group is no larger than that of ``own``."""
        shares = self._shares(group)
        default = self._priorities.default
        return wanted in shares and shares[wanted] <= shares.get(own or "", default)

    def _limits(self, group: str, priority: str | None) -> tuple[Limit, ...]:
        rpm, tpm = self._capacity.get(group, (None, None))
        whole = rates(f"model:{group}", rpm, tpm)
        if not whole:
            return ()
        name = self.named(priority)
        share = self._shares(group).get(name, self._priorities.default)
        over = tuple(
            [
                Over(scope=limit.scope, amount=math.ceil(limit.amount * self._priorities.threshold - _EPSILON))
                for limit in whole
            ]
        )
        requests, tokens = _part(rpm, share), _part(tpm, share)
        if tokens == 0:
            requests = 0  # a request may always exceed a limit of tokens that nobody has used of
        mine = rates(f"priority:{name}/model:{group}", requests, tokens)
        return (*whole, *[msgspec.structs.replace(limit, over=over) for limit in mine])

    def _shares(self, group: str) -> Mapping[str, float]:
        """As parts of one; if they are more than one together, in proportion."""
        rpm, tpm = self._capacity.get(group, (None, None))
        shares = {name: _fraction(share, rpm, tpm) for name, share in self._priorities.shares.items()}
        total = sum(shares.values())
        return shares if total <= 1 else {name: share / total for name, share in shares.items()}


def reservations(snapshot: Snapshot) -> Reservations | None:
    """The shares of a snapshot, if it has any."""
    priorities = snapshot.settings.priorities
    return None if priorities is None else Reservations(priorities, snapshot)


def priority_of(entity: str) -> tuple[str, str] | None:
    """The priority and the model of a share's entity; None for any other."""
    if not entity.startswith("priority:"):
        return None
    name, _, group = entity.removeprefix("priority:").partition("/model:")
    return name, group


def _sum(one: int | None, other: int | None) -> int | None:
    return one if other is None else other + (one or 0)


def _part(capacity: int | None, share: float) -> int | None:
    return None if capacity is None else int(capacity * share + _EPSILON)


def _fraction(share: PriorityShare, rpm: int | None, tpm: int | None) -> float:
    if share.kind == "percent":
        return share.value
    capacity = rpm if share.kind == "rpm" else tpm
    return min(share.value / capacity, 1.0) if capacity else 1.0
