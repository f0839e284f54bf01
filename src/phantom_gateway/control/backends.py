"""Which database and which Redis this node uses: from the configuration, else from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from phantom_gateway.config.database_address import AddressError, PostgresAddress, SqliteAddress, parse_database_url
from phantom_gateway.config.errors import ConfigError, KeyPath, Position, Problem
from phantom_gateway.config.redis_address import RedisAddress, RedisAddressError, find_redis
from phantom_gateway.config.schema import Config
from phantom_gateway.store.database import POOL_LIMIT, POOL_TIMEOUT_S, Database, PoolOptions, open_sqlite

_URL: KeyPath = ("general_settings", "database_url")
_REDIS: KeyPath = ("general_settings", "coordination_redis")


@dataclass(frozen=True, slots=True)
class Backends:
    """What is outside of the data directory."""

    database: SqliteAddress | PostgresAddress
    pool: PoolOptions = field(default_factory=PoolOptions)
    redis: RedisAddress | None = None
    """Through which nodes share limits; ``None`` also where there is nothing to share."""

    def open(self) -> Database:
        """The database; nothing is connected yet."""
        if isinstance(self.database, SqliteAddress):
            return open_sqlite(self.database.path)
        # Imported here: a driver that only some installations need.
        from phantom_gateway.store.postgres import open_postgres

        return open_postgres(self.database, self.pool)


def backends_of(config: Config, environment: Mapping[str, str], default: Path) -> Backends:
    """What ``config`` and the environment say; ``default`` is the SQLite file when they name no database.

    A SQLite database has one node only, so there a Redis is not used for limits. Raises ConfigError.
    """
    general = config.general_settings
    written = general.database_url
    named = config.lookup(environment).first("DATABASE_URL")
    text = written.reveal() if written is not None else named[1] if named is not None else ""
    try:
        database = parse_database_url(text) if text else SqliteAddress(default)
    except AddressError as error:
        position = config.position(_URL) if written is not None else Position("environment")
        path: KeyPath = _URL if written is not None else ("DATABASE_URL",)
        raise ConfigError([Problem(position, path, str(error))]) from None
    if isinstance(database, SqliteAddress):
        return Backends(database)
    try:
        redis = find_redis(config, environment)
    except RedisAddressError as error:
        raise ConfigError([Problem(config.position(_REDIS), _REDIS, str(error))]) from None
    timeout = general.database_connection_timeout
    pool = PoolOptions(
        limit=general.database_connection_pool_limit or POOL_LIMIT,
        timeout_s=POOL_TIMEOUT_S if timeout is None else float(timeout),
    )
    return Backends(database, pool, redis)
