from __future__ import annotations

from pathlib import Path

import pytest

from phantom_gateway.config.database_address import PostgresAddress, SqliteAddress
from phantom_gateway.config.errors import ConfigError
from phantom_gateway.config.loader import parse_config
from phantom_gateway.control.backends import Backends, backends_of

DEFAULT = Path("/data/phantom.db")
POSTGRES = "postgresql://u:hunter2@h/d"


def found(text: str = "{}", **environment: str) -> Backends:
    return backends_of(parse_config(text, environment), environment, DEFAULT)


def test_without_settings_it_is_the_file_in_the_data_directory() -> None:
    assert found() == Backends(SqliteAddress(DEFAULT))
    # one node needs no Redis to share limits with itself
    assert found(REDIS_HOST="redis").redis is None


def test_the_configuration_wins_over_the_environment() -> None:
    written = found("general_settings: {database_url: 'postgresql://u@other/d'}", DATABASE_URL=POSTGRES).database
    assert isinstance(written, PostgresAddress)
    assert written.parameters["host"] == "other"
    named = found(DATABASE_URL=POSTGRES).database
    assert isinstance(named, PostgresAddress)
    assert named.parameters["host"] == "h"


def test_the_pool() -> None:
    text = "general_settings: {database_connection_pool_limit: 20, database_connection_timeout: 2.5}"
    pool = found(text, DATABASE_URL=POSTGRES).pool
    assert (pool.limit, pool.timeout_s) == (20, 2.5)
    with pytest.raises(ConfigError):
        found("general_settings: {database_connection_pool_limit: 1}")


def test_redis_is_found_where_users_write_it() -> None:
    redis = found("router_settings: {redis_host: r, redis_port: 7000}", DATABASE_URL=POSTGRES, REDIS_HOST="e").redis
    assert redis is not None
    assert redis.name == "r:7000/0"
    by_environment = found(DATABASE_URL=POSTGRES, REDIS_HOST="e").redis
    assert by_environment is not None
    assert by_environment.name == "e:6379/0"


def test_nonsense_is_refused_without_being_repeated() -> None:
    for environment in (
        {"DATABASE_URL": "mysql://u:hunter2@h/d"},
        {"DATABASE_URL": POSTGRES, "REDIS_URL": "http://hunter2"},
    ):
        with pytest.raises(ConfigError) as caught:
            found(**environment)
        assert "hunter2" not in str(caught.value)


def test_opening_connects_to_nothing(tmp_path: Path) -> None:
    for backends in (Backends(SqliteAddress(tmp_path / "x.db")), found(DATABASE_URL=POSTGRES)):
        backends.open().close()
