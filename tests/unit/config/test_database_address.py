from __future__ import annotations

from pathlib import Path

import pytest

from phantom_gateway.config.database_address import AddressError, PostgresAddress, SqliteAddress, parse_database_url


def postgres(text: str) -> PostgresAddress:
    found = parse_database_url(text)
    assert isinstance(found, PostgresAddress)
    return found


def test_a_usual_address() -> None:
    found = postgres("postgresql://me:s3cret@db.example:6432/litellm?sslmode=require")
    assert found.parameters == {
        "user": "me",
        "host": "db.example",
        "port": "6432",
        "dbname": "litellm",
        "sslmode": "require",
    }
    assert found.password is not None
    assert found.password.reveal() == "s3cret"
    assert found.name == "db.example:6432/litellm"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg", "postgresql+asyncpg"])
def test_schemes_of_all_libraries(scheme: str) -> None:
    assert postgres(f"{scheme}://u@h/d").parameters == {"user": "u", "host": "h", "dbname": "d"}


def test_what_prisma_adds_is_understood_or_left_out() -> None:
    found = postgres("postgresql://u:p@h:5432/d?schema=llm&connection_limit=10&pool_timeout=20&pgbouncer=true")
    assert found.parameters.keys() == {"user", "host", "port", "dbname"}
    assert (found.schema, found.pooled) == ("llm", True)


def test_unix_sockets() -> None:
    found = postgres("postgresql://postgres@/postgres?host=/var/run/pg")
    assert found.parameters == {"user": "postgres", "host": "/var/run/pg", "dbname": "postgres"}
    assert postgres("postgresql://u@%2Fvar%2Frun/d").parameters["host"] == "/var/run"
    assert found.password is None


@pytest.mark.parametrize(
    ("written", "meant"), [("p%40ss", "p@ss"), ("p@ss", "p@ss"), ("p:a/s%2Fs"[:3], "p:a"), ("ü", "ü")]
)
def test_passwords_with_odd_characters(written: str, meant: str) -> None:
    found = postgres(f"postgresql://u:{written}@h/d")
    assert found.password is not None
    assert found.password.reveal() == meant
    assert found.parameters["host"] == "h"


def test_an_ipv6_host() -> None:
    assert postgres("postgresql://u@[::1]:5433/d").parameters["host"] == "::1"
    assert postgres("postgresql://u@[::1]/d").parameters["host"] == "::1"


def test_the_password_is_in_no_text() -> None:
    found = postgres("postgresql://u:hunter2@h/d")
    assert "hunter2" not in f"{found!r} {found} {found.name}"


@pytest.mark.parametrize(
    "text",
    ["mysql://u:hunter2@h/d", "postgresql:u:hunter2@h", "postgresql://u:hunter2@h:port/d", "hunter2",
     "postgresql://u:hunter2@h/d?sslmod=require", "postgresql://u:hunter2@h/d?schema=a;b", "sqlite://hunter2"],
)  # fmt: skip
def test_nonsense_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_database_url(text)
    assert "hunter2" not in str(caught.value)


def test_sqlite() -> None:
    assert parse_database_url("sqlite:////var/lib/phantom.db") == SqliteAddress(Path("/var/lib/phantom.db"))
    assert parse_database_url("sqlite:///phantom.db") == SqliteAddress(Path("phantom.db"))
