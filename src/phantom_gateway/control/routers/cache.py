"""``/cache/*``: whether answers are cached, and forgetting them.

The memory of workers is emptied by the same word that makes them forget keys, on this node and all others.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from fastapi import APIRouter, Request

from phantom_gateway.control.answers import caching as answers
from phantom_gateway.control.audit import Change
from phantom_gateway.control.caching.fields import CacheDelete
from phantom_gateway.control.caching.view import settings_view
from phantom_gateway.control.commit import Effects
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.spine.messages import CACHED, CACHED_ALL
from phantom_gateway.spine.snapshot import CacheRules

if TYPE_CHECKING:
    from phantom_gateway.control.caching.redis import CacheRedis

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["caching"])
    route(routes, "GET", "/cache/ping", Action.CACHE_READ, ping, answer=answers.CachePing)
    route(routes, "GET", "/cache/redis/info", Action.CACHE_READ, redis_info, answer=answers.RedisInfo)
    route(routes, "GET", "/cache/settings", Action.CACHE_READ, settings, answer=answers.CacheSettings)
    route(routes, "POST", "/cache/delete", Action.CACHE_WRITE, delete, answer=answers.CacheDone)
    route(routes, "POST", "/cache/flushall", Action.CACHE_WRITE, flush, answer=answers.CacheDone)
    return routes


async def ping(request: Request) -> JsonObject:
    """Whether the cache works; for Redis by writing and reading something."""
    rules = _rules(request)
    found: JsonObject = {"status": "healthy", "cache_type": "local", "ping_response": None, "set_cache_response": None}
    if rules.redis is not None:
        async with _redis(rules) as redis:
            await redis.ping()
        found |= {"cache_type": "redis", "ping_response": True, "set_cache_response": "success"}
    return found | {"litellm_cache_params": None, "health_check_cache_params": None}


async def redis_info(request: Request) -> JsonObject:
    """What the Redis of the cache says of itself, and who is connected to it."""
    rules = _rules(request)
    if rules.redis is None:
        raise ApiError(400, "The cache is not in Redis.")
    async with _redis(rules) as redis:
        clients = await redis.clients()
        return {"num_clients": len(clients), "clients": clients, "info": await redis.info()}


async def settings(request: Request) -> JsonObject:
    """The settings of the cache, as the configuration has them; secrets are not shown."""
    return settings_view(services_of(request).litellm_settings())


async def delete(request: Request, body: CacheDelete) -> JsonObject:
    """Forget single answers, by the names that `x-litellm-cache-key` gave them."""
    rules = _rules(request)
    names = list(dict.fromkeys(body.keys))
    if rules.redis is not None:
        async with _redis(rules) as redis:
            await redis.forget(names)
    noted = Change(EventCode.CACHE_FORGOTTEN, "cache", {"names": names}, None)
    await _tell(request, [CACHED + name for name in names], noted)
    return {"status": "success"}


async def flush(request: Request) -> JsonObject:
    """Forget all answers of this installation. What else lies in the same Redis stays."""
    rules = _rules(request)
    if rules.redis is not None:
        async with _redis(rules) as redis:
            await redis.empty()
    await _tell(request, [CACHED_ALL], Change(EventCode.CACHE_EMPTIED, "cache", None, None))
    return {"status": "success"}


def _redis(rules: CacheRules) -> AbstractAsyncContextManager[CacheRedis]:
    # Imported here: Redis' client takes a tenth of a start, and most have no use for it.
    from phantom_gateway.control.caching.redis import cache_redis

    return cache_redis(rules)


async def _tell(request: Request, entities: list[str], noted: Change) -> None:
    def change(_connection: sa.Connection, effects: Effects) -> None:
        effects.forget += entities
        effects.audit.append(noted)

    await writer_of(request).commit(change)


def _rules(request: Request) -> CacheRules:
    rules = services_of(request).configuration.snapshot.cache
    if rules is None:
        raise ApiError(400, "Answers are not cached here (litellm_settings.cache).")
    return rules
