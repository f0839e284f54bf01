"""Taking less: what something new leaves open, or gets by default, is cut to what its maker holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, TypeVar

from phantom_gateway.control.policy.grants import EVERYTHING, RATES, SOURCES, Measure, beyond, models_of, models_within
from phantom_gateway.limits.windows import Span, parse
from phantom_gateway.store.tenants import Allowance, JsonObject

A = TypeVar("A", bound=Allowance)
Budgets = dict[Span, tuple[str, int]]
"""Duration, as it is written, and nano-dollars by window."""


def is_said(name: str, said: Collection[str]) -> bool:
    """Whether the request's fields ``said`` have to do with ``name``, that ``grants.beyond`` complains about."""
    return any(source in said for source in SOURCES.get(name, (name,)))


def narrowed(row: A, complete: Allowance, held: Allowance, measure: Measure, said: Collection[str]) -> A:
    """``row`` within ``held``, but for what the request says itself; where nothing would be left, it stays beyond.

    ``complete`` is the row with the limits of the budget it refers to.
    """
    found: JsonObject = {}
    for name in dict.fromkeys(beyond(complete, held, measure, must=True)):
        if not is_said(name, said):
            found |= _less(name, complete, held, measure)
    return replace(row, **found)


def _less(name: str, row: Allowance, held: Allowance, measure: Measure) -> dict[str, Any]:
    if name == "models":
        return _models(row, held, measure)
    if name == "max_budget":
        return _budgets(row, held)
    if name in RATES:
        return {name: getattr(held, name)}
    by_model = {model: _entry(row.model_limits.get(model, {}), entry) for model, entry in held.model_limits.items()}
    return {"model_limits": {**row.model_limits, **by_model}}


def _models(row: Allowance, held: Allowance, measure: Measure) -> dict[str, Any]:
    mine, theirs = models_of(row), models_of(held)
    both = [name for name in mine if models_within([name], theirs, measure.groups)]
    if not mine or not EVERYTHING.isdisjoint(mine):
        both = theirs
    else:
        both += [name for name in theirs if models_within([name], mine, measure.groups)]
    if not both:
        return {}
    return {"models": list(dict.fromkeys(both))} | ({"access_groups": []} if hasattr(row, "access_groups") else {})


def _budgets(row: Allowance, held: Allowance) -> dict[str, Any]:
    mine, theirs = _windows(row), _windows(held)
    found = mine | {span: each for span, each in theirs.items() if span not in mine or each[1] < mine[span][1]}
    with_main = row if row.max_budget_nano is not None else held
    columns: dict[str, Any] = {"max_budget_nano": None, "budget_duration": None}
    if with_main.max_budget_nano is not None:
        duration, amount = found.pop(parse(with_main.budget_duration or ""))
        columns = {"max_budget_nano": amount, "budget_duration": duration or None}
    limits = [{"budget_duration": duration, "max_budget_nano": amount} for duration, amount in found.values()]
    return columns | {"budget_limits": limits}


def _windows(own: Allowance) -> Budgets:
    written = [(each["budget_duration"], each["max_budget_nano"]) for each in own.budget_limits]
    if own.max_budget_nano is not None:
        written.append((own.budget_duration or "", own.max_budget_nano))
    found: Budgets = {}
    for duration, amount in written:  # 1d and 24h are one window
        known = found.get(parse(duration))
        if known is None or amount < known[1]:
            found[parse(duration)] = (duration, amount)
    return found


def _entry(mine: JsonObject, held: JsonObject) -> JsonObject:
    found = {**held, **mine}
    for name in ("rpm_limit", "tpm_limit"):
        if name in mine and name in held:
            found[name] = min(mine[name], held[name])
    if "max_budget_nano" in held:
        same = mine.get("budget_duration") == held.get("budget_duration")
        if not same or mine.get("max_budget_nano", 0) > held["max_budget_nano"]:
            found |= {name: held.get(name) for name in ("max_budget_nano", "budget_duration")}
    return found
