"""What a key may do with a model, worked out once per key record and configuration: the group that serves it and all limits.

Subjects that the request names beside the key (its customer, its tags) add their limits per request; what comes of it is
remembered, too, so that the same combination finds the same tuple of limits, which is how the lease book knows it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import unquote

from phantom_gateway.dialects import operations
from phantom_gateway.gateway.errors import ApiError, invalid_request
from phantom_gateway.gateway.passages import PLACE
from phantom_gateway.gateway.table import MAX_MODELS
from phantom_gateway.gateway.wishes import named_by

if TYPE_CHECKING:
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.passages import Passage
    from phantom_gateway.gateway.table import Group, Table
    from phantom_gateway.gateway.worker import Worker
    from phantom_gateway.spine.messages import KeyRecord, Limit, SubjectRecord

PASSED = "pass_through"
"""The operation of requests that are passed on as they are."""
_CONTROL = re.compile("[\\x00-\\x1f\\x7f]")
MAX_JOINED = 1_000
"""Combinations of subjects that are remembered of one permit."""

_WHOSE = {
    "key": "this API key",
    "member": "the member this API key belongs to",
    "team": "the team of this API key",
    "user": "the user of this API key",
    "project": "the project of this API key",
    "org": "the organization of this API key",
    "customer": "the customer of this request",
}
_KIND = {"member": "team"}
"""LiteLLM has no type of error of its own for what a team grants a member."""


class Permit:
    """A key may ask for a model."""

    __slots__ = ("_joined", "group", "limits", "model", "routed")

    def __init__(self, model: str, found: tuple[Group, str], limits: tuple[Limit, ...]) -> None:
        self.model = model
        """The name asked for, behind the key's own aliases."""
        self.group, self.routed = found
        self.limits = limits
        """Of the key and everything above it, of the model, and of the whole gateway."""
        self._joined: dict[tuple[int, ...], tuple[tuple[SubjectRecord, ...], tuple[Limit, ...]]] = {}

    def names(self, asked: str) -> dict[str, None]:
        """The names under which limits of the model may stand."""
        return dict.fromkeys((asked, self.model, self.routed, self.group.name))

    def joined(self, subjects: tuple[SubjectRecord, ...], asked: str) -> tuple[Limit, ...]:
        """The limits, those of ``subjects`` included: the same tuple for the same records."""
        identity = tuple(map(id, subjects))
        entry = self._joined.get(identity)
        if entry is None:
            if len(self._joined) >= MAX_JOINED:
                self._joined.clear()
            names = self.names(asked)
            added = [
                limit
                for subject in subjects
                for group in (subject.limits, *[subject.model_limits.get(name, ()) for name in names])
                for limit in group
            ]
            entry = self._joined[identity] = subjects, _once(self.limits, added)
        return entry[1]


def of_key(key: KeyRecord, asked: str, table: Table, priority: str | None = None) -> Permit:
    """The permit of ``key`` for the model ``asked`` for, with another ``priority`` than its own. Raises ApiError 403 or 400."""
    permits = table.permits(key)
    identity = asked if priority is None else (asked, priority)
    known = permits.get(identity)
    if known is not None:
        return known
    _check_type(key)
    if asked.startswith(PLACE) and (passed := table.passages.of_name(asked)) is not None:
        return _of_passage(key, asked, *passed, table)
    if _CONTROL.search(asked):
        raise invalid_request("The field 'model' must not contain control characters.", "model")
    model = key.model_aliases.get(asked, asked)
    whose = table.names.refused_by(key, model)
    if whose is not None:
        raise denied(whose, asked)
    found = table.find(model, key.team_id)
    if found is None:
        message = (
            f"Invalid model name passed in model={asked}. Call `/v1/models` to view available models for your key."
        )
        if table.names.find(model, key.team_id) is not None:
            message = f"model={asked} stands for every model whose name begins so: name one of them."
        raise invalid_request(message, "model")
    if len(permits) >= MAX_MODELS:
        permits.clear()
    general = _general(key, table, permits.values())
    permit = Permit(model, found, general)
    own = [limit for name in permit.names(asked) for limit in key.model_limits.get(name, ())]
    if table.reservations is not None:
        group = found[0].name
        if priority is not None and not table.reservations.lowers(key.priority, priority, group):
            message = f"x-litellm-priority: '{priority}' is not a priority with at most this key's share of the model."
            raise invalid_request(message, "x-litellm-priority")
        own += table.reservations.limits(group, key.priority if priority is None else priority)
    permits[identity] = permit
    if own:
        permit.limits = _once(general, own)
    return permit


def _general(key: KeyRecord, table: Table, known: Iterable[Permit]) -> tuple[Limit, ...]:
    """What counts for every model; the same tuple for each, so that they share one plan."""
    added = [*table.common_limits, *(table.master_limits if key.kind == "master" else table.limits_of_key(key))]
    if not added:
        return key.limits
    whole = _once(key.limits, added)
    return next((permit.limits for permit in known if permit.limits == whole), whole)


def _once(limits: tuple[Limit, ...], added: Iterable[Limit]) -> tuple[Limit, ...]:
    """``limits`` and ``added``, each scope once."""
    scopes = {limit.scope: limit for limit in limits}
    for limit in added:
        scopes.setdefault(limit.scope, limit)
    return tuple(scopes.values())


def denied(whose: str, asked: str) -> ApiError:
    """403: a list does not admit the model."""
    message = f"The requested model '{asked}' is not available for {_WHOSE[whose]}, or the model name is invalid."
    kind = f"{_KIND.get(whose, whose)}_model_access_denied"
    return ApiError(403, kind, message, param="model", details={"model": asked, "refused_by": whose})


_LLM_ROUTES = frozenset({"llm_api_routes", "/*", "*"})
"""LiteLLM's names for groups of routes that contain all routes of the data plane."""
_FOR_PASSAGES = frozenset({"mapped_pass_through_routes"}) | _LLM_ROUTES
_GROUPS = {
    "openai_routes": (operations.OPENAI, operations.OPENAI_RESPONSES),
    "anthropic_routes": (operations.ANTHROPIC,),
    "google_routes": (operations.GOOGLE,),
}
"""Its names for the routes of one format, and how that says errors."""


def check_route(key: KeyRecord, path: bytes) -> None:
    """Whether ``allowed_routes`` admit a raw path: exactly, by a trailing star, or by a group's name. Raises ApiError 403."""
    allowed = key.allowed_routes
    if not allowed or not _LLM_ROUTES.isdisjoint(allowed):
        return
    route = path.decode("latin-1")
    found = operations.find(path)
    google = operations.GOOGLE if operations.is_google(path) else operations.OPENAI
    spoken = google if found is None else found[0].errors
    if any(spoken in _GROUPS.get(each, ()) for each in allowed):
        return
    if any(route == each or (each.endswith("*") and route.startswith(each[:-1])) for each in allowed):
        return
    raise _not_allowed(allowed, route)


def check_passed(key: KeyRecord, path: bytes) -> None:
    """Whether key type, ``allowed_routes`` and the lists for such paths admit one that is passed on. Raises ApiError 403."""
    _check_type(key)
    allowed = key.allowed_routes
    route = path.decode("latin-1")
    written = unquote(route)  # as the service will read it: an escaped letter is the letter
    for admitted in key.passed_routes:
        if not _is_below(written, admitted):
            raise _not_allowed(admitted, route)
    if _is_below(written, key.denied_routes):
        raise ApiError(403, "auth_error", f"This key is not allowed to call {route}: its path is denied.")
    if not allowed or not _FOR_PASSAGES.isdisjoint(allowed):
        return
    if not any(route == each or (each.endswith("*") and route.startswith(each[:-1])) for each in allowed):
        raise _not_allowed(allowed, route)


def _is_below(route: str, places: tuple[str, ...]) -> bool:
    """Whether a path is one of ``places``, below one, or begins as one that ends with a star."""
    return any(
        route.startswith(place[:-1])
        if place.endswith("*")
        else route == place or route.startswith(place.rstrip("/") + "/")
        for place in places
    )


def _check_type(key: KeyRecord) -> None:
    if key.key_type not in ("default", "llm_api"):
        raise ApiError(
            403, "auth_error", "Virtual key is not allowed to call this route: its type is not for LLM calls."
        )


def _not_allowed(allowed: tuple[str, ...], route: str) -> ApiError:
    message = (
        f"Virtual key is not allowed to call this route. Only allowed to call routes: {list(allowed)}. "
        f"Tried to call route: {route}"
    )
    return ApiError(403, "auth_error", message, details={"allowed_routes": list(allowed)})


def _of_passage(key: KeyRecord, asked: str, passage: Passage, model: str, table: Table) -> Permit:
    """The permit for what is passed on: a list of models must admit the model as it is named, or behind its provider."""
    provider = passage.target.deployment.provider
    if model:
        whose = table.names.refused_by(key, model)
        if whose is not None and table.names.refused_by(key, f"{provider}/{model}") is not None:
            raise denied(whose, model)
    permits = table.permits(key)
    general = _general(key, table, permits.values())
    own = [limit for name in (model, f"{provider}/{model}") for limit in key.model_limits.get(name, ())]
    made = permits[asked] = Permit(model, (passage.group, model), _once(general, own) if own else general)
    return made


async def permit(exchange: Exchange, table: Table, worker: Worker, instead: str | None = None) -> None:
    """Set the exchange's group, its name within it, and its limits; for the model ``instead`` of the one asked for, if given.

    Raises ApiError 403 or 400, and 503 when a subject cannot be looked up.
    """
    exchange.instead = instead
    asked = exchange.call.model if instead is None else instead
    wishes = exchange.wishes
    while True:
        key = exchange.principal
        if wishes.priority is None or table.reservations is None:
            granted = table.permits(key).get(asked) or of_key(key, asked, table)
        else:
            granted = of_key(key, asked, table, wishes.priority)
        exchange.limits = granted.limits
        subjects: tuple[SubjectRecord, ...] = ()
        if (worker.subjects.any or key.customers_budget_id or key.tag_limits) and (
            wishes.end_user or wishes.tags or key.tags
        ):
            generation = worker.generation
            tags = (*key.tags, *wishes.tags)
            subjects = await worker.subjects.of(wishes.end_user, tags, key.customers_budget_id)
            if generation != worker.generation:
                await _authenticate_again(exchange, table, worker)
                continue
            limited = key.tag_limits
            if limited:
                subjects += tuple([limited[tag] for tag in dict.fromkeys(tags) if tag in limited])
            if subjects:
                granted, name = _admitted(granted, asked, subjects, exchange, table)
                exchange.limits = granted.joined(subjects, name)
        if wishes.fallbacks:
            _check_fallbacks(exchange, table, subjects)
        exchange.group, exchange.routed = granted.group, granted.routed
        return


async def permit_again(exchange: Exchange, table: Table, worker: Worker) -> None:
    """The same with what the key and its subjects are now. Raises ApiError 401 as well."""
    await _authenticate_again(exchange, table, worker)
    await permit(exchange, table, worker, exchange.instead)


async def identify(exchange: Exchange, table: Table, worker: Worker) -> None:
    """Have a key without a user call on behalf of the user whom a header names (``user_header_mappings``).

    A key that has a user stays his: what others spend must not be said to be his, nor the other way round.
    """
    key = exchange.principal
    if key.user_id is None and key.kind == "virtual":
        user = named_by(exchange.request.index(), table.user_headers)
        if user is not None:
            exchange.principal = await worker.authenticator.on_behalf(key, user)


async def _authenticate_again(exchange: Exchange, table: Table, worker: Worker) -> None:
    exchange.principal = await worker.authenticator.authenticate(exchange.request)
    if table.user_headers:
        await identify(exchange, table, worker)
    check = check_passed if exchange.operation.name == PASSED else check_route
    check(exchange.principal, exchange.request.path)


def _check_fallbacks(exchange: Exchange, table: Table, subjects: tuple[SubjectRecord, ...]) -> None:
    """Models that the request itself names to fall back to: whoever may not ask for one may not fall back to it."""
    key = exchange.principal
    for name in exchange.wishes.further():
        if not table.names.is_usable(key, name):
            raise denied(table.names.refused_by(key, key.model_aliases.get(name, name)) or "key", name)
        for subject in subjects:
            if subject.entity.startswith("customer:") and not table.names.admits(subject.models, name, key.team_id):
                raise denied("customer", name)


def _admitted(
    granted: Permit, asked: str, subjects: tuple[SubjectRecord, ...], exchange: Exchange, table: Table
) -> tuple[Permit, str]:
    """Whether the customer's list admits the model; else the customer's default model takes its place."""
    for subject in subjects:
        # A tag's models say where its requests may be routed, not who may ask.
        if not subject.entity.startswith("customer:") or table.names.admits(
            subject.models, granted.model, exchange.principal.team_id
        ):
            continue
        if subject.default_model is None:
            raise denied("customer", asked)
        return of_key(exchange.principal, subject.default_model, table), subject.default_model
    return granted, asked
