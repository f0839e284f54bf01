"""What descriptions of answers have in common: exact objects, allowances, and answers that are no JSON or no 200."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
"""Free JSON: what somebody has stored, or what belongs to a provider."""
Owner = Literal["db", "config"]


class Answer(BaseModel):
    """Base: all fields are there, and no others."""

    # Built when the description is asked for: no request needs it.
    model_config = ConfigDict(extra="forbid", protected_namespaces=(), defer_build=True)


@dataclass(frozen=True, slots=True)
class Reply:
    """A success that is not ``200`` with JSON. ``body`` is a type, or ``None`` when no JSON follows."""

    status: int = 200
    body: Any = None
    media: str = "application/json"
    text: str = "Done."
    other: str = ""
    """A further type of content in which the same can be asked for."""


REFUSED = Reply(400)
"""Of a route that LiteLLM has and that is always refused here."""


class Message(Answer):
    """A change that has no other result."""

    message: str


class Success(Message):
    """The same, as credentials have it."""

    success: bool


class Spent(Answer):
    """US dollars: ``spend`` in the present window of the main budget, or ever where there is none."""

    spend: float
    total_spend: float
    last_active: str | None


class BudgetWindow(Answer):
    """One more budget."""

    budget_duration: str
    max_budget: float
    reset_at: str | None


class BudgetOfModel(Answer):
    """The budget of one model."""

    max_budget: float | None
    budget_duration: str | None


class BudgetView(Answer):
    """A reusable budget (LiteLLM's ``litellm_budget_table``)."""

    budget_id: str
    max_budget: float | None
    soft_budget: float | None
    max_parallel_requests: int | None
    tpm_limit: int | None
    rpm_limit: int | None
    tpd_limit: int | None
    model_max_budget: dict[str, BudgetOfModel]
    model_rpm_limit: dict[str, int]
    model_tpm_limit: dict[str, int]
    budget_limits: list[BudgetWindow]
    budget_duration: str | None
    budget_reset_at: str | None
    created_at: str
    created_by: str | None
    updated_at: str
    updated_by: str | None


class LimitsView(Answer):
    """Limits that are an entity's own, as LiteLLM nests them (``litellm_budget_table``)."""

    budget_id: str | None
    soft_budget: float | None
    max_budget: float | None
    max_parallel_requests: int | None
    tpm_limit: int | None
    rpm_limit: int | None
    tpd_limit: int | None
    model_max_budget: dict[str, BudgetOfModel]
    model_rpm_limit: dict[str, int]
    model_tpm_limit: dict[str, int]
    budget_limits: list[BudgetWindow]
    budget_duration: str | None
    temp_budget_increase: float | None
    temp_budget_expiry: str | None
    budget_reset_at: str | None
    created_at: str
    allowed_models: list[str] | None


class AllowanceAnswer(Answer):
    """What somebody may use, who made it and when. Money in US dollars, times in ISO 8601."""

    models: list[str]
    metadata: JsonObject
    max_budget: float | None
    soft_budget: float | None
    budget_duration: str | None
    budget_reset_at: str | None
    budget_limits: list[BudgetWindow]
    budget_id: str | None
    max_parallel_requests: int | None
    tpm_limit: int | None
    rpm_limit: int | None
    tpd_limit: int | None
    model_max_budget: dict[str, BudgetOfModel]
    model_rpm_limit: dict[str, int]
    model_tpm_limit: dict[str, int]
    temp_budget_increase: float | None
    temp_budget_expiry: str | None
    blocked: bool
    created_at: str
    created_by: str | None
    updated_at: str
    updated_by: str | None


class Person(Answer):
    """Who somebody is."""

    user_id: str
    user_email: str | None
    user_alias: str | None
    user_role: str
    created_at: str
    updated_at: str


class Description(Answer):
    """An OpenAPI document."""

    openapi: str
    info: JsonObject
    paths: dict[str, JsonObject]
    components: JsonObject
