"""Two whole gateways on one PostgreSQL and one Redis."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from tests.support.gateway import Gateway, running_gateway
from tests.support.servers import PostgresServer, RedisServer


@dataclass
class Nodes:
    """The gateways and what they share."""

    a: Gateway
    b: Gateway
    postgres: PostgresServer
    redis: RedisServer | None
    url: str

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Ask the database directly."""
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode(), parameters).fetchall()


def environment(url: str, redis: RedisServer | None) -> dict[str, str]:
    """What every node of an installation is told."""
    return {"DATABASE_URL": url} | ({"REDIS_URL": redis.url} if redis else {})


def share_root_key(source: Path, target: Path) -> None:
    """Give a data directory the root key of another: nodes of one database must have the same."""
    (target / "keys").mkdir(parents=True, mode=0o700)
    target.chmod(0o700)
    shutil.copy(source / "keys" / "root.key", target / "keys" / "root.key")
    (target / "keys" / "root.key").chmod(0o600)


@contextmanager
def two_nodes(
    directory: Path, config: Path, postgres: PostgresServer, redis: RedisServer, **options: Any
) -> Iterator[Nodes]:
    """Two nodes, with different data directories."""
    url = postgres.migrated()
    variables: Mapping[str, str] = environment(url, redis)
    with ExitStack() as stack:
        a = stack.enter_context(running_gateway(directory / "a", config, environment=variables, **options))
        share_root_key(directory / "a", directory / "b")
        b = stack.enter_context(running_gateway(directory / "b", config, environment=variables, **options))
        yield Nodes(a, b, postgres, redis, url)
