"""The rules of the cache of answers, from ``litellm_settings.cache``, ``cache_params`` and ``phantom.cache``."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from phantom_gateway.config.errors import KeyPath, Note, Problem
from phantom_gateway.config.redis_address import RedisAddress, RedisAddressError, find_cache_redis
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_litellm import CacheParams
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import Url, check_host
from phantom_gateway.control.compile_address import AddressError, Egress, compile_address
from phantom_gateway.spine.snapshot import Address, CacheRules, RedisPlace

DEFAULT_TTL_S = 600.0
UNNAMED = Secret("00" * 32)
"""Stands where the key of the cache belongs, until the loader puts it there."""
_PATH: KeyPath = ("litellm_settings", "cache_params")
_NAMESPACE = re.compile(r"[A-Za-z0-9._:/-]{0,64}\Z", re.ASCII)
_CALL_TYPES = {
    "completion": "acompletion",
    "text_completion": "atext_completion",
    "embedding": "aembedding",
    "generate_content": "agenerate_content",
    "generate_content_stream": "agenerate_content_stream",
    "responses": "aresponses",
    "rerank": "arerank",
    "transcription": "atranscription",
}
"""LiteLLM's names of calls by functions that wait, which a gateway never makes."""


def compile_cache(
    config: Config, environment: Mapping[str, str], egress: Egress
) -> tuple[CacheRules | None, list[Note], list[Problem]]:
    """The rules, ``None`` when nothing is cached; remarks; and what is wrong."""
    if not config.litellm_settings.cache:
        return None, [], []
    params, own = config.litellm_settings.cache_params or CacheParams(), config.phantom.cache
    if params.type not in (None, "local", "redis"):
        path = (*_PATH, "type")
        message = f"answers are not cached in `{params.type}` yet, only in `local` and `redis`: the cache is off"
        return None, [Note("later", config.position(path), path, message)], []
    namespace = params.namespace or ""
    if not _NAMESPACE.match(namespace):
        return None, [], [_problem(config, "namespace", "must be at most 64 letters, digits and . _ : / -")]
    try:
        address = None if params.type == "local" else find_cache_redis(config, environment)
        place = None if address is None else _place(address, egress)
    except (RedisAddressError, AddressError) as error:
        return None, [], [_problem(config, "url" if params.url else "host", str(error))]
    if place is None and params.type == "redis":
        return (
            None,
            [],
            [_problem(config, "type", "is redis, but neither host nor url nor REDIS_HOST says where that is")],
        )
    default = params.default_in_memory_ttl if place is None else params.default_in_redis_ttl
    ttl_s = next((each for each in (params.ttl, default) if each is not None), DEFAULT_TTL_S)
    rules = CacheRules(
        secret=UNNAMED,
        redis=place,
        ttl_s=ttl_s,
        scope=own.scope,
        default_on=params.mode != "default_off",
        call_types=frozenset(_CALL_TYPES.get(name, name) for name in params.supported_call_types or ()),
        namespace=namespace,
        max_answer=own.max_answer,
        max_bytes=own.max_bytes,
        max_entries=own.max_entries,
        timeout_s=own.timeout,
    )
    return rules, [], []


def named(rules: CacheRules, secret: Secret) -> CacheRules:
    """The rules with the key of the cache."""
    return msgspec.structs.replace(rules, secret=secret)


def _place(address: RedisAddress, egress: Egress) -> RedisPlace:
    """Raises AddressError."""
    if address.socket:
        place = Address(scheme="unix", socket_path=address.socket)
    else:
        try:
            check_host(address.host)
        except ValueError as error:
            raise AddressError(str(error)) from None
        url = Url("https" if address.tls else "http", address.host.lower(), address.port, "", "")
        # Corporate proxies speak for the web; Redis is one's own.
        place = msgspec.structs.replace(compile_address(url, egress, explicit=True, ssl_verify=None), proxy_url=None)
    return RedisPlace(address=place, username=address.username, password=address.password, db=address.db)


def _problem(config: Config, name: str, message: str) -> Problem:
    path = (*_PATH, name)
    return Problem(config.position(path), path, message)
