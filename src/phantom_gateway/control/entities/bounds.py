"""Comparing what two entities may use: whether a change gives more than before, and whether a part exceeds its whole.

Both hold only by the numbers in the rows: at the time of a request every entity of a key's chain counts anyway, so a limit
that lies above the limit of what contains it is not dangerous but misleading.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.store.tenants import Allowance, JsonObject

INHERITING = frozenset({"all-team-models", "all-org-models"})
"""What a list of models says to leave the choice to the lists above it."""
EVERYTHING = frozenset({"*", "all-proxy-models"})
_NUMBERS = {
    "max_budget_nano": "max_budget",
    "rpm_limit": "rpm_limit",
    "tpm_limit": "tpm_limit",
    "tpd_limit": "tpd_limit",
    "max_parallel_requests": "max_parallel_requests",
}
_BY_MODEL = {"max_budget_nano": "model_max_budget", "rpm_limit": "model_rpm_limit", "tpm_limit": "model_tpm_limit"}
Groups = Mapping[str, Sequence[str]]
"""Access groups by name: their models."""


def raised(before: Allowance, after: Allowance) -> Iterator[str]:
    """The request fields by which ``after`` may use more than ``before``, or use it otherwise (another window)."""
    for column, field in _NUMBERS.items():
        if _more(getattr(before, column), getattr(after, column)):
            yield field
    if before.max_budget_nano is not None and before.budget_duration != after.budget_duration:
        yield "budget_duration"
    if _windows_raised(before, after):
        yield "budget_limits"
    yield from _models_raised(before.model_limits, after.model_limits)
    inherits = not after.models or not INHERITING.isdisjoint(after.models)
    if not _open(before.models) and (inherits or any(foreign(after.models, before.models, {}))):
        yield "models"
    if before.budget_id != after.budget_id:
        yield "budget_id"
    temporary = (after.temp_increase_nano, after.temp_expiry)
    if after.temp_increase_nano and temporary != (before.temp_increase_nano, before.temp_expiry):
        yield "temp_budget_increase"
    if before.blocked != after.blocked:
        yield "blocked"


def refuse_raised(fields: Iterator[str]) -> None:
    """Raises ApiError 403 that names the first of ``fields``."""
    for field in fields:
        message = f"{field}: you may not give more than there was; ask somebody who administers what this belongs to"
        raise ApiError(403, message, kind="auth_error", param=field)


def foreign(models: Sequence[str], allowed: Sequence[str], groups: Groups) -> Iterator[str]:
    """Those of ``models`` that ``allowed`` does not admit. An empty ``allowed`` admits all."""
    if _open(allowed):
        return
    admitted = set(allowed).union(*[groups.get(name, ()) for name in allowed])
    for name in models:
        if name in INHERITING or _admits(admitted, name):
            continue
        behind = groups.get(name)
        if not behind or not all(_admits(admitted, model) for model in behind):
            yield name


def refuse_excess(part: Allowance, whole: Allowance, of: str, groups: Groups) -> None:
    """Raises ApiError 400 when ``part`` is given more than ``whole``, the ``of`` (for people), has.

    Amounts of budgets are compared when both have the same window, or when the whole's never resets.
    """
    for model in foreign(part.models, whole.models, groups):
        raise bad_field("models", f"{model[:60]!r} is not among the models of its {of}")
    for column, field in _NUMBERS.items():
        if column == "max_budget_nano" and whole.budget_duration not in (None, part.budget_duration):
            continue
        own, limit = getattr(part, column), getattr(whole, column)
        if own is not None and limit is not None and own > limit:
            raise bad_field(field, f"is more than the {field} of its {of}")


def _open(models: Sequence[str]) -> bool:
    return not models or not INHERITING.isdisjoint(models) or not EVERYTHING.isdisjoint(models)


def _more(before: float | None, after: float | None) -> bool:
    return before is not None and (after is None or after > before)


def _windows_raised(before: Allowance, after: Allowance) -> bool:
    now = {entry["budget_duration"]: entry["max_budget_nano"] for entry in after.budget_limits}
    return any(_more(entry["max_budget_nano"], now.get(entry["budget_duration"])) for entry in before.budget_limits)


def _models_raised(before: Mapping[str, JsonObject], after: Mapping[str, JsonObject]) -> Iterator[str]:
    for model, entry in before.items():
        now = after.get(model, {})
        for column, field in _BY_MODEL.items():
            if _more(entry.get(column), now.get(column)):
                yield field
        if "max_budget_nano" in entry and entry.get("budget_duration") != now.get("budget_duration"):
            yield "model_max_budget"


def _admits(allowed: set[str], name: str) -> bool:
    return name in allowed or any(each.endswith("*") and name.startswith(each[:-1]) for each in allowed)
