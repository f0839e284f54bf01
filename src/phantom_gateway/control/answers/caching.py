"""What ``/cache/*`` answers."""

from __future__ import annotations

from typing import Literal

from phantom_gateway.control.answers.base import Answer

Plain = str | int | float | bool


class CacheDone(Answer):
    """It is done."""

    status: Literal["success"]


class CachePing(Answer):
    """The state of the cache."""

    status: Literal["healthy"]
    cache_type: Literal["local", "redis"]
    ping_response: bool | None
    set_cache_response: str | None
    litellm_cache_params: None
    health_check_cache_params: None


class RedisInfo(Answer):
    """What a Redis says of itself."""

    num_clients: int
    clients: list[dict[str, Plain]]
    info: dict[str, Plain]


class CacheField(Answer):
    """One setting of the cache."""

    field_name: str
    field_type: str
    field_value: Plain | list[str] | None
    field_description: str
    field_default: None
    options: list[str] | None
    ui_field_name: str
    link: None
    redis_type: None


class CacheSettings(Answer):
    """The settings of the cache."""

    fields: list[CacheField]
    current_values: dict[str, Plain | list[str]]
    redis_type_descriptions: dict[str, str]
