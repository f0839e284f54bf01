"""What the routes of usage answer. Money in US dollars, days as ``YYYY-MM-DD``, times in ISO 8601."""

from __future__ import annotations

from phantom_gateway.control.answers.base import Answer


class UsageTokens(Answer):
    """Tokens; ``cache_write`` of both lifetimes."""

    input: int
    cache_read: int
    cache_write: int
    output: int
    reasoning: int
    audio: int


class UsageCosts(Answer):
    """What they have cost; ``output`` is all the rest."""

    input: float
    cache_read: float
    cache_write: float
    output: float


class UsageFigures(Answer):
    """Sums. Percentiles are those of what succeeded, ``null`` where they are not kept."""

    spend: float
    requests: int
    failures: int
    tokens: int
    classes: UsageTokens
    costs: UsageCosts
    cache_hits: int
    saved_by_cache: float
    """What answers from the gateway's cache had cost."""
    saved_by_providers: float
    """What cached input would have cost beyond what it did, at what other input of the model has cost."""
    uncounted: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    first_p50_ms: float | None
    first_p95_ms: float | None


class UsageByDay(Answer):
    """A value for each day of the period."""

    spend: list[float]
    requests: list[int]
    tokens: list[int]
    failures: list[int]


class UsagePeriod(Answer):
    """Days, both included."""

    start_date: str
    end_date: str


class UsageGroup(Answer):
    """A value of the dimension; ``id`` is empty for what has none."""

    id: str
    label: str | None
    figures: UsageFigures
    sampled: int | None
    """Of how many of its newest requests the percentiles are; `null`: of all."""
    previous_spend: float | None
    days: UsageByDay


class UsageTotals(UsagePeriod):
    """Usage of a period by day, and of another one."""

    total: UsageFigures
    days: UsageByDay
    compared_with: UsagePeriod | None
    previous: UsageFigures | None


class UsageOverview(UsageTotals):
    """The greatest groups of several dimensions."""

    by: dict[str, list[UsageGroup]]


class UsageReport(UsageTotals):
    """Usage by a dimension and by day."""

    groups: list[UsageGroup]
    more: bool


class BudgetUse(Answer):
    """A budget in its present window; ``projected``: what it comes to at this pace."""

    kind: str
    id: str
    label: str | None
    limit: float
    spent: float
    share: float
    duration: str | None
    started_at: str | None
    resets_at: str | None
    projected: float | None
    used_up_at: str | None


class ForecastDays(Answer):
    """Days until today, and what is expected of the others."""

    spend: list[float]
    projected: list[float]


class Forecast(UsagePeriod):
    """The month as it goes on at this pace; ``budget``: of what is asked for, where it has one."""

    spent: float
    a_day: float
    projected: float
    days: ForecastDays
    budget: BudgetUse | None


class WhatIfGroup(Answer):
    """A model that was used."""

    model: str
    requests: int
    tokens: int
    spend: float
    spend_then: float


class WhatIf(Answer):
    """The same tokens at another model's prices (those of short inputs)."""

    model: str
    provider: str
    input_cost_per_token: float
    output_cost_per_token: float
    groups: list[WhatIfGroup]
    spend: float
    spend_then: float


class NamedKey(Answer):
    """A key."""

    token: str
    name: str
    created_at: str


class SomeKeys(Answer):
    """Keys; ``more``: ``count`` is the least there are."""

    count: int
    more: bool
    keys: list[NamedKey]


class OldCredential(Answer):
    """Credentials of a provider."""

    id: str
    changed_at: str


class Attention(Answer):
    """What somebody should look at."""

    budgets: list[BudgetUse]
    unused_keys: SomeKeys
    old_keys: SomeKeys
    old_credentials: list[OldCredential]
