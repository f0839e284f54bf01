"""Fields of request bodies that several entities have: exact types, bounds, and what they mean.

Every field of LiteLLM has one of three fates: acted on (typed and bounded), kept (it promises nothing that would have to be
enforced, so it is stored and echoed), or later (it would restrict or change something that is not there yet: an empty value is
accepted, since clients send them by the dozen; anything else is refused by name, because a limit that is silently not
enforced is worse than an error). A field that is none of these is unknown and refused by name as well.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from phantom_gateway.config.durations import parse_duration, parse_window
from phantom_gateway.control.timestamps import parse
from phantom_gateway.ledger.money import usd_to_nano

MAX_USD = 1_000_000_000
"""A billion dollars: sums of such amounts still fit 64 bits of nano-dollars."""
MAX_JSON = 64 * 1024
_EMPTY: tuple[Any, ...] = (None, "", False, 0, [], {})


def _check_duration(text: str) -> str:
    return str(parse_duration(text))


def _check_window(text: str) -> str:
    return parse_window(text)


def _check_json(value: Any) -> Any:
    try:
        encoded = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise ValueError("must be plain JSON (finite numbers, valid Unicode, moderate depth)") from error
    if len(encoded) > MAX_JSON:
        raise ValueError(f"must not be longer than {MAX_JSON} bytes")
    return value


def _check_later(value: Any) -> Any:
    if value not in _EMPTY:
        raise ValueError("not supported in this release; a value would have no effect, so it is refused")
    return value


def _check_best_effort(value: Any) -> Any:
    if value not in (None, "best_effort_throughput"):
        raise ValueError("only best_effort_throughput is supported in this release")
    return value


def _check_spend(value: Any) -> Any:
    if value not in (None, 0):
        raise ValueError("cannot be set: spend is the sum of the spend log")
    return value


def _check_money(value: float) -> float:
    if not 0 <= value <= MAX_USD:
        raise ValueError(f"must be between 0 and {MAX_USD} dollars")
    if value and not usd_to_nano(value):
        raise ValueError("must be 0 or at least a nano-dollar (0.000000001)")
    return value


def _check_interval(text: str) -> str:
    parse_duration(text)
    return text.strip()


def id_problem(text: str) -> str:
    """Why something new cannot have this id, or an empty text."""
    if "/" in text:
        return "must not contain a slash"
    return "must not begin or end with a blank" if text != text.strip() else ""


def _check_id(text: str) -> str:
    problem = id_problem(text)
    if problem:
        raise ValueError(problem)
    return text


def _check_moment(text: str) -> str:
    parse(text)
    return text


Name = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
NewId = Annotated[Name, AfterValidator(_check_id)]
"""The id of something new. It stands in paths and in the names of its counters."""
Text = Annotated[str, StringConstraints(max_length=4096, pattern=r"^[^\x00]*$")]
"""What people write about something; PostgreSQL stores no NUL."""
Duration = Annotated[str, AfterValidator(_check_duration)]
Window = Annotated[str, AfterValidator(_check_window)]
"""The window of a budget: a duration that may name a time zone (``1d@Europe/Berlin``)."""
Interval = Annotated[str, AfterValidator(_check_interval)]
"""A duration that is echoed as it was given."""
Dollars = Annotated[float, AfterValidator(_check_money)]
Moment = Annotated[str, StringConstraints(max_length=64), AfterValidator(_check_moment)]
"""A date or a time, as ``control.timestamps`` reads it."""
Limit = Annotated[int, Field(ge=0, le=10**12)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_check_json)]
Names = Annotated[list[Name], Field(max_length=1000)]
Routes = Annotated[
    list[Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^/[\x21-\x7e]*$")]],
    Field(max_length=1000),
]
"""Paths; a star at the end stands for any end."""
Kept = Annotated[Any, AfterValidator(_check_json)]
Later = Annotated[Any, AfterValidator(_check_later)]
Spend = Annotated[Any, AfterValidator(_check_spend)]
BestEffort = Annotated[Any, AfterValidator(_check_best_effort)]


def _nothing(value: Any) -> Any:
    return value if value not in _EMPTY else None


NameOrEmpty = Annotated[Name | None, BeforeValidator(_nothing)]
"""Forms send an empty text for nothing."""
Expected = Annotated[Annotated[int, Field(ge=1, le=10**9)] | None, BeforeValidator(_nothing)]
"""Tokens; 0 is nothing."""


class Body(BaseModel):
    """Base of request bodies: exact types, no unknown fields."""

    # Built when a route first reads one (``guard.DeferredRoute``).
    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


class BudgetLimit(Body):
    """One more budget window."""

    budget_duration: Window
    max_budget: Dollars
    reset_at: Later = None


class ModelBudget(Body):
    """An entry of ``model_max_budget``; LiteLLM spells two of the fields in two ways."""

    max_budget: Dollars | None = None
    budget_limit: Dollars | None = None
    budget_duration: Window | None = None
    time_period: Window | None = None
    rpm_limit: Limit | None = None
    tpm_limit: Limit | None = None


ByModel = Annotated[dict[Name, Limit], Field(max_length=1000)]


class LimitFields(Body):
    """What everybody can be limited by; the main budget's amount has another name for members."""

    soft_budget: Dollars | None = None
    budget_duration: Window | None = None
    budget_limits: Annotated[list[BudgetLimit], Field(max_length=16)] | None = None
    rpm_limit: Limit | None = None
    tpm_limit: Limit | None = None
    tpd_limit: Limit | None = None
    max_parallel_requests: Limit | None = None
    model_max_budget: Annotated[dict[Name, ModelBudget], Field(max_length=1000)] | None = None
    model_rpm_limit: ByModel | None = None
    model_tpm_limit: ByModel | None = None


class ExpectationFields(Body):
    """Output tokens that a request is expected to produce when it does not bound them: what token limits reserve."""

    default_estimated_output_tokens: Expected = None
    default_estimated_output_tokens_per_model: (
        Annotated[dict[Name, Annotated[int, Field(ge=1, le=10**9)]], Field(max_length=1000)] | None
    ) = None


EXPECTATIONS = tuple(ExpectationFields.model_fields)


class PassageFields(Body):
    """Which paths that are passed through to other services may be called: each with what is below it."""

    allowed_passthrough_routes: Routes | None = None
    denied_passthrough_routes: Routes | None = None


PASSAGES = tuple(PassageFields.model_fields)


class AllowanceFields(LimitFields):
    """What an entity may use; the same for keys, users, teams, organisations, projects, customers and tags."""

    models: Names | None = None
    max_budget: Dollars | None = None
    budget_id: Name | None = None
    metadata: JsonObject | None = None
    blocked: bool | None = None
