"""Which public model names there are, and which of them the lists of a key and of everything above it admit.

One rule for the data plane, for discovery and for the admin API. A list admits a model when it is empty, says "everything",
or has an entry that is

- the name asked for, the name of the group that serves it, or the name behind an alias;
- a prefix of the name asked for or of the name behind it, ending in ``*``;
- an access group (``model_info.access_groups``) of the group that serves it.

Any other entry admits nothing; so a list with nothing but LiteLLM's ``no-default-models`` admits no model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from phantom_gateway.spine.messages import KeyRecord
    from phantom_gateway.spine.snapshot import Snapshot

EVERYTHING = frozenset({"*", "all-proxy-models", "all-team-models", "all-org-models"})
"""Entries that leave the choice to other lists."""
MAX_LISTS = 10_000


class Found(NamedTuple):
    """The group that serves a model, and the name of the model within it."""

    group: str
    model: str
    team: str = ""
    """The team whose own deployments serve it; empty: those of everybody."""


class _List(NamedTuple):
    """A list taken apart."""

    everything: bool
    names: frozenset[str]
    """Groups of its access groups included."""
    prefixes: tuple[str, ...]


class ModelNames:
    """The public names of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        routing = snapshot.routing
        self._groups = dict.fromkeys(deployment.group for deployment in snapshot.deployments if not deployment.team_id)
        self._teams: dict[str, dict[str, None]] = {}
        for deployment in snapshot.deployments:
            if deployment.team_id:
                self._teams.setdefault(deployment.team_id, {})[deployment.group] = None
        self._aliases = routing.aliases
        self._hidden = routing.hidden_aliases
        self._wildcards = _wildcards(self._groups)
        self._team_wildcards = {team: _wildcards(names) for team, names in self._teams.items()}
        self._members: dict[str, list[str]] = {}
        for deployment in snapshot.deployments:
            for access_group in deployment.access_groups:
                self._members.setdefault(access_group, []).append(deployment.group)
        self._lists: dict[tuple[str, ...], _List] = {}

    def find(self, model: str, team: str | None = None) -> Found | None:
        """What serves a public name: exact, by alias, or by the longest wildcard that matches as a prefix.

        A key of ``team`` is served by the team's own deployments, where there are any of the name.
        """
        own = self._teams.get(team) if team else None
        if own is not None and model in own:
            return Found(model, model, team or "")
        if model in self._groups:
            return Found(model, model)
        alias = self._aliases.get(model)
        if alias is not None:
            model = alias
            if own is not None and alias in own:
                return Found(alias, alias, team or "")
            if alias in self._groups:
                return Found(alias, alias)
        found = _longest(self._wildcards, model)
        theirs = None if own is None else _longest(self._team_wildcards[team or ""], model)
        if theirs is not None and len(theirs) >= len(found or ""):
            return Found(theirs, model, team or "")
        return None if found is None else Found(found, model)

    def admits(self, models: tuple[str, ...], model: str, team: str | None = None) -> bool:
        """Whether a list admits a public name, for a key of ``team``."""
        if not models:
            return True
        entry = self._lists.get(models)
        if entry is None:
            if len(self._lists) >= MAX_LISTS:
                self._lists.clear()
            entry = self._lists[models] = self._taken_apart(models)
        if entry.everything or model in entry.names or model.startswith(entry.prefixes):
            return True
        found = self.find(model, team)
        if found is None:
            return False
        return found.group in entry.names or found.model in entry.names or found.model.startswith(entry.prefixes)

    def refused_by(self, key: KeyRecord, model: str) -> str | None:
        """Whose list does not admit a public name (``key``, ``team``, ``member``, ...); None: nobody's."""
        if not self.admits(key.models, model, key.team_id):
            return "key"
        return next((kind for kind, models in key.model_lists if not self.admits(models, model, key.team_id)), None)

    def usable(self, key: KeyRecord) -> list[str]:
        """What a key may write as ``model``, in the order of the configuration, the key's own aliases at the end.

        Of a wildcard's models those are named that the key's lists name.
        """
        visible = [alias for alias in self._aliases if alias not in self._hidden]
        listed = [name for models in (key.models, *[names for _, names in key.model_lists]) for name in models]
        concrete = [name for name in listed if name not in self._aliases and not name.endswith("*")]
        own = self._teams.get(key.team_id or "", {})
        names = dict.fromkeys([*own, *self._groups, *visible, *concrete, *key.model_aliases])
        return [name for name in names if self.is_usable(key, name)]

    def served(self, key: KeyRecord) -> frozenset[tuple[str, str]]:
        """The groups that serve what a key may use, each with the team whose deployments do (empty: those of everybody)."""
        found = [self.find(key.model_aliases.get(name, name), key.team_id) for name in self.usable(key)]
        return frozenset([(each.group, each.team) for each in found if each is not None])

    def is_usable(self, key: KeyRecord, name: str) -> bool:
        """Whether a key may write ``name`` as ``model``."""
        model = key.model_aliases.get(name, name)
        return self.find(model, key.team_id) is not None and self.refused_by(key, model) is None

    def _taken_apart(self, models: tuple[str, ...]) -> _List:
        names = set(models)
        for name in models:
            names.update(self._members.get(name, ()))
        prefixes = tuple([name[:-1] for name in models if name.endswith("*")])
        return _List(not EVERYTHING.isdisjoint(models), frozenset(names), prefixes)


def _wildcards(names: Iterable[str]) -> list[str]:
    """The wildcards among ``names``, the longest first."""
    return sorted((name for name in names if name.endswith("*")), key=len, reverse=True)


def _longest(wildcards: list[str], model: str) -> str | None:
    return next((name for name in wildcards if model.startswith(name[:-1])), None)
