"""From what the operator wrote to what is served: configuration file, environment, master key."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec

from phantom_gateway.config.errors import ConfigError, Note, Position, Problem
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.config.schema_models import CredentialEntry, ModelEntry
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.compile import MASTER_PATH, check_model, compile_snapshot, context_of, read_config
from phantom_gateway.control.compile_cache import named
from phantom_gateway.control.compile_passes import Passing, check_pass
from phantom_gateway.control.compile_traits import traits_of_model
from phantom_gateway.control.people_settings import PeopleSettings, people_settings
from phantom_gateway.control.running import Difference, compared
from phantom_gateway.control.stored import Stored, merged
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.security import master
from phantom_gateway.spine.snapshot import Deployment, PricedModel, Prices, Snapshot
from phantom_gateway.store.database import DatabaseError

log = logging.getLogger(__name__)


class ConfigurationLoader:
    """Loads as often as asked. Without a file, providers are found by their keys in the environment.

    ``pepper`` must be there before the first ``load``: the configuration says where the key is that it is made from.
    """

    def __init__(
        self, path: Path | None, environment: Mapping[str, str], data_dir: Path, pepper: Secret | None = None
    ) -> None:
        self._path = path
        self._environment = environment
        self._data_dir = data_dir
        self.pepper = pepper
        self.cache_secret: Secret | None = None
        """Names and seals cached answers; without it nothing is cached."""
        self._first: Config | None = None
        self._loaded = False
        self._files: tuple[Path, ...] = () if path is None else (path,)
        self._written: Config
        self._stored = Stored()
        self._said: frozenset[str] = frozenset()
        """Warnings that were logged since the files were last read."""
        self.read_stored: Callable[[], Stored] = Stored
        """Asked at every load for what is kept in the database; raises DatabaseError."""
        self.config: Config
        """What is in force since the last successful ``load``: the file's word, and what the database adds."""
        self.differences: Sequence[Difference] = ()
        """What the last successful load has changed in ``config``; ``more``: how much beyond that."""
        self.more = 0
        self.master: master.MasterKey
        """The master key of the last successful ``load``."""
        self.people = PeopleSettings()
        """What that load says about people."""
        self.litellm_settings = LitellmSettings()
        """As the last successful ``load`` found them: what the admin API reads of them, workers need not know."""

    def read(self) -> Config:
        """What the operator wrote, checked; the next ``load`` loads exactly this. Raises ConfigError."""
        self._first = self._written = self.config = self._read()
        return self._first

    def load(self, revision: int) -> tuple[Snapshot, tuple[str, ...]]:
        """The snapshot and the remarks on it. Raises ConfigError, and changes nothing then."""
        config, self._first = self._first or self._read(), None
        try:
            self._stored = self.read_stored()
        except DatabaseError as error:
            if not self._loaded:
                raise
            # The file can change while the database is away; what was last read of it still holds.
            log.warning("models of the database are as they were last read (%s)", type(error).__name__)
        self._said = frozenset()
        return self._compile(config, revision)

    def refresh(self, revision: int) -> tuple[Snapshot, tuple[str, ...]]:
        """The same after a change in the database alone, with the file as it was last loaded. Raises ConfigError, DatabaseError."""
        self._stored = self.read_stored()
        return self._compile(self._written, revision, self.master if self._loaded else None)

    @property
    def written(self) -> Config:
        """The configuration file alone, as it was last loaded."""
        return self._written

    def check(self, entry: ModelEntry, credentials: Sequence[CredentialEntry]) -> Sequence[Problem]:
        """Why a model of the database, with these credentials beside the file's, could not be served."""
        return self.compiled(entry, credentials)[1]

    def compiled(
        self, entry: ModelEntry, credentials: Sequence[CredentialEntry]
    ) -> tuple[Deployment | None, Sequence[Problem]]:
        """The deployment of such a model, or why there is none."""
        config = merged(self._written, Stored(credentials=tuple(credentials)))
        context, _ = context_of(
            config,
            price_lookup=self.prices.lookup,
            environment=self._environment,
            demo_socket=str(demo_socket(self._data_dir)),
            pepper=self.pepper,
        )
        return check_model(entry, config, context)

    def check_pass(self, entry: Mapping[str, object]) -> Passing:
        """A path to pass through that is to be made over the API, compiled by itself, and what is wrong with it."""
        context, _ = context_of(
            self._written,
            price_lookup=self.prices.lookup,
            environment=self._environment,
            demo_socket=str(demo_socket(self._data_dir)),
            pepper=self.pepper,
        )
        return check_pass(entry, context)

    def tried(self, settings: Mapping[tuple[str, str], Any]) -> Sequence[Problem]:
        """Why nothing could be served any more with these settings of the database beside all others; nothing changes."""
        stored = replace(self._stored, settings={**self._stored.settings, **settings})
        try:
            self._snapshot(merged(self._written, stored), stored, 0)
        except ConfigError as error:
            return error.problems
        return ()

    def _snapshot(self, in_force: Config, stored: Stored, revision: int) -> tuple[Snapshot, tuple[Note, ...]]:
        assert self.pepper is not None
        snapshot, notes = compile_snapshot(
            in_force,
            revision,
            price_lookup=self.prices.lookup,
            environment=self._environment,
            demo_socket=str(demo_socket(self._data_dir)),
            pepper=self.pepper,
            stored=stored if in_force.general_settings.store_model_in_db is not False else Stored(),
        )
        return snapshot, tuple(notes)

    def _compile(
        self, config: Config, revision: int, key: master.MasterKey | None = None
    ) -> tuple[Snapshot, tuple[str, ...]]:
        in_force = merged(config, self._stored)
        snapshot, notes = self._snapshot(in_force, self._stored, revision)
        self.master = key or self._master_of(config)
        self.differences, self.more = compared(self.config, in_force) if self._loaded else ([], 0)
        self._loaded, self._written, self.config = True, config, in_force
        self.people = people_settings(in_force, self._environment)
        self.litellm_settings = in_force.litellm_settings
        self._warn(str(note) for note in notes if note.kind == "warning")
        return self._with_price_lists(self._with_cache(snapshot)), tuple(str(note) for note in notes)

    def _warn(self, warnings: Iterable[str]) -> None:
        """Log what an operator should hear without asking; what the database alone brought says nothing again of the files."""
        found = tuple(warnings)
        for warning in found:
            if warning not in self._said:
                log.warning("configuration: %s", warning)
        self._said = frozenset(found)

    def _master_of(self, config: Config) -> master.MasterKey:
        in_force = self.master if self._loaded else None
        try:
            return master.load(config.general_settings.master_key, self._environment, self._data_dir, in_force)
        except master.MasterKeyError as error:
            raise ConfigError([Problem(config.position(MASTER_PATH), MASTER_PATH, str(error))]) from error

    def files(self) -> Sequence[Path]:
        """The file and those it includes; after a failure also those that were complained about."""
        return self._files

    def _with_cache(self, snapshot: Snapshot) -> Snapshot:
        if snapshot.cache is None:
            return snapshot
        rules = None if self.cache_secret is None else named(snapshot.cache, self.cache_secret)
        return msgspec.structs.replace(snapshot, cache=rules)

    def _with_price_lists(self, snapshot: Snapshot) -> Snapshot:
        """Wildcards name their model with the request: workers get the prices of all models such a provider has."""
        upstreams = (*snapshot.deployments, *(each.upstream for each in snapshot.passes))
        providers = {each.provider for each in upstreams if each.model.endswith("*") and each.prices == Prices()}
        lists = {
            provider: {
                name: PricedModel(
                    prices=price.prices, max_output_tokens=price.max_output_tokens, traits=traits_of_model(price)
                )
                for name, price in self.prices.of_provider(provider).items()
            }
            for provider in sorted(providers)
        }
        return msgspec.structs.replace(snapshot, price_lists=lists)

    @cached_property
    def prices(self) -> PriceTable:
        """The price table."""
        return PriceTable.load()

    def _read(self) -> Config:
        if self._path is None:
            return Config()
        if self._loaded and _is_empty(self._path):
            # somebody is writing it, or has lost it: neither is the wish to serve nothing
            raise ConfigError([Problem(Position(str(self._path)), (), "the file is empty")])
        try:
            config = read_config(self._path, self._environment)
        except ConfigError as error:
            named = (Path(problem.position.file) for problem in error.problems)
            self._files = tuple(dict.fromkeys((*self._files, *(path for path in named if path.exists()))))
            raise
        self._files = (self._path, *(self._path.parent / name for name in config.include))
        return config


def demo_socket(data_dir: Path) -> Path:
    """Where the simulator behind the ``demo`` model listens."""
    return data_dir / "run" / "demo.sock"


def _is_empty(path: Path) -> bool:
    """Whether a file is there and has nothing in it."""
    try:
        return not path.read_bytes().strip()
    except OSError:
        return False  # whoever reads it next says why it cannot be
