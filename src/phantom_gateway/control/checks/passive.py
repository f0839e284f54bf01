"""What traffic says of the deployments: the reports of this node's workers, summed up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from phantom_gateway.spine.messages import DeploymentHealth
from phantom_gateway.spine.snapshot import Deployment

JsonObject = dict[str, Any]
_STATES = ("closed", "resting", "half_open", "open")
"""The worst last."""


def of_traffic(
    deployments: Sequence[Deployment], healths: Mapping[str, Mapping[str, DeploymentHealth]]
) -> dict[str, JsonObject]:
    """Every deployment by its id; counts are sums over the workers, the state is that of the worker that thinks worst of it."""
    return {
        each.id: _view(each, [found[each.id] for found in healths.values() if each.id in found]) for each in deployments
    }


def _view(deployment: Deployment, found: Sequence[DeploymentHealth]) -> JsonObject:
    state = max((each.state for each in found), key=_STATES.index, default="closed")
    requests = sum(each.requests for each in found)
    measured = [each for each in found if each.latency_ms]
    weight = sum(each.requests for each in measured)
    latency = sum(each.latency_ms * each.requests for each in measured) / weight if weight else None
    return {
        "model_name": deployment.group,
        "provider": deployment.provider,
        "state": state,
        "rests_s": max((each.rests_s for each in found), default=0.0),
        "in_flight": sum(each.in_flight for each in found),
        "requests": requests,
        "failures": sum(each.failures for each in found),
        "failures_in_a_row": max((each.fails for each in found), default=0),
        "last_failure": next((each.last_fault for each in found if each.last_fault), None),
        "latency_ms": None if latency is None else round(latency, 1),
        "workers": len(found),
    }
