"""Control's parts put together in a temporary directory, with workers that a test plays."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
from starlette.routing import BaseRoute
from tests.support.databases import migrated_sqlite

from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.app import create_app, routes
from phantom_gateway.control.auth import Authenticator
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.database_watch import DatabaseWatch
from phantom_gateway.control.entities.chain import master_record
from phantom_gateway.control.ingestion import Ingestion
from phantom_gateway.control.key_directory import KeyDirectory
from phantom_gateway.control.leases import Leases
from phantom_gateway.control.loader import ConfigurationLoader
from phantom_gateway.control.places import listen
from phantom_gateway.control.reload import Reloader
from phantom_gateway.control.services import Configuration, ControlServices
from phantom_gateway.control.sign_in.identity import Operator
from phantom_gateway.control.sign_in.parts import SignInParts
from phantom_gateway.control.sign_in.sessions import Sessions
from phantom_gateway.control.sign_in.threads import PasswordThreads
from phantom_gateway.control.spine_server import SpineParts, SpineServer
from phantom_gateway.control.stored import Stored, read_stored
from phantom_gateway.control.subjects import SubjectDirectory
from phantom_gateway.control.temporary import TemporaryLimits
from phantom_gateway.ledger.journal import Journal
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.security.keyring import Keyring
from phantom_gateway.security.passwords import Passwords
from phantom_gateway.spine.codec import encode, worker_decoder
from phantom_gateway.spine.messages import PROTOCOL_VERSION, Ack, Hello, Message, ToWorker, Welcome
from phantom_gateway.spine.snapshot import Address, Deployment, Prices, Snapshot
from phantom_gateway.store import schema, vault
from phantom_gateway.store.database import Database

T = TypeVar("T")

MASTER = "sk-master-0123456789abcdef"
PEPPER = Secret("ab" * 32)
ADMIN = {"authorization": f"Bearer {MASTER}"}
ENVIRONMENT = {"PHANTOM_MASTER_KEY": MASTER, "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
SNAPSHOT = Snapshot(
    revision=1,
    deployments=(
        Deployment(
            id="d1",
            group="demo",
            provider="openai",
            model="gpt-x",
            address=Address(scheme="https", host="api.openai.com"),
            api_key=Secret("sk-provider-secret"),
            prices=Prices(version="t", input=1_000_000_000, output=2_000_000_000),
            headers=(("x-org", "o"),),
            mode="chat",
        ),
    ),
)


@dataclass(slots=True)
class Clock:
    """The present, or as much later as a test wants."""

    ahead: float = 0.0

    def __call__(self) -> float:
        """Unix seconds."""
        return time.time() + self.ahead


class Settings:
    """``litellm_settings`` in force; a test may put others there."""

    def __init__(self) -> None:
        self.now = LitellmSettings()

    def get(self) -> LitellmSettings:
        """Those in force."""
        return self.now

    def set(self, **settings: Any) -> None:
        """Have these from now on, as a file would say them."""
        self.now = LitellmSettings.model_validate(settings)


CONFIG = """
model_list:
  - model_name: demo
    litellm_params:
      model: openai/gpt-x
      api_key: sk-provider-secret
      input_cost_per_token: 0.000001
      output_cost_per_token: 0.000002
      extra_headers: {x-org: o}
    model_info: {id: d1, mode: chat}
phantom: {demo: false}
"""
"""What ``SNAPSHOT`` is like after the first change of the configuration in the database."""


@dataclass(frozen=True, slots=True)
class Rig:
    """What a test may touch."""

    path: Path
    services: ControlServices
    directory: KeyDirectory
    ingestion: Ingestion
    leases: Leases
    spine: SpineServer
    http: httpx.AsyncClient
    clock: Clock
    settings: Settings

    async def generate(self, **fields: Any) -> dict[str, Any]:
        """A new key."""
        answer = await self.http.post("/key/generate", json=fields, headers=ADMIN)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """A POST as administrator unless other headers are given."""
        return await self.http.post(path, json=body, headers=ADMIN if headers is None else headers)

    async def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> httpx.Response:
        """A GET as administrator unless other headers are given."""
        return await self.http.get(path, params=query, headers=ADMIN if headers is None else headers)

    def journal(self, incarnation: str) -> Journal:
        """The journal of a worker, open."""
        journal = Journal(self.path / "journal" / incarnation, incarnation, reserve_bytes=4096)
        journal.open()
        return journal

    @asynccontextmanager
    async def worker(self, name: str = "w1", **hello: Any) -> AsyncIterator[TestWorker]:
        """A worker that has been welcomed."""
        worker = await TestWorker.connect(self.path / "spine.sock")
        worker.send(Hello(version=PROTOCOL_VERSION, worker=name, slot=0, pid=1, **hello))
        worker.welcome = await worker.expect(Welcome)
        try:
            yield worker
        finally:
            await worker.close()


def bearer(key: str) -> dict[str, str]:
    """The header with which ``key`` calls."""
    return {"authorization": f"Bearer {key}"}


@asynccontextmanager
async def rig(path: Path, config: str = CONFIG, database: Database | None = None) -> AsyncIterator[Rig]:
    """Everything but the process: database (SQLite unless another is given), ingestion, spine, the application."""
    database = database or migrated_sqlite(path / "phantom.db")
    schema.migrate(database)
    hasher = KeyHasher(PEPPER)
    master = master_record(hasher.digest(MASTER.encode()))
    threads = AsyncDatabase(database)
    ingestion = Ingestion(path / "journal", database)
    ingestion.start(time.time())
    leases = Leases(ingestion.authority)
    directory = KeyDirectory(threads, lambda: master, epoch=1000)
    configuration = Configuration(SNAPSHOT, 1.0)
    clock = Clock()
    subjects = SubjectDirectory(threads, configuration)
    spine = SpineServer(
        SpineParts(configuration, directory, leases, ingestion, time.time, subjects, DatabaseWatch(database))
    )
    await spine.start(listen(path / "spine.sock"))
    parts = SignInParts(
        sessions=KeyHasher(Secret("cd" * 32)),
        invitations=KeyHasher(Secret("ef" * 32)),
        passwords=PasswordThreads(Passwords(memory_kib=64, passes=1, lanes=1)),
    )
    operator = Operator(lambda: configuration.people, lambda: master, hasher, parts.sessions)
    sessions = Sessions(threads, parts.sessions, lambda: configuration.people, operator)
    temporary = TemporaryLimits(threads, spine, time.time)
    temporary.start()
    settings = Settings()
    envelopes = vault.open_envelopes(database, Keyring(PEPPER), time.time())
    loader = ConfigurationLoader(_written(path, config), ENVIRONMENT, path, PEPPER)

    def stored() -> Stored:
        with database.read() as connection:
            return read_stored(connection, envelopes)

    async def install(snapshot: Snapshot | None) -> None:
        if snapshot is not None:
            await spine.broadcast_snapshot(snapshot)

    loader.read_stored = stored
    loader.read()
    if config != CONFIG:
        configuration.snapshot, configuration.notes = loader.load(1)
    services = ControlServices(
        database=threads,
        hasher=hasher,
        master=lambda: master,
        authenticator=Authenticator(hasher, lambda: master, directory, sessions=sessions),
        workers=spine,
        budgets=ingestion,
        configuration=configuration,
        envelopes=envelopes,
        loader=loader,
        refresher=Reloader(loader, configuration, install, time.time),
        node="test",
        sign_in=parts,
        sessions=sessions,
        clock=clock,
        temporary=temporary,
        litellm_settings=settings.get,
    )
    transport = httpx.ASGITransport(create_app(services, _routes()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://control") as client:
        yield Rig(path, services, directory, ingestion, leases, spine, client, clock, settings)
    await temporary.stop()
    await spine.stop()
    await leases.stop()
    await ingestion.stop()
    parts.passwords.close()
    threads.close()


@functools.cache
def _routes() -> tuple[BaseRoute, ...]:
    """Made once: they hold nothing of an application, and take most of its time."""
    return tuple(routes())


def _written(path: Path, config: str) -> Path:
    file = path / "config.yaml"
    file.write_text(config)
    return file


class TestWorker:
    """A worker's end of the spine, driven by a test. Messages are kept until somebody expects them."""

    __test__ = False

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._decoder = worker_decoder()
        self._seen: list[ToWorker] = []
        self.welcome: Welcome

    @classmethod
    async def connect(cls, path: Path) -> TestWorker:
        """A connection that has said nothing yet."""
        return cls(*await asyncio.open_unix_connection(path))

    def send(self, message: Message) -> None:
        """Say something."""
        self._writer.write(encode(message))

    def send_bytes(self, data: bytes) -> None:
        """Say something that may be no message."""
        self._writer.write(data)

    async def expect(self, kind: type[T]) -> T:
        """The next message of this kind; others before it are kept."""
        async with asyncio.timeout(5):
            while True:
                for index, message in enumerate(self._seen):
                    if isinstance(message, kind):
                        del self._seen[index]
                        return message
                data = await self._reader.read(65536)
                if not data:
                    raise ConnectionError("control has closed the connection")
                self._seen += self._decoder.feed(data)

    async def obey(self, kind: type[T]) -> T:
        """The same, confirmed."""
        message = await self.expect(kind)
        self.send(Ack(seq=message.seq))  # type: ignore[attr-defined]
        return message

    async def closed(self) -> bool:
        """Whether control closes the connection within five seconds."""
        async with asyncio.timeout(5):
            while data := await self._reader.read(65536):
                self._seen += self._decoder.feed(data)
        await self.close()
        return True

    async def close(self) -> None:
        """Leave."""
        self._writer.close()
        with suppress(ConnectionError):
            await self._writer.wait_closed()
