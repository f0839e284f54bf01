"""What ``/health*`` and ``/utils/explain`` answer."""

from __future__ import annotations

from typing import Literal

from phantom_gateway.control.answers.base import Answer, JsonObject

State = Literal["closed", "resting", "half_open", "open"]


class Ready(Answer):
    """The database answers."""

    status: str
    db: str


class Details(Ready):
    """What stands behind the readiness."""

    cache: None
    success_callbacks: list[str]
    workers: int
    revision: int
    configuration: Literal["ok", "refused"]


class Endpoint(Answer):
    """A deployment that answered. ``api_base`` holds no credentials."""

    model: str
    model_name: str
    model_id: str
    api_base: str
    response_time_ms: float


class IllEndpoint(Answer):
    """A deployment that did not answer as it should, or could not be asked."""

    model: str
    model_name: str
    model_id: str
    api_base: str
    error: str
    exception_status: int | None
    raw_request_typed_dict: None


class HealthRound(Answer):
    """Checks of deployments."""

    healthy_endpoints: list[Endpoint]
    unhealthy_endpoints: list[IllEndpoint]
    unchecked_endpoints: list[IllEndpoint]
    healthy_count: int
    unhealthy_count: int


class HealthCheck(Answer):
    """A check that was made."""

    model_name: str
    model_id: str
    status: Literal["healthy", "unhealthy", "unknown"]
    healthy_count: int
    unhealthy_count: int
    error_message: str | None
    response_time_ms: float
    details: None
    checked_by: str
    checked_at: str


class HealthHistory(Answer):
    """Checks that were made."""

    health_checks: list[HealthCheck]
    total_records: int
    limit: int
    offset: int


class Traffic(Answer):
    """What this node's workers say of a deployment."""

    model_name: str
    provider: str
    state: State
    rests_s: float
    in_flight: int
    requests: int
    failures: int
    failures_in_a_row: int
    last_failure: str | None
    latency_ms: float | None
    workers: int


class HealthLatest(Answer):
    """The last checks, by deployment."""

    latest_health_checks: dict[str, HealthCheck]
    deployments: dict[str, Traffic]
    total_models: int


class Backlog(Answer):
    """Requests in flight."""

    in_flight_requests: int


class EditionLimits(Answer):
    """Numbers that nothing is limited to."""

    max_users: None
    max_teams: None


class Edition(Answer):
    """There is one edition, and no licence."""

    has_license: bool
    license_type: str
    expiration_date: None
    allowed_features: list[str]
    limits: EditionLimits


class SharedStatus(Answer):
    """Checks of other nodes are not used."""

    shared_health_check_enabled: bool
    status: None


class ConnectionResult(Answer):
    """How long it took; the last two when it failed."""

    model: str | None
    response_time_ms: float
    error: str | None = None
    exception_status: int | None = None


class ConnectionTested(Answer):
    """What came of a test."""

    status: Literal["success", "error"]
    result: ConnectionResult


class Refusal(Answer):
    """Why a request would be refused."""

    status: int
    type: str
    message: str
    param: str | None
    details: JsonObject | None


class ExplainedKey(Answer):
    """Whose request it would be."""

    id: str
    alias: str | None
    user_id: str | None
    team_id: str | None


class ExplainedModel(Answer):
    """The model as it was asked for, the group it is found in, and its name there."""

    asked: str
    group: str
    name: str


class ExplainedLimit(Answer):
    """A limit and what is left of it; budgets in US dollars."""

    entity: str
    kind: str
    window: str
    limit: float
    remaining: float


class Estimate(Answer):
    """US dollars."""

    worst_case_cost: float


class Candidate(Answer):
    """A deployment of the group."""

    id: str
    provider: str
    state: str
    rests_s: float
    in_flight: int
    requests: int
    failures: int
    latency_ms: float
    weight: float
    order: int
    tags: list[str]
    rpm: int | None
    tpm: int | None


class Route(Answer):
    """Whom a group would ask first. What describes the attempt is not there when nobody is chosen."""

    group: str
    strategy: str
    chosen: str | None
    error: Refusal | None
    considered: list[Candidate]
    trail: list[JsonObject]
    provider: str = ""
    upstream_model: str = ""
    retries: int = 0
    first_byte_timeout_s: float | None = None
    total_timeout_s: float | None = None
    estimated_input_tokens: int = 0
    estimated_output_tokens: int = 0
    estimated_cost: float = 0
    mocked: bool = False


class FallbackRoute(Route):
    """The same for a fallback."""

    model: str


class Explanation(Answer):
    """What would happen to a request. What lies behind the stage that refuses it is not there."""

    allowed: bool
    stage: Literal["key", "request", "limits", "route", "call"]
    error: Refusal | None
    key: ExplainedKey | None = None
    model: ExplainedModel | None = None
    limits: list[ExplainedLimit] | None = None
    estimate: Estimate | None = None
    route: Route | None = None
    fallbacks: dict[str, list[FallbackRoute]] | None = None
