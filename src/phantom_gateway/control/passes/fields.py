"""The request bodies of ``/config/pass_through_endpoint``; what a path, a target and a header may be, compiling says."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from phantom_gateway.control.entities.fields import Body, Dollars, Later, NewId

Path = Annotated[str, StringConstraints(min_length=1, max_length=520)]
Address = Annotated[str, StringConstraints(min_length=1, max_length=2048)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=64)]
_Text = Annotated[str, StringConstraints(max_length=8192)]
Pairs = Annotated[dict[_Name, _Text | int | float | bool], Field(max_length=64)]
Method = Annotated[str, StringConstraints(max_length=8)]


class PassFields(Body):
    """What a new endpoint and a change of one have in common; ``is_from_config`` is what the gateway says, and not read."""

    id: NewId | None = None
    headers: Pairs | None = None
    default_query_params: Pairs | None = None
    include_subpath: bool | None = None
    cost_per_request: Dollars | None = None
    timeout: Annotated[float, Field(gt=0, le=86_400)] | None = None
    auth: bool | None = None
    methods: Annotated[list[Method], Field(max_length=8)] | None = None
    forward_headers: bool | None = None
    is_from_config: bool | None = None
    guardrails: Later = None
    merge_query_params: Later = None


class PassNew(PassFields):
    """Body of ``POST /config/pass_through_endpoint``."""

    path: Path
    target: Address


class PassUpdate(PassFields):
    """Body of ``POST /config/pass_through_endpoint/{endpoint_id}``. What is absent stays; ``null`` is the default again."""

    path: Path | None = None
    target: Address | None = None
