"""The request bodies of ``/utils/*``, ``/cost/*`` and ``/spend/calculate``."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from phantom_gateway.control.entities.fields import Body, Name

Count = Annotated[int, Field(ge=0, le=10**12)]
Objects = Annotated[list[dict[str, Any]], Field(max_length=10_000)]


HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}$")]
HeaderValue = Annotated[str, StringConstraints(max_length=1024, pattern=r"^[ -~]*$")]


class TokenCount(Body):
    """Body of ``/utils/token_counter``: one of prompt, messages and contents."""

    model_config = ConfigDict(extra="ignore")

    model: Name
    prompt: str | None = None
    messages: Objects | None = None
    contents: Objects | None = None
    tools: Objects | None = None
    system: Any = None


class TransformRequest(Body):
    """Body of ``/utils/transform_request``."""

    call_type: Name
    request_body: dict[str, Any]


class CostEstimate(Body):
    """Body of ``/cost/estimate``."""

    model: Name
    input_tokens: Count
    output_tokens: Count
    cache_read_input_tokens: Count = 0
    cache_creation_input_tokens: Count = 0
    reasoning_tokens: Count = 0
    num_requests_per_day: Count | None = None
    num_requests_per_month: Count | None = None


class SpendCalculate(Body):
    """Body of ``/spend/calculate``: a model with messages, or an answer."""

    model: Name | None = None
    messages: Objects | None = None
    completion_response: dict[str, Any] | None = None


class ExplainRequest(Body):
    """Body of ``/utils/explain``."""

    request_body: dict[str, Any]
    path: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^/[!-~]*$")] = "/v1/chat/completions"
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict, max_length=50)
    key: Annotated[str | None, Field(min_length=1, max_length=1024)] = None
