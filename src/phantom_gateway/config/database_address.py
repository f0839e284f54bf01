"""Addresses of databases as operators write them: ``sqlite:///path`` and ``postgresql://...``.

PostgreSQL addresses are those of libpq (its manual, 32.1.1.2), with what users of LiteLLM have in theirs: Prisma's parameters
(``connection_limit``, ``pool_timeout``, ``schema``, ``pgbouncer``, ...) are understood or left out. Nothing here ever shows an
address: it carries a password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from phantom_gateway.config.secret import Secret

_SCHEME = re.compile(r"(sqlite|postgres|postgresql)(\+\w+)?:", re.ASCII)
_LIBPQ = frozenset(
    {"host", "hostaddr", "port", "user", "password", "dbname", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslcrl",
     "sslnegotiation", "channel_binding", "gssencmode", "target_session_attrs", "load_balance_hosts", "application_name",
     "connect_timeout", "require_auth", "krbsrvname", "passfile", "service"}
)  # fmt: skip
_PRISMA = frozenset(
    {"connection_limit", "pool_timeout", "schema", "pgbouncer", "socket_timeout", "statement_cache_size", "sslaccept",
     "sslidentity", "sslpassword", "single_use_connections"}
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_$-]{0,62}\Z", re.ASCII)


class AddressError(ValueError):
    """Not an address of a database; the message does not repeat it."""


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file."""

    path: Path


@dataclass(frozen=True, slots=True)
class PostgresAddress:
    """A server and how to be let in."""

    parameters: dict[str, str] = field(repr=False)
    """Of libpq, without the password."""
    password: Secret | None
    schema: str = ""
    """Where the tables are; empty: wherever the user's ``search_path`` says."""
    pooled: bool = False
    """A pooler in transaction mode is in between: nothing may be kept in a session."""

    @property
    def name(self) -> str:
        """For people: ``host:port/database``."""
        host = self.parameters.get("host", "local")
        return f"{host}:{self.parameters.get('port', '5432')}/{self.parameters.get('dbname', '')}"


def parse_database_url(text: str) -> SqliteAddress | PostgresAddress:
    """What ``text`` means. Raises AddressError."""
    if _SCHEME.match(text) is None:
        raise AddressError("must start with sqlite:/// or postgresql://")
    if text.startswith("sqlite"):
        return _sqlite(text)
    return _postgres(text)


def _sqlite(text: str) -> SqliteAddress:
    _, separator, path = text.partition(":///")
    if not separator or not path or "?" in path:
        raise AddressError("must be sqlite:///file or sqlite:////absolute/file")
    return SqliteAddress(Path(unquote(path)))


def _postgres(text: str) -> PostgresAddress:
    _, separator, rest = text.partition("://")
    if not separator:
        raise AddressError("must be postgresql://user:password@host:port/database")
    # The last @ ends the credentials: passwords with an @ nobody has encoded are common.
    main, _, query = rest.partition("?")
    credentials, _, place = main.rpartition("@")
    try:
        parts = urlsplit(f"//{place}")
        port = parts.port
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise AddressError("cannot be read as a PostgreSQL address") from None
    found = dict(pairs)
    unknown = sorted(found.keys() - _LIBPQ - _PRISMA - {"options"})
    if unknown:
        raise AddressError(f"has a parameter that is not known: {unknown[0][:40]}")
    user, _, password = credentials.partition(":")
    parameters = {name: value for name, value in found.items() if name in _LIBPQ and name != "password"}
    host = unquote(place.partition("/")[0].rsplit(":", 1)[0] if port is not None else place.partition("/")[0])
    given = {"user": unquote(user), "host": host.strip("[]"), "dbname": unquote(parts.path.lstrip("/"))}
    parameters |= {name: value for name, value in given.items() if value}
    if port is not None:
        parameters["port"] = str(port)
    secret = unquote(password) or found.get("password", "")
    schema = found.get("schema", "")
    if schema and _NAME.match(schema) is None:
        raise AddressError("has a schema that is not a name")
    pooled = found.get("pgbouncer", "").lower() == "true"
    return PostgresAddress(parameters, Secret(secret) if secret else None, schema, pooled)
