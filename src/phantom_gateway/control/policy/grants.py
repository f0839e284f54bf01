"""Whether one allowance is within another: a key can never be granted more than its creator holds.

Two ways of asking. Of what the new key is *not* bound by later (the calling key's own limits), each limit must be there
again and no larger (``must``); of what bounds it anyway, because it belongs there (its team, its user), a limit may be left
out and must not be larger where it is written.

Answers are names of the API's fields. Everything here is arithmetic on rows; who may do what at all is ``policy.reach``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from phantom_gateway.limits.windows import Span, parse
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tenants import Allowance, JsonObject

Groups = Mapping[str, Sequence[str]]
"""Access groups by id and by name: their models."""

EVERYTHING = frozenset({"*", "all-proxy-models", "all-team-models", "all-org-models"})
"""Entries of a list of models that leave the choice to the lists above it."""
ALL_ROUTES = frozenset({"*", "/*"})
RATES = ("rpm_limit", "tpm_limit", "tpd_limit", "max_parallel_requests")
_BY_MODEL = (("rpm_limit", "model_rpm_limit"), ("tpm_limit", "model_tpm_limit"))
_NEVER = Span(0, "")
_TYPES = {
    "default": frozenset({"default", "llm_api", "management", "read_only"}),
    "llm_api": frozenset({"llm_api"}),
    "management": frozenset({"management", "read_only"}),
    "read_only": frozenset({"read_only"}),
}
"""What each type of key contains."""

_BUDGET = ("max_budget", "budget_duration", "budget_limits", "budget_id", "temp_budget_increase", "temp_budget_expiry")
_MODEL_LIMITS = ("model_max_budget", "model_rpm_limit", "model_tpm_limit")
SOURCES: Mapping[str, Collection[str]] = {
    "models": ("models", "access_group_ids"),
    "max_budget": _BUDGET,
    **{rate: (rate, "budget_id") for rate in RATES},
    **dict.fromkeys(_MODEL_LIMITS, (*_MODEL_LIMITS, "budget_id")),
}
"""Which fields of a request can bring an allowance beyond another, by the field that is complained about."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is measured by."""

    now: float
    groups: Groups


def beyond(row: Allowance, held: Allowance, measure: Measure, *, must: bool) -> Iterator[str]:
    """The fields in which ``row`` goes beyond ``held``. Both are completed with the budgets they refer to."""
    wanted = models_of(row)
    if (must or not _open(wanted)) and not models_within(wanted, models_of(held), measure.groups):
        yield "models"
    for name in RATES:
        if _more(getattr(row, name), getattr(held, name), must=must):
            yield name
    if _costs_more(_budgets(row, measure.now), _budgets(held, 0.0, increased=False), must=must):
        yield "max_budget"
    yield from dict.fromkeys(_by_model(row, held, must=must))


def beyond_key(row: KeyRow, held: KeyRow) -> Iterator[str]:
    """The same for what only keys have: expiry, type, routes, tags."""
    if _more(row.expires, held.expires, must=True):
        yield "duration"
    if row.key_type not in _TYPES[held.key_type]:
        yield "key_type"
    if not routes_within(row.allowed_routes, held.allowed_routes):
        yield "allowed_routes"
    if not set(held.tags) <= set(row.tags):
        yield "tags"
    if not set(_extra(held, "enforced_params", [])) <= set(_extra(row, "enforced_params", [])):
        yield "enforced_params"
    mine, theirs = _extra(row, "tag_rpm_limit", {}), _extra(held, "tag_rpm_limit", {})
    if any(_more(mine.get(tag), amount, must=True) for tag, amount in theirs.items()):
        yield "tag_rpm_limit"
    if not routes_within(*(_extra(each, "allowed_passthrough_routes", []) for each in (row, held))):
        yield "allowed_passthrough_routes"
    if not set(_extra(held, "denied_passthrough_routes", [])) <= set(_extra(row, "denied_passthrough_routes", [])):
        yield "denied_passthrough_routes"
    if _extra(row, "throttle_on_budget_exceeded", False) and not _extra(held, "throttle_on_budget_exceeded", False):
        yield "throttle_on_budget_exceeded"
    said = set(_extra(row, "allowed_cache_controls", []))
    if (may := set(_extra(held, "allowed_cache_controls", []))) and not (said and said <= may):
        yield "allowed_cache_controls"
    of_customers = _extra(held, "end_user_budget_id", None)
    if of_customers is not None and _extra(row, "end_user_budget_id", None) != of_customers:
        yield "end_user_budget_id"


def filled(row: KeyRow, held: Allowance) -> KeyRow:
    """``row`` with what it leaves open taken from ``held``. What it says itself stays, whether it is within or not."""
    found: JsonObject = {name: getattr(held, name) for name in RATES if getattr(row, name) is None}
    if not models_of(row) and not _open(models_of(held)):
        found |= {"models": held.models, "access_groups": getattr(held, "access_groups", [])}
    if row.max_budget_nano is None and held.max_budget_nano is not None:
        found |= {"max_budget_nano": held.max_budget_nano, "budget_duration": held.budget_duration}
    elif held.max_budget_nano is not None and held.budget_duration:
        found["budget_limits"] = _with_window(row, held.budget_duration, held.max_budget_nano)
    extended = replace(row, **found)
    for entry in held.budget_limits:
        limits = _with_window(extended, entry["budget_duration"], entry["max_budget_nano"])
        extended = replace(extended, budget_limits=limits)
    by_model = {model: {**entry, **row.model_limits.get(model, {})} for model, entry in held.model_limits.items()}
    return replace(extended, model_limits={**row.model_limits, **by_model})


def filled_key(row: KeyRow, held: KeyRow, given: Collection[str]) -> KeyRow:
    """The same for what only keys have; ``given`` are the request's fields that say something."""
    tags = list(dict.fromkeys([*held.tags, *row.tags]))
    found: JsonObject = {"tags": tags, "expires": held.expires if row.expires is None else row.expires}
    if not row.allowed_routes:
        found["allowed_routes"] = held.allowed_routes
    found["extra"] = row.extra | _terms(row, held)
    if "priority" in held.metadata:
        found["metadata"] = row.metadata | {"priority": held.metadata["priority"]}
    if "key_type" not in given:
        found["key_type"] = held.key_type
    return replace(row, **found)


def _terms(row: KeyRow, held: KeyRow) -> JsonObject:
    """What is laid down for the requests of ``held`` counts for those of ``row``, too."""
    params = dict.fromkeys([*_extra(held, "enforced_params", []), *_extra(row, "enforced_params", [])])
    passed, denied, cache = "allowed_passthrough_routes", "denied_passthrough_routes", "allowed_cache_controls"
    found = {
        cache: _extra(row, cache, _extra(held, cache, [])),
        "enforced_params": list(params),
        "tag_rpm_limit": _extra(held, "tag_rpm_limit", {}) | _extra(row, "tag_rpm_limit", {}),
        passed: _extra(row, passed, _extra(held, passed, [])),
        denied: list(dict.fromkeys([*_extra(held, denied, []), *_extra(row, denied, [])])),
        "end_user_budget_id": _extra(row, "end_user_budget_id", _extra(held, "end_user_budget_id", None)),
    }
    return {name: value for name, value in found.items() if value}


def _extra(row: KeyRow, name: str, empty: Any) -> Any:
    return row.extra.get(name) or empty


def models_of(own: Allowance) -> list[str]:
    """An allowance's models and access groups, as one list."""
    return [*own.models, *getattr(own, "access_groups", [])]


def models_within(wanted: Sequence[str], held: Sequence[str], groups: Groups) -> bool:
    """Whether every model of ``wanted`` is one of ``held``, wildcards and access groups included."""
    if _open(held):
        return True
    if _open(wanted):
        return False
    known = set(held).union(*(groups.get(name, ()) for name in held))
    prefixes = tuple(name[:-1] for name in known if name.endswith("*"))

    def one(name: str) -> bool:
        return name in known or name.startswith(prefixes)

    # A name within a wildcard can be that of a group whose models are elsewhere.
    return all(name in held or (one(name) and all(map(one, groups.get(name, ())))) for name in wanted)


def routes_within(wanted: Sequence[str], held: Sequence[str]) -> bool:
    """Whether every route of ``wanted`` is one of ``held``; an empty list is all routes."""
    if not held or not ALL_ROUTES.isdisjoint(held):
        return True
    prefixes = tuple(each[:-1] for each in held if each.endswith("*"))
    return bool(wanted) and all(each in held or each.startswith(prefixes) for each in wanted)


def _open(models: Sequence[str]) -> bool:
    return not models or not EVERYTHING.isdisjoint(models)


def _more(mine: float | None, held: float | None, *, must: bool) -> bool:
    if held is None:
        return False
    return must if mine is None else mine > held


def _budgets(own: Allowance, now: float, *, increased: bool = True) -> list[tuple[Span, int]]:
    found = [(parse(entry["budget_duration"]), entry["max_budget_nano"]) for entry in own.budget_limits]
    if own.max_budget_nano is not None:
        lasting = own.temp_increase_nano is not None and own.temp_expiry is not None and own.temp_expiry > now
        increase = (own.temp_increase_nano or 0) if increased and lasting else 0
        found.append((parse(own.budget_duration or ""), own.max_budget_nano + increase))
    return found


def _costs_more(mine: list[tuple[Span, int]], held: list[tuple[Span, int]], *, must: bool) -> bool:
    for window, amount in held:
        # A budget that never starts again bounds every window.
        bounds = [each for span, each in mine if span == window or (must and span == _NEVER)]
        if (must and not bounds) or (bounds and min(bounds) > amount):
            return True
    return False


def _by_model(row: Allowance, held: Allowance, *, must: bool) -> Iterator[str]:
    for model, entry in held.model_limits.items():
        mine = row.model_limits.get(model, {})
        for name, field in _BY_MODEL:
            if _more(mine.get(name), entry.get(name), must=must):
                yield field
        if _costs_more(_model_budget(mine), _model_budget(entry), must=must):
            yield "model_max_budget"


def _model_budget(entry: Mapping[str, Any]) -> list[tuple[Span, int]]:
    amount = entry.get("max_budget_nano")
    return [] if amount is None else [(parse(entry.get("budget_duration") or ""), amount)]


def _with_window(row: KeyRow, duration: str, amount: int) -> list[JsonObject]:
    known = {window for window, _ in _budgets(row, 0.0)}
    if parse(duration) in known or _NEVER in known:
        return row.budget_limits
    return [*row.budget_limits, {"budget_duration": duration, "max_budget_nano": amount}]
