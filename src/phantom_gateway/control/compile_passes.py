"""Paths that are passed through, from the configuration: the providers' whole APIs, and ``pass_through_endpoints``.

A provider's API is there when its key is known: from its variable, or from a deployment with ``use_in_pass_through``. Where a
request goes is fixed here; nothing of a request changes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.config.credentials import is_credential_name
from phantom_gateway.config.errors import KeyPath, Note, NoteKind, Problem, nearest
from phantom_gateway.config.known import UNKNOWN_HERE
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import Url, parse_url
from phantom_gateway.control.compile_address import AddressError, compile_address
from phantom_gateway.control.stored import DATABASE, StoredPass
from phantom_gateway.dialects import operations
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.providers.passes import PASSES, ROOTS, PassProvider
from phantom_gateway.spine.snapshot import Address, Deployment, Pass, Prices

if TYPE_CHECKING:
    from phantom_gateway.control.compile_deployment import Compiled, Context

WHERE = ("general_settings", "pass_through_endpoints")
KEYS = frozenset(
    {
        "id", "path", "target", "headers", "auth", "include_subpath", "cost_per_request", "methods", "timeout", "guardrails",
        "default_query_params", "forward_headers", "merge_query_params",
    }
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
RESERVED = frozenset(
    {
        "access_group", "agent", "approval", "audit", "budget", "cache", "config", "cost", "credentials", "customer", "docs",
        "end_user", "fallback", "get", "global", "health", "invitation", "key", "login", "logout", "metrics", "model",
        "model_group", "models", "onboarding", "openapi.json", "organization", "project", "provider", "role", "sessions",
        "spend", "sso", "tag", "team", "ui", "update", "usage", "user", "utils", "whoami",
    }
)  # fmt: skip
"""First segments of the admin API: its paths are never passed on."""
VERSIONS = ("/v1", "/v2", "/v3", "/v1beta")
"""Below them are paths of the gateway; others may be passed on one by one."""
_PATH = re.compile(r"(/[A-Za-z0-9_~.-]{1,64}){1,8}")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_LINE = re.compile(r"[\t\x20-\x7e]{0,8192}")
_VARIABLE = re.compile(r"(?i)((?:bearer|basic|token) +)?os\.environ/([A-Za-z_][A-Za-z0-9_]*)")


@dataclass(slots=True)
class Passing:
    """What came of it."""

    passes: dict[str, Pass] = field(default_factory=dict)
    """By path."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)


class _Refused(Exception):
    """A value cannot be used."""

    def __init__(self, key: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.key, self.message, self.hint = key, message, hint


def compile_passes(context: Context, compilation: Sequence[Compiled], stored: Sequence[StoredPass] = ()) -> Passing:
    """Every path of the configuration, those of providers first; never raises for what an operator can write.

    Of ``stored`` is left out, with a note, what cannot be used or has the path of something else.
    """
    found = Passing()
    lent = _lent(context, compilation)
    for provider in PASSES:
        made = _of_deployment(provider, lent[provider.provider]) if provider.provider in lent else None
        made = made or _of_environment(provider, context, found)
        if made is not None:
            found.passes[made.path] = made
    for index, entry in enumerate(context.config.general_settings.pass_through_endpoints or ()):
        _Entry(entry, (*WHERE, index), context, found).compile()
    for each in stored:
        alone = check_pass(each.entry, context)
        wrong = [problem.message for problem in alone.problems]
        if alone.passes.keys() & found.passes.keys():
            wrong.append("the configuration has an endpoint at its path")
        if wrong:
            where = ("pass_through_endpoints", each.id)
            found.notes.append(Note("warning", DATABASE, where, f"{wrong[0]}: the endpoint is left out"))
        else:
            found.passes |= alone.passes
    return found


def check_pass(entry: Mapping[str, Any], context: Context) -> Passing:
    """An endpoint made over the API, by itself; paths of problems begin with its field. It resolves no variables."""
    found = Passing()
    _Entry(entry, (), context, found, resolves=False).compile()
    return found


def _lent(context: Context, compilation: Sequence[Compiled]) -> dict[str, Deployment]:
    """The first deployment of each provider that passed requests may use: of the file, and of everybody."""
    marked = {
        entry.model_info.id or entry.model_name
        for _, entry in context.config.entries()
        if entry.litellm_params.use_in_pass_through
    }
    lent: dict[str, Deployment] = {}
    for compiled in compilation:
        each = compiled.deployment
        if each is None or each.api_key is None or each.db_model or each.team_id:
            continue
        if not marked.isdisjoint((each.id, each.group)):
            lent.setdefault(each.provider, each)
    return lent


def _of_deployment(provider: PassProvider, deployment: Deployment) -> Pass:
    base = deployment.base_path
    root = next((each for each in ROOTS if base.endswith(each)), "")
    made = _built_in(
        provider,
        deployment.address,
        base.removesuffix(root),
        deployment.api_key,
        deployment.headers,
        deployment.secret_headers,
    )
    shown = {"auth_header": deployment.auth_header, "auth_prefix": deployment.auth_prefix}
    return msgspec.structs.replace(made, upstream=msgspec.structs.replace(made.upstream, **shown))


def _of_environment(provider: PassProvider, context: Context, found: Passing) -> Pass | None:
    """With the key of the provider's own variable."""
    key = context.environment.first(*provider.key_env)
    if key is None:
        return None
    base = context.environment.first(*provider.base_env) if provider.base_env else None
    region = context.environment.first(*provider.region_env) if provider.region_env else None
    text = base[1] if base else provider.base_url
    if not base and provider.region_env:
        if region is None or not re.fullmatch(r"[a-z0-9-]{2,32}", region[1]):
            return None
        text = provider.base_url.format(region=region[1])
    if not text:
        return None
    try:
        url = parse_url(text)
        address = compile_address(url, context.egress, explicit=base is not None, ssl_verify=None)
    except (ValueError, AddressError) as error:
        message = f"/{provider.name} is not passed through: its address {error}"
        found.notes.append(Note("warning", context.config.position(WHERE), WHERE, message))
        return None
    root = next((each for each in ROOTS if url.path.endswith(each)), "")
    return _built_in(provider, address, url.path.removesuffix(root), Secret(key[1]), (), ())


def _built_in(
    provider: PassProvider,
    address: Address,
    base: str,
    key: Secret | None,
    headers: tuple[tuple[str, str], ...],
    secret: tuple[tuple[str, Secret], ...],
) -> Pass:
    upstream = Deployment(
        id=f"pass-through/{provider.name}",
        group=f"/{provider.name}",
        provider=provider.provider,
        model="*",
        address=address,
        base_path=base,
        headers=tuple([pair for pair in headers if pair[0] != "anthropic-version"]),
        secret_headers=secret,
        auth_header=provider.auth_header,
        auth_prefix=provider.auth_prefix,
        api_key=key,
    )
    return Pass(
        path=f"/{provider.name}",
        upstream=upstream,
        shape=provider.shape,
        metered=provider.metered,
        free=provider.free,
        root=provider.root,
        escaped_slash=provider.escaped_slash,
    )


class _Entry:
    """One of ``pass_through_endpoints``."""

    def __init__(self, entry: Any, path: KeyPath, context: Context, found: Passing, *, resolves: bool = True) -> None:
        self._entry = entry
        self._resolves = resolves
        self._path = path
        self._context = context
        self._found = found

    def compile(self) -> None:
        entry = self._entry
        if not isinstance(entry, dict):
            self._problem("", "must be a mapping with path and target")
            return
        for key in sorted(map(str, entry.keys() - KEYS)):
            self._problem(key, "unknown key", nearest(key, [*KEYS]))
        try:
            made = self._pass(entry)
        except _Refused as refused:
            self._problem(refused.key, refused.message, refused.hint)
            return
        if made.path in self._found.passes and made.path not in {f"/{each.name}" for each in PASSES}:
            self._problem("path", "is there twice")
        self._found.passes[made.path] = made

    def _pass(self, entry: Mapping[str, Any]) -> Pass:
        path, url = self._place(entry), self._target(entry)
        try:
            address = compile_address(url, self._context.egress, explicit=True, ssl_verify=None)
        except AddressError as error:
            raise _Refused("target", str(error)) from error
        plain, secret = self._headers(entry)
        known = next((each for each in PASSES if each.base_url and _host(each) == url.host), None)
        cost = self._cost(entry)
        if entry.get("auth") is False:
            self._note("auth", "a key is always needed: the request carries the operator's credentials")
        for key in ("guardrails", "merge_query_params"):
            if entry.get(key):
                self._note(key, UNKNOWN_HERE, kind="later")
        seconds = entry.get("timeout")
        if seconds is not None and (isinstance(seconds, bool) or not isinstance(seconds, int | float) or seconds <= 0):
            raise _Refused("timeout", "must be a number of seconds above 0")
        upstream = Deployment(
            id=f"pass-through{path}",
            group=path,
            provider=known.provider if known else "pass_through",
            model="*",
            address=address,
            base_path=url.path,
            query=url.query,
            headers=plain,
            secret_headers=secret,
            prices=Prices(version="config", request=cost) if cost else Prices(),
            timeout_s=seconds,
        )
        metered = "" if known is None or cost else known.metered
        return Pass(
            path=path,
            upstream=upstream,
            subpaths=self._flag(entry, "include_subpath"),
            methods=self._methods(entry),
            query=self._query(entry),
            all_headers=self._flag(entry, "forward_headers"),
            shape=known.shape if known else "",
            metered=metered
            if not url.path or not metered
            else f"{metered}|^$"
            if re.search(f"{metered}$", url.path)
            else metered,
        )

    def _place(self, entry: Mapping[str, Any]) -> str:
        path = entry.get("path")
        if not isinstance(path, str) or not _PATH.fullmatch(path.rstrip("/")) or "/." in path:
            raise _Refused("path", "must be a path of letters, digits, '-', '_' and '.', beginning with /")
        path = path.rstrip("/")
        if path.split("/")[1] in RESERVED or path in VERSIONS:
            raise _Refused("path", "belongs to the gateway's own API")
        if operations.find(path.encode()) is not None:
            self._note("path", "is served by the gateway itself: add a model for it; this target is never asked")
        return path

    def _target(self, entry: Mapping[str, Any]) -> Url:
        target = entry.get("target")
        try:
            return parse_url(target if isinstance(target, str) else "")
        except ValueError as error:
            raise _Refused("target", str(error)) from error

    def _headers(self, entry: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Secret], ...]]:
        written = entry.get("headers") or {}
        if not isinstance(written, dict):
            raise _Refused("headers", "must be a mapping")
        plain, secret = list[tuple[str, str]](), list[tuple[str, Secret]]()
        for name, value in written.items():
            text = self._resolved(value.reveal() if isinstance(value, Secret) else str(value))
            if not _HEADER.fullmatch(str(name)) or not _LINE.fullmatch(text):
                raise _Refused("headers", "has a header that cannot be sent")
            if isinstance(value, Secret) or is_credential_name(str(name)) or text != str(value):
                secret.append((str(name).lower(), Secret(text)))
            else:
                plain.append((str(name).lower(), text))
        return tuple(plain), tuple(secret)

    def _resolved(self, text: str) -> str:
        """LiteLLM's ``bearer os.environ/NAME``."""
        match = _VARIABLE.fullmatch(text) if self._resolves else None
        if match is None:
            return text
        found = self._context.environment.first(match[2])
        if found is None:
            raise _Refused("headers", f"the environment variable {match[2]} is not set")
        return (match[1] or "") + found[1]

    def _cost(self, entry: Mapping[str, Any]) -> int:
        cost = entry.get("cost_per_request")
        try:
            nano = 0 if cost is None else usd_to_nano(cost)
        except (ValueError, TypeError):
            nano = -1
        if not 0 <= nano <= 1 << 53:
            raise _Refused("cost_per_request", "must be an amount of US dollars, not below 0")
        return nano

    def _methods(self, entry: Mapping[str, Any]) -> tuple[str, ...]:
        methods = entry.get("methods") or []
        if not isinstance(methods, list) or not {str(each).upper() for each in methods} <= set(METHODS):
            raise _Refused("methods", f"must be a list of {', '.join(METHODS)}")
        return tuple(str(each).upper() for each in methods)

    def _query(self, entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
        query = entry.get("default_query_params") or {}
        if not isinstance(query, dict) or any(isinstance(each, dict | list) for each in query.values()):
            raise _Refused("default_query_params", "must be a mapping of names and values")
        return tuple(
            (str(name), self._resolved(each.reveal() if isinstance(each, Secret) else str(each)))
            for name, each in query.items()
        )

    def _flag(self, entry: Mapping[str, Any], key: str) -> bool:
        value = entry.get(key)
        if value is not None and not isinstance(value, bool):
            raise _Refused(key, "must be true or false")
        return value is True

    def _problem(self, key: str, message: str, hint: str = "") -> None:
        path = (*self._path, key) if key else self._path
        self._found.problems.append(Problem(self._context.config.position(path), path, message, hint))

    def _note(self, key: str, message: str, kind: NoteKind = "warning") -> None:
        path = (*self._path, key)
        self._found.notes.append(Note(kind, self._context.config.position(path), path, message))


def _host(provider: PassProvider) -> str:
    """The host of a provider whose address is fixed, else nothing."""
    return "" if "{" in provider.base_url else parse_url(provider.base_url).host
