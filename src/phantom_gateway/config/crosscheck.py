"""What no single field can say: names that must exist, ids that must differ, addresses and keys that must be sound."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from phantom_gateway.config.credentials import is_credential_name
from phantom_gateway.config.database_address import AddressError, parse_database_url
from phantom_gateway.config.errors import KeyPath, Problem, nearest, shown
from phantom_gateway.config.known import LITELLM_PARAMS
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_models import LitellmParams, ModelEntry
from phantom_gateway.config.schema_router import AliasTarget
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import parse_url

MIN_MASTER_KEY = 20
PERMIT_WEAK = "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"
DEMO = "demo"

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}\Z", re.ASCII)
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e]{0,8192}\Z", re.ASCII)
_OWN_HEADERS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "te", "upgrade", "expect", "trailer", "keep-alive"}
)


def cross_check(config: Config, values: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Problem]:
    """All problems between the valid parts of ``config``; ``values`` are the raw ones, for the names of invalid entries."""
    check = _CrossCheck(config)
    yield from check.model_list()
    yield from check.names(_group_names(values))
    yield from check.general(environment)


def check_entry(config: Config, entry: ModelEntry) -> Iterator[Problem]:
    """The problems of one entry that does not stand in the file, beside what the file says."""
    alone = config.model_copy(update={"model_list": [entry]})
    for problem in _CrossCheck(alone.written({}, [0])).model_list():
        yield Problem(problem.position, problem.path[2:], problem.message, problem.hint)


def check_names(config: Config, models: Sequence[str]) -> Iterator[Problem]:
    """Fallbacks and aliases of ``config`` that name none of ``models``."""
    yield from _CrossCheck(config).names([*models])


def alias_target(value: str | AliasTarget) -> str:
    """The model an alias stands for."""
    return value.model if isinstance(value, AliasTarget) else value


def matches(pattern: str, name: str) -> bool:
    """Whether a public model name, perhaps ending in ``*``, covers ``name``."""
    return pattern == name or (pattern.endswith("*") and name.startswith(pattern[:-1]))


def _group_names(values: Mapping[str, Any]) -> list[str]:
    entries = values.get("model_list")
    entries = entries if isinstance(entries, list) else []
    names = [
        str(entry["model_name"]) for entry in entries if isinstance(entry, dict) and entry.get("model_name") is not None
    ]
    return [*dict.fromkeys(names)]


class _CrossCheck:
    def __init__(self, config: Config) -> None:
        self._config = config

    def _problem(self, path: KeyPath, message: str, hint: str = "") -> Problem:
        return Problem(self._config.position(path), path, message, hint)

    def model_list(self) -> Iterator[Problem]:
        credentials = {entry.credential_name for entry in self._config.credential_list}
        ids: dict[str, int] = {}
        for path, entry in self._config.entries():
            where = (*path, "litellm_params")
            yield from self._wildcards(path, entry.model_name, entry.litellm_params.model)
            yield from self._params(where, entry.litellm_params)
            yield from self._slips(where, entry.litellm_params)
            name = entry.litellm_params.litellm_credential_name
            if name is not None and name not in credentials:
                hint = nearest(name, credentials) or "see credential_list"
                yield self._problem((*where, "litellm_credential_name"), "names no entry of credential_list", hint)
            if (identity := entry.model_info.id) is not None:
                id_path = (*path, "model_info", "id")
                line = self._config.position(id_path).line
                if identity in ids:
                    yield self._problem(id_path, f"the id is already used in line {ids[identity]}")
                ids.setdefault(identity, line)

    def _slips(self, path: KeyPath, params: LitellmParams) -> Iterator[Problem]:
        """A misspelt credential would be sent to the provider as a parameter."""
        secret = [name for name in LitellmParams.model_fields if is_credential_name(name)]
        for key in params.model_extra or {}:
            if key not in LITELLM_PARAMS and (hint := nearest(key, secret, cutoff=0.8)):
                yield self._problem((*path, key), "unknown key; it would be sent to the provider as a parameter", hint)

    def _wildcards(self, path: KeyPath, name: str, model: str) -> Iterator[Problem]:
        if "*" in name[:-1]:
            yield self._problem((*path, "model_name"), "a wildcard is a single * at the end")
        if "*" in model[:-1]:
            yield self._problem((*path, "litellm_params", "model"), "a wildcard is a single * at the end")
        elif model.endswith("*") and not name.endswith("*"):
            yield self._problem((*path, "litellm_params", "model"), "a wildcard needs a model_name that ends in *, too")

    def _params(self, path: KeyPath, params: LitellmParams) -> Iterator[Problem]:
        if params.api_base is not None and params.base_url is not None:
            yield self._problem((*path, "base_url"), "is another name of api_base: set one of them")
        for key in ("api_base", "base_url"):
            if (text := getattr(params, key)) is not None:
                yield from self._url((*path, key), text)
        if isinstance(params.ssl_verify, str):
            yield from self._ca_file((*path, "ssl_verify"), params.ssl_verify)
        if params.api_key is not None and not _HEADER_VALUE.match(params.api_key.reveal()):
            yield self._problem((*path, "api_key"), "contains characters that cannot be sent in a header")
        for name, value in (params.extra_headers or {}).items():
            where = (*path, "extra_headers", name)
            text = value.reveal() if isinstance(value, Secret) else value
            if not _TOKEN.match(name) or name.lower() in _OWN_HEADERS:
                yield self._problem(where, "is not a header that can be set")
            elif isinstance(text, (dict, list)) or text is None or not _HEADER_VALUE.match(str(text)):
                yield self._problem(where, "must be a single line of printable ASCII")

    def _url(self, path: KeyPath, text: str) -> Iterator[Problem]:
        try:
            parse_url(text)
        except ValueError as error:
            yield self._problem(path, str(error))

    def _ca_file(self, path: KeyPath, text: str) -> Iterator[Problem]:
        try:
            found = Path(text).is_file()
        except (OSError, ValueError):
            found = False
        if not found:
            yield self._problem(path, "must be true, false or the path of a CA file that exists")

    def names(self, groups: list[str]) -> Iterator[Problem]:
        """Fallbacks and aliases name models that exist."""
        router, litellm = self._config.router_settings, self._config.litellm_settings
        aliases = {name: alias_target(value) for name, value in (router.model_group_alias or {}).items()}
        known = [*groups, *aliases, *([DEMO] if self._config.phantom.demo else [])]
        if not groups:  # the models come from the provider keys in the environment
            known.append("*")
        for alias, target in aliases.items():
            path: KeyPath = ("router_settings", "model_group_alias", alias)
            yield from self._alias(path, alias, aliases)
            if target not in aliases:
                yield from self._model(path, target, known)
        for section, settings in (("litellm_settings", litellm), ("router_settings", router)):
            for index, name in enumerate(settings.default_fallbacks or []):
                yield from self._model((section, "default_fallbacks", index), name, known)
            for key in ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks"):
                yield from self._fallbacks((section, key), getattr(settings, key) or [], known)

    def _alias(self, path: KeyPath, alias: str, aliases: Mapping[str, str]) -> Iterator[Problem]:
        seen, name = {alias}, aliases[alias]
        while name in aliases and name not in seen:
            seen.add(name)
            name = aliases[name]
        if name == alias:
            yield self._problem(path, "the alias leads back to itself")

    def _fallbacks(self, path: KeyPath, fallbacks: list[dict[str, list[str]]], known: list[str]) -> Iterator[Problem]:
        for index, mapping in enumerate(fallbacks):
            for model, targets in mapping.items():
                where = (*path, index, model)
                if model != "*":
                    yield from self._model(where, model, known)
                for place, target in enumerate(targets):
                    if target == model:
                        yield self._problem((*where, place), "a model cannot fall back to itself")
                    else:
                        yield from self._model((*where, place), target, known)

    def _model(self, path: KeyPath, name: str, known: list[str]) -> Iterator[Problem]:
        if not any(matches(pattern, name) for pattern in known):
            yield self._problem(path, f"no model is named {shown(name)}", nearest(name, known))

    def general(self, environment: Mapping[str, str]) -> Iterator[Problem]:
        general = self._config.general_settings
        key = general.master_key
        permitted = environment.get(PERMIT_WEAK, "").lower() == "true"
        path: KeyPath = ("general_settings", "master_key")
        if key is not None and not key.reveal().startswith("sk-"):
            yield self._problem(path, "must start with sk-")
        elif key is not None and len(key.reveal()) < MIN_MASTER_KEY and not permitted:
            hint = "remove it to have one made, or use sk- and 32 random characters"
            yield self._problem(path, f"is too short to be safe: at least {MIN_MASTER_KEY} characters", hint)
        if general.database_url is not None:
            try:
                parse_database_url(general.database_url.reveal())
            except AddressError as error:
                yield self._problem(("general_settings", "database_url"), str(error))
        if isinstance(self._config.litellm_settings.ssl_verify, str):
            yield from self._ca_file(("litellm_settings", "ssl_verify"), self._config.litellm_settings.ssl_verify)
        if (proxy := self._config.phantom.egress.proxy) is not None and (reason := proxy_problem(proxy.reveal())):
            yield self._problem(("phantom", "egress", "proxy"), reason)


def proxy_problem(text: str) -> str:
    """Why ``text`` is no proxy that can be used, or an empty string. User and password are allowed here."""
    if not text.startswith("http://"):
        return "must be http://[user:password@]host:port"
    _, at, rest = text.removeprefix("http://").rpartition("@")
    if at and not _HEADER_VALUE.match(text):
        return "contains characters that no URL has"
    try:
        url = parse_url(f"http://{rest}")
    except ValueError as error:
        return str(error)
    return "must be http://[user:password@]host:port, without a path" if url.path or url.query else ""
