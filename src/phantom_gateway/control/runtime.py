"""Control put together: what is started in which order, and how it ends.

Order of start: keys, database and configuration; then the journals, the spine, the simulator and the API. Order of end:
no new calls, no new words of workers, then the journals as far as they are written, then the database.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING

from phantom_gateway.control.app import create_app
from phantom_gateway.control.audit_watch import AuditWatch
from phantom_gateway.control.auth import Authenticator
from phantom_gateway.control.backends import Backends, backends_of
from phantom_gateway.control.bridge_plan import BridgePlanner, Tell
from phantom_gateway.control.checks.background import BackgroundChecks
from phantom_gateway.control.configured_budgets import by_entity, seed_configured
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.database_watch import DatabaseWatch
from phantom_gateway.control.entities.chain import master_record
from phantom_gateway.control.http_server import HttpServer, admin_listener
from phantom_gateway.control.ingestion import Ingestion
from phantom_gateway.control.key_directory import KeyDirectory
from phantom_gateway.control.keys.rotation import Rotation
from phantom_gateway.control.leases import Leases
from phantom_gateway.control.loader import ConfigurationLoader
from phantom_gateway.control.places import DataDirectory
from phantom_gateway.control.reload import Reloader
from phantom_gateway.control.retention import Retention
from phantom_gateway.control.services import Configuration, ControlServices
from phantom_gateway.control.sign_in.identity import Operator
from phantom_gateway.control.sign_in.parts import sign_in_parts
from phantom_gateway.control.sign_in.sessions import Sessions
from phantom_gateway.control.soft_budgets import SoftBudgets
from phantom_gateway.control.spine_server import SpineParts, SpineServer
from phantom_gateway.control.stored import Stored, read_stored
from phantom_gateway.control.subjects import SubjectDirectory
from phantom_gateway.control.temporary import TemporaryLimits
from phantom_gateway.limits import configured
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.security.keyring import Purpose
from phantom_gateway.security.master import MasterKey
from phantom_gateway.security.root_key import open_root
from phantom_gateway.simulator.server import Simulator
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.spine.snapshot import Snapshot
from phantom_gateway.store import facts, partitions, schema, vault
from phantom_gateway.store.database import Database, DatabaseError

if TYPE_CHECKING:
    from phantom_gateway.control.cluster import Cluster
    from phantom_gateway.control.telling import Telling

log = logging.getLogger(__name__)


class MasterHolder:
    """The record of the master key in force; a reload may bring another."""

    def __init__(self, hasher: KeyHasher, key: MasterKey) -> None:
        self._hasher = hasher
        self.record = self._record(key)

    def get(self) -> KeyRecord:
        """The record."""
        return self.record

    def replace(self, key: MasterKey) -> tuple[str, ...]:
        """Put another key in force; what workers must forget."""
        old, self.record = self.record, self._record(key)
        return () if old.id == self.record.id else (f"digest:{old.id}", f"digest:{self.record.id}")

    def _record(self, key: MasterKey) -> KeyRecord:
        return master_record(self._hasher.digest(key.secret.reveal().encode()))


class Control:
    """One running control, in a data directory that is taken already."""

    def __init__(
        self,
        places: DataDirectory,
        config: Path | None,
        environment: MutableMapping[str, str],
        tell: Tell | None = None,
    ) -> None:
        self._places = places
        self._bridge = BridgePlanner(tell, places.root)
        self._config = config
        self._environment = environment
        self._simulator: Simulator | None = None
        self.loader: ConfigurationLoader
        self.reloader: Reloader

    async def start(self) -> None:
        """Everything answers when this returns.

        Raises ConfigError, KeyringError, SealedError, SchemaError, WrongPepperError, NotAloneError, DatabaseError,
        OSError.
        """
        places = self._places
        self.loader = ConfigurationLoader(self._config, self._environment, places.root)
        config = self.loader.read()
        backends = backends_of(config, self._environment, places.database)
        database = backends.open()
        schema.migrate(database)
        partitions.prepare(database, time.time())
        may_create = not vault.is_initialised(database)
        keyring = open_root(config.phantom.security.root_key, places.root, self._environment, may_create=may_create)
        self.loader.pepper = pepper = keyring.derive(Purpose.KEY_DIGEST)
        self.loader.cache_secret = keyring.derive(Purpose.ANSWER_CACHE)
        hasher = KeyHasher(pepper)
        facts.check_pepper(database, hasher.fingerprint)
        self._envelopes = vault.open_envelopes(database, keyring, time.time())
        self.loader.read_stored = self._read_stored
        self._database = AsyncDatabase(database)
        snapshot, notes = self.loader.load(1)
        self.configuration = Configuration(snapshot, time.time(), notes=notes, people=self.loader.people)
        self._master = MasterHolder(hasher, self.loader.master)
        cluster = self._cluster = await _join(backends, database, places) if database.shared else None
        self._ingestion = self._journals(database)
        self._ingestion.start(time.time())
        self._leases = Leases(self._ingestion.authority)
        # Starts at the clock, so that no worker mistakes the count of a new control for that of the old one.
        directory = KeyDirectory(self._database, self._master.get, epoch=time.time_ns() // 1_000_000)
        subjects = SubjectDirectory(self._database, self.configuration)
        watch = DatabaseWatch(database)
        parts = SpineParts(self.configuration, directory, self._leases, self._ingestion, time.time, subjects, watch)
        await self._seed(snapshot)
        await self._bridge.tell(snapshot)
        self._spine = SpineServer(parts)
        await self._spine.start(places.spine_listener)
        await self._serve_demo(snapshot)
        self._sign_in = sign_in_parts(keyring)
        operator = Operator(lambda: self.configuration.people, self._master.get, hasher, self._sign_in.sessions)
        sessions = Sessions(self._database, self._sign_in.sessions, lambda: self.configuration.people, operator)
        self._temporary = TemporaryLimits(self._database, self._spine, time.time)
        self.reloader = Reloader(self.loader, self.configuration, self._install, time.time)
        services = ControlServices(
            database=self._database,
            hasher=hasher,
            master=self._master.get,
            authenticator=Authenticator(hasher, self._master.get, directory, self._key_header, sessions),
            workers=self._spine if cluster is None else self._tell(cluster),
            budgets=self._ingestion,
            configuration=self.configuration,
            envelopes=self._envelopes,
            loader=self.loader,
            refresher=self.reloader,
            node=socket.gethostname(),
            sign_in=self._sign_in,
            sessions=sessions,
            litellm_settings=lambda: self.loader.litellm_settings,
            temporary=self._temporary,
        )
        listeners = [places.control_listener]
        if self.configuration.snapshot.settings.admin_listen:
            listeners.append(admin_listener(self.configuration.snapshot.settings.admin_listen))
        self._http = HttpServer(create_app(services), listeners)
        await self._http.start()
        self._temporary.start()
        self.reloader.start()
        self._audit_watch = AuditWatch(self._database, places.root)
        self._audit_watch.start()
        self._checks = BackgroundChecks(services, self._spine)
        self._checks.start()
        self.soft_budgets = SoftBudgets(self._database, time.time)
        self.soft_budgets.start()
        self.rotation = Rotation(services, lambda: self.loader.config.phantom.keys.rotation_grace)
        self.rotation.start()
        self.retention = Retention(
            self._database,
            socket.gethostname() if cluster is None else cluster.node,
            lambda: self.loader.config.general_settings,
            time.time,
        )
        self.retention.start()

    async def stop(self) -> None:
        """Finish what is under way and what is written, and let everything go."""
        await self.reloader.stop()
        await self._checks.stop()
        await self._temporary.stop()
        await self._http.stop()
        await self._spine.stop()
        await self._leases.stop()
        await self._ingestion.stop()
        if self._cluster is not None:
            await self._cluster.stop()
        if self._simulator is not None:
            await self._simulator.close()
        await self.soft_budgets.stop()
        await self.retention.stop()
        await self.rotation.stop()
        await self._audit_watch.stop()
        self._note_operations()
        self._sign_in.passwords.close()
        self._database.close()
        self._places.release()

    def _read_stored(self) -> Stored:
        with self._database.database.read() as connection:
            return read_stored(connection, self._envelopes)

    def _note_operations(self) -> None:
        try:
            with self._database.database.write() as connection:
                vault.note_operations(connection, self._envelopes.take_operations())
        except DatabaseError as error:
            log.warning("the count of sealed secrets is not kept (%s)", type(error).__name__)

    def _journals(self, database: Database) -> Ingestion:
        cluster, threads = self._cluster, self._database
        if cluster is None:
            return Ingestion(self._places.journal, database)
        return Ingestion(
            self._places.journal,
            database,
            cluster.node,
            lambda awaiting, now: cluster.authority(threads, awaiting, now),
        )

    def _tell(self, cluster: Cluster) -> Telling:
        telling = cluster.begin(self._spine, self._leases)
        telling.refresh = self.reloader.refresh
        return telling

    def _key_header(self) -> str:
        return self.configuration.snapshot.settings.key_header

    async def _seed(self, snapshot: Snapshot) -> None:
        """What was spent before a budget was configured counts against it."""
        limits, master, now = tuple(configured.budgets(snapshot)), self._master.get().id, time.time()
        self._ingestion.configure(by_entity(snapshot, master))
        if limits:
            await self._ingestion.change_budgets(
                lambda connection: (None, seed_configured(connection, limits, master, now))
            )

    async def _serve_demo(self, snapshot: Snapshot) -> None:
        """Start the simulator when a deployment needs it for the first time; a reload may bring one."""
        wanted = any(deployment.provider == "demo" for deployment in snapshot.deployments)
        if wanted and self._simulator is None:
            self._simulator = Simulator()
            await self._simulator.start_unix(self._places.demo_socket)

    async def _install(self, snapshot: Snapshot | None) -> None:
        forgotten = self._master.replace(self.loader.master)
        self.configuration.people = self.loader.people
        if snapshot is not None:
            await self._serve_demo(snapshot)
            await self._seed(snapshot)
            await self._bridge.tell(snapshot)
            await self._spine.broadcast_snapshot(snapshot)
        if forgotten:
            await self._spine.invalidate(forgotten)


async def _join(backends: Backends, database: Database, places: DataDirectory) -> Cluster:
    # Imported here: the clients of PostgreSQL and Redis, which a node of its own never needs.
    from phantom_gateway.control.cluster import Cluster

    cluster = Cluster(backends, database, places)
    await cluster.enter()
    return cluster
