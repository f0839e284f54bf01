"""How one of several deployments is chosen, by LiteLLM's names.

Candidates can do the job, are allowed and are not resting; ``order`` has narrowed them to one tier. Nothing here waits or writes.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from phantom_gateway.gateway.table import Target

MAX_COST = 1 << 62


class Wanted(NamedTuple):
    """What of a request matters for the choice."""

    now: float
    """Monotonic seconds."""
    model: str = ""
    """The name within the group, which a wildcard's price depends on."""
    tokens_in: int = 0
    tokens_out: int = 0
    """Expected."""


Strategy = Callable[[Sequence["Target"], random.Random, Wanted], "Target"]


def simple_shuffle(candidates: Sequence[Target], draw: random.Random, _wanted: Wanted) -> Target:
    """One of several by weight; where all weights are 0, any."""
    if len(candidates) == 1:
        return candidates[0]
    weights = [target.weight for target in candidates]
    if sum(weights) <= 0:
        return draw.choice(candidates)
    return draw.choices(candidates, weights)[0]


def least_busy(candidates: Sequence[Target], draw: random.Random, wanted: Wanted) -> Target:
    """The one with the fewest requests under way in this worker; by weight among equals."""
    fewest = min(target.health.in_flight for target in candidates)
    return simple_shuffle([target for target in candidates if target.health.in_flight == fewest], draw, wanted)


def lowest_latency(candidates: Sequence[Target], draw: random.Random, wanted: Wanted) -> Target:
    """Of two at random the one with the lower expected wait: peak EWMA with the power of two choices.

    Looking at two and not at all keeps workers that know the same from running to the same deployment together.
    """
    if len(candidates) > 2:
        candidates = draw.sample(candidates, 2)
    loads = [target.health.load(wanted.now) for target in candidates]
    lowest = min(loads)
    return simple_shuffle(
        [target for target, load in zip(candidates, loads, strict=True) if load == lowest], draw, wanted
    )


def most_headroom(candidates: Sequence[Target], draw: random.Random, wanted: Wanted) -> Target:
    """The one of whose ``rpm`` and ``tpm`` the smallest share is used, this request included; then the one with fewer tokens."""
    used = [_used(target, wanted) for target in candidates]
    least = min(used)
    return simple_shuffle([target for target, use in zip(candidates, used, strict=True) if use == least], draw, wanted)


def _used(target: Target, wanted: Wanted) -> tuple[float, float]:
    requests, tokens = target.health.use.figures(wanted.now)
    rpm, tpm = target.deployment.rpm, target.deployment.tpm
    expected = wanted.tokens_in + wanted.tokens_out
    share = max((requests + 1) / rpm if rpm else 0.0, (tokens + expected) / tpm if tpm else 0.0)
    return share, tokens


def lowest_cost(candidates: Sequence[Target], draw: random.Random, wanted: Wanted) -> Target:
    """The one where this request is expected to cost least; where no price is known it counts as dear."""
    costs = [_cost(target, wanted) for target in candidates]
    lowest = min(costs)
    return simple_shuffle(
        [target for target, cost in zip(candidates, costs, strict=True) if cost == lowest], draw, wanted
    )


def _cost(target: Target, wanted: Wanted) -> int:
    model = target.upstream_model(wanted.model)
    if not target.is_priced(model):
        return MAX_COST
    prices = target.priced(model).prices
    return wanted.tokens_in * prices.input + wanted.tokens_out * prices.output + prices.request * 1_000_000


STRATEGIES: Mapping[str, Strategy] = {
    "simple-shuffle": simple_shuffle,
    "least-busy": least_busy,
    "latency-based-routing": lowest_latency,
    "usage-based-routing-v2": most_headroom,
    "cost-based-routing": lowest_cost,
}


def stick(candidates: Sequence[Target], identity: bytes) -> Target:
    """The same one for the same ``identity``, in every worker and on every node, shares by weight.

    Weighted rendezvous hashing: nothing is remembered, and when a deployment rests only what went there goes elsewhere.
    """
    best, highest = candidates[0], -math.inf
    for target in candidates:
        digest = hashlib.blake2b(identity, digest_size=8, key=target.id.encode()[:64]).digest()
        fraction = (int.from_bytes(digest) + 1) / (2**64 + 1)
        score = -target.weight / math.log(fraction) if target.weight > 0 else -1.0 + fraction / 2
        if score > highest:
            best, highest = target, score
    return best
