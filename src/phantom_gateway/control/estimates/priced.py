"""A model by the name a caller knows: its deployment, else its entry in the price table."""

from __future__ import annotations

from dataclasses import dataclass

from phantom_gateway.control.errors import not_found
from phantom_gateway.control.services import ControlServices
from phantom_gateway.ledger.prices import ModelPrice
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.spine.model_access import ModelNames
from phantom_gateway.spine.snapshot import Deployment, Prices


@dataclass(frozen=True, slots=True)
class Priced:
    """What is known of a model."""

    model: str
    """Its name at the provider."""
    provider: str
    prices: Prices
    deployment: Deployment | None = None
    entry: ModelPrice | None = None


def find(services: ControlServices, key: KeyRecord, model: str, provider: str | None = None) -> Priced:
    """The model called ``model``. Raises ApiError 404 for one that is not known, or that the key may not use."""
    deployment = deployment_of(services, key, model) if provider is None else None
    if deployment is None:
        return _listed(services, model, provider)
    name = deployment.model
    if name.endswith("*"):
        tail = model[len(deployment.group) - 1 :] if deployment.group.endswith("*") else model
        name = name[:-1] + tail
    entry = services.loader.prices.lookup(deployment.provider, name)
    prices = deployment.prices
    if prices == Prices() and deployment.model.endswith("*") and entry is not None:
        prices = entry.prices
    return Priced(name, deployment.provider, prices, deployment, entry)


def deployment_of(services: ControlServices, key: KeyRecord, model: str) -> Deployment | None:
    """The first deployment that serves a public model name to this key: exact, by alias, or by the longest wildcard."""
    snapshot = services.configuration.snapshot
    names = ModelNames(snapshot)
    if not names.is_usable(key, model):
        return None
    found = names.find(key.model_aliases.get(model, model), key.team_id)
    if found is None:
        return None
    return next(
        (each for each in snapshot.deployments if (each.group, each.team_id) == (found.group, found.team)), None
    )


def _listed(services: ControlServices, model: str, provider: str | None) -> Priced:
    table = services.loader.prices
    prefix, slash, rest = model.partition("/")
    entry = table.lookup(provider, model) if provider else table.get(model)
    if entry is None and slash and not provider:
        entry = table.lookup(prefix, rest)
    if entry is None:
        raise not_found("No model has this name, neither here nor in the price table.", "model")
    return Priced(model, entry.provider, entry.prices, entry=entry)
