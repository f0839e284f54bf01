"""Where the Redis or Valkey is that several nodes share, from the places where users of LiteLLM write it.

First found wins: ``general_settings.coordination_redis``, ``router_settings.redis_*``, ``litellm_settings.cache_params`` of
a Redis type, then ``REDIS_URL`` and ``REDIS_HOST``, ``REDIS_PORT``, ``REDIS_USERNAME``, ``REDIS_PASSWORD``, ``REDIS_DB``,
``REDIS_SSL``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from phantom_gateway.config.schema import Config
from phantom_gateway.config.secret import Secret

DEFAULT_PORT = 6379
_FIELDS = ("url", "host", "port", "username", "password", "db", "ssl")
_TRUE = frozenset({"1", "true", "yes", "on"})


class RedisAddressError(ValueError):
    """Not an address of Redis; the message does not repeat it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisAddress:
    """One server, or one that stands for a cluster."""

    host: str = ""
    port: int = DEFAULT_PORT
    socket: str = ""
    """Path of a unix socket; then host and port mean nothing."""
    username: str = ""
    password: Secret | None = None
    db: int = 0
    tls: bool = False

    @property
    def name(self) -> str:
        """For people."""
        return self.socket or f"{self.host}:{self.port}/{self.db}"

    @property
    def fingerprint(self) -> str:
        """The same on all nodes that are told to share this Redis."""
        return hashlib.sha256(self.name.encode()).hexdigest()[:16]


def find_redis(config: Config, environment: Mapping[str, str]) -> RedisAddress | None:
    """The address in force, ``None`` when there is none. Raises RedisAddressError."""
    router = config.router_settings
    of_router = {name: getattr(router, f"redis_{name}", None) for name in _FIELDS}
    cache = config.litellm_settings.cache_params
    of_cache: dict[str, Any] = {}
    if cache is not None and (cache.type or "").startswith("redis"):
        of_cache = {name: getattr(cache, name, None) for name in _FIELDS}
    variables = config.lookup(environment)
    of_environment = {name: (variables.first(f"REDIS_{name.upper()}") or ("", ""))[1] for name in _FIELDS}
    return _first(config.general_settings.coordination_redis or {}, of_router, of_cache, of_environment)


def find_cache_redis(config: Config, environment: Mapping[str, str]) -> RedisAddress | None:
    """Where the cache of answers is told to be: ``cache_params``, then the variables. Raises RedisAddressError."""
    cache, variables = config.litellm_settings.cache_params, config.lookup(environment)
    of_cache = {name: getattr(cache, name, None) for name in _FIELDS}
    return _first(of_cache, {name: (variables.first(f"REDIS_{name.upper()}") or ("", ""))[1] for name in _FIELDS})


def _first(*places: Mapping[str, Any]) -> RedisAddress | None:
    for place in places:
        found = {name: _plain(place.get(name)) for name in _FIELDS}
        if found["url"]:
            return parse_redis_url(found["url"])
        if found["host"]:
            return _of_fields(found)
    return None


def parse_redis_url(text: str) -> RedisAddress:
    """``redis://``, ``rediss://`` (TLS) or ``unix://``. Raises RedisAddressError."""
    scheme, separator, rest = text.partition("://")
    if not separator or scheme not in ("redis", "rediss", "valkey", "valkeys", "unix"):
        raise RedisAddressError("must start with redis://, rediss:// or unix://")
    main, _, query = rest.partition("?")
    credentials, _, place = main.rpartition("@")
    user, _, password = credentials.partition(":")
    secret = Secret(unquote(password)) if password else None
    database = parse_qs(query).get("db", [""])[0]
    if scheme == "unix":
        return RedisAddress(socket=unquote(place), username=unquote(user), password=secret, db=_number(database, 0))
    try:
        parts = urlsplit(f"//{place}")
        host, port = parts.hostname or "", parts.port or DEFAULT_PORT
    except ValueError:
        raise RedisAddressError("cannot be read as an address of Redis") from None
    if not host:
        raise RedisAddressError("names no host")
    db = _number(database or parts.path.strip("/"), 0)
    tls = scheme in ("rediss", "valkeys")
    return RedisAddress(host=host, port=port, username=unquote(user), password=secret, db=db, tls=tls)


def _of_fields(found: Mapping[str, str]) -> RedisAddress:
    return RedisAddress(
        host=found["host"],
        port=_number(found["port"], DEFAULT_PORT),
        username=found["username"],
        password=Secret(found["password"]) if found["password"] else None,
        db=_number(found["db"], 0),
        tls=found["ssl"].lower() in _TRUE,
    )


def _number(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and int(text[:8]) <= 65535):
        raise RedisAddressError("has a port or database that is no number")
    return int(text)


def _plain(value: object) -> str:
    if isinstance(value, Secret):
        return value.reveal()
    return "" if value is None else str(value)
