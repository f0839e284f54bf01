"""What the admin API is made of, put together once at start and handed to the application."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

import sqlalchemy as sa

from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.control.auth import Authenticator
from phantom_gateway.control.checks.log import HealthLog
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.loader import ConfigurationLoader
from phantom_gateway.control.people_settings import PeopleSettings
from phantom_gateway.control.running import RELOADS, Reload
from phantom_gateway.control.sign_in.parts import SignInParts
from phantom_gateway.control.sign_in.sessions import Sessions
from phantom_gateway.control.spending.live import LiveTails
from phantom_gateway.control.usage.remembered import Remembered
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.security.envelope import Envelopes
from phantom_gateway.spine.messages import DeploymentHealth, KeyRecord, Load
from phantom_gateway.spine.snapshot import Snapshot
from phantom_gateway.store.spend import WindowSpend

T = TypeVar("T")

CONFIGURATION = "configuration:database"
"""Told to other nodes like a changed entity: models, credentials, fallbacks or settings of the database are others now."""


class Budgets(Protocol):
    """What counts as spent, as the admin API may change it."""

    async def change_budgets(self, change: Callable[[sa.Connection], tuple[T, Sequence[WindowSpend]]]) -> T:
        """Commit a change that alters what counts as spent; the authority learns it before any further row is taken in."""
        ...


class Workers(Protocol):
    """The gateway workers, as the admin API sees them."""

    async def invalidate(self, entities: tuple[str, ...]) -> None:
        """Make every worker forget what these entities are part of; none named means everything.

        Returns when all have confirmed it, or after a second.
        """
        ...

    async def explain(
        self, key: KeyRecord, path: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> bytes | None:
        """What would happen to a request, as JSON; None when no worker can say."""
        ...

    @property
    def ready_workers(self) -> int:
        """Workers connected and greeted."""
        ...

    @property
    def loads(self) -> Mapping[str, Load]:
        """The last load each connected worker has reported."""
        ...

    @property
    def healths(self) -> Mapping[str, Mapping[str, DeploymentHealth]]:
        """What each connected worker has learnt of the deployments, by worker and deployment."""
        ...


class Temporary(Protocol):
    """What ends by itself at a moment that workers must notice."""

    def note(self, entity: str, at: float) -> None:
        """``entity`` has something that ends at Unix time ``at``."""
        ...


class Refresher(Protocol):
    """What brings changes of the configuration into force."""

    async def refresh(self) -> bool:
        """Serve what the database says now, on every worker of this node; whether that came about."""
        ...


@dataclass(slots=True)
class Configuration:
    """What is being served, and how the last attempt to load something newer ended."""

    snapshot: Snapshot
    loaded_at: float
    problems: tuple[str, ...] = ()
    """Why the newest version of the files is not being served; empty when it is."""
    failed_at: float | None = None
    notes: tuple[str, ...] = ()
    people: PeopleSettings = field(default_factory=PeopleSettings)
    reloads: deque[Reload] = field(default_factory=lambda: deque(maxlen=RELOADS))
    """The last of them, the newest last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlServices:
    """Everything a handler may use."""

    database: AsyncDatabase
    hasher: KeyHasher
    master: Callable[[], KeyRecord]
    authenticator: Authenticator
    workers: Workers
    budgets: Budgets
    configuration: Configuration
    sign_in: SignInParts
    sessions: Sessions
    envelopes: Envelopes
    """Seals secrets for the database."""
    loader: ConfigurationLoader
    """What the configuration file and the database say."""
    refresher: Refresher
    checks: HealthLog = field(default_factory=HealthLog)
    """The last health checks."""
    tails: LiveTails = field(default_factory=LiveTails)
    """Who looks at the log live."""
    remembered: Remembered = field(default_factory=Remembered)
    """Answers about usage that need not be of this very second."""
    node: str = ""
    """The name of this machine, as audit records carry it."""
    litellm_settings: Callable[[], LitellmSettings] = field(default=LitellmSettings)
    """Those in force: defaults and bounds of what the admin API makes."""
    temporary: Temporary
    clock: Callable[[], float] = field(default=time.time)
    """Unix seconds."""
