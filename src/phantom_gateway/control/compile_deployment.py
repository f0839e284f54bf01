"""From an entry of ``model_list`` to a ``Deployment``.

The key of a deployment is its ``api_key``, else the provider's environment variable. The variable is used at the provider's own
address only (or one taken from the provider's ``*_API_BASE`` variable): a foreign ``api_base`` does not get the provider's key
unless the operator writes it there.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phantom_gateway.config.credentials import holds_secret, is_credential_name
from phantom_gateway.config.errors import KeyPath, Note, NoteKind, Problem, shown
from phantom_gateway.config.known import LITELLM_PARAMS, UNKNOWN_HERE
from phantom_gateway.config.schema import Config, Environment
from phantom_gateway.config.schema_models import LitellmParams, ModelEntry
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import Url, parse_url
from phantom_gateway.control.compile_address import AddressError, Egress, compile_address
from phantom_gateway.control.compile_bridge import PATHS as BRIDGE_PATHS
from phantom_gateway.control.compile_bridge import Around, Bridge, BridgeError, compile_bridge
from phantom_gateway.control.compile_budgets import budget
from phantom_gateway.control.compile_grant import GrantError, compile_grant
from phantom_gateway.control.compile_prices import ModelPrice, PriceLookup, compile_prices
from phantom_gateway.control.compile_provider import ROUTER, Target, UnknownProviderError, resolve
from phantom_gateway.control.compile_traits import traits_of_model
from phantom_gateway.providers.catalogue import (
    AZURE_PATHS,
    MEDIA,
    OPENAI_PATHS,
    PATHS,
    RESPONSES,
    RESPONSES_PATHS,
    SINGLE_MODES,
    TEXT_MODES,
    Provider,
)
from phantom_gateway.spine.snapshot import Address, Deployment, Prices, TokenGrant

AZURE_API_VERSION = "2025-02-01-preview"
"""LiteLLM 1.106.2's default."""
AZURE_V1 = ("v1", "latest", "preview")

_OF_CALLS = frozenset({"model", "messages", "stream", "stream_options"})
"""What a deployment does not say for its callers."""


_SECRET = frozenset(
    {
        "api_key", "client_secret", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_web_identity_token",
        "vertex_credentials",
    }
)  # fmt: skip
_OF_CREDENTIALS = _SECRET | {
    "api_base", "api_version", "organization", "aws_region_name", "aws_role_name", "aws_session_name",
    "aws_bedrock_runtime_endpoint",
    "vertex_project", "vertex_location", "tenant_id", "client_id", "client_secret", "azure_scope",
}  # fmt: skip
"""What an entry of ``credential_list`` may hold."""


@dataclass(frozen=True, slots=True)
class Context:
    """What compiling needs besides the entry itself."""

    config: Config
    environment: Environment
    egress: Egress
    price_lookup: PriceLookup
    demo_socket: str | None = None
    pepper: Secret | None = None


@dataclass(slots=True)
class Compiled:
    """One entry's deployment, or why there is none, and what is worth knowing."""

    deployment: Deployment | None
    problems: list[Problem]
    notes: list[Note]
    weighted: bool = False
    """The operator wrote a ``weight``."""
    key_source: str = ""
    """Where the key came from: ``config``, the name of a variable, or empty without a key."""


@dataclass(frozen=True, slots=True)
class Place:
    """The upstream of a deployment."""

    address: Address
    base_path: str
    paths: dict[str, str]
    query: str = ""


def compile_deployment(entry: ModelEntry, path: KeyPath, context: Context) -> Compiled:
    """Compile one entry that stands at ``path``; never raises for what an operator can write."""
    return _Entry(entry, path, context).compile()


class _Entry:
    def __init__(self, entry: ModelEntry, path: KeyPath, context: Context) -> None:
        self._entry = entry
        self._path = (*path, "litellm_params")
        self._context = context
        self._params = _with_credentials(entry.litellm_params, context.config)
        self._known: ModelPrice | None = None
        self._bridge: Bridge | None = None
        self._result = Compiled(None, [], [], weighted=entry.litellm_params.weight is not None)

    def compile(self) -> Compiled:
        params = self._params
        try:
            target = resolve(params, self._context.price_lookup)
        except UnknownProviderError as error:
            self._unknown(error)
            return self._result
        if target.provider == ROUTER:
            self._note("later", "model", "routers that choose among models: the model is left out")
            return self._result
        if target.guessed:
            self._note(
                "warning", "model", f"names no provider, {target.provider} is assumed", f"write {target.provider}/..."
            )
        self._known = None if "*" in target.model else self._context.price_lookup(*self._priced(target))
        if target.native is None:
            return self._bridged(target)
        place = self._place(target.native)
        if place is not None:
            self._result.deployment = self._deployment(target, target.native, place)
        return self._result

    def _unknown(self, error: UnknownProviderError) -> None:
        params = self._params
        name = params.custom_llm_provider or params.model.partition("/")[0]
        key = "custom_llm_provider" if params.custom_llm_provider else "model"
        written = self._context.config.litellm_settings.custom_provider_map or ()
        if any(isinstance(each, dict) and each.get("provider") == name for each in written):
            self._problem(
                key, f"{shown(name)} is a provider written in Python (custom_provider_map): there are none here"
            )
        else:
            self._problem(key, error.message, error.hint)

    def _bridged(self, target: Target) -> Compiled:
        context = self._context
        run = Path(context.demo_socket).parent if context.demo_socket else Path()
        around = Around(context.config, context.environment, context.egress, run, context.pepper)
        try:
            bridge = self._bridge = compile_bridge(target.provider, self._params, self._path, around)
        except BridgeError as error:
            self._problem(error.key, str(error))
            return self._result
        self._result.key_source = bridge.key_source
        place = Place(bridge.address, "", self._served(dict(BRIDGE_PATHS)))
        provider = Provider(target.provider)
        self._result.deployment = self._deployment(target, provider, place)
        return self._result

    def _problem(self, key: str, message: str, hint: str = "") -> None:
        path = (*self._path, key)
        self._result.problems.append(Problem(self._context.config.position(path), path, message, hint))

    def _note(self, kind: NoteKind, key: str, message: str, hint: str = "") -> None:
        path = (*self._path, key)
        self._result.notes.append(Note(kind, self._context.config.position(path), path, message, hint))

    # --- where

    def _place(self, provider: Provider) -> Place | None:
        if provider.style == "demo":
            if self._context.demo_socket is None:
                self._problem("model", "the simulator behind demo/ is not available here")
                return None
            return demo_place(self._context.demo_socket)
        found = self._base(provider)
        if found is None:
            return None
        url, explicit = found
        try:
            address = compile_address(url, self._context.egress, explicit=explicit, ssl_verify=self._params.ssl_verify)
        except AddressError as error:
            self._problem("api_base", str(error))
            return None
        if url.address is not None and url.address.is_unspecified:
            self._note("warning", "api_base", f"{url.host} is no address to connect to, {address.host} is used")
        if provider.style == "azure":
            return self._azure(url, address)
        if url.query:
            self._note("warning", "api_base", "its query string is sent with every request")
        suffix = provider.base_suffix
        base = self._without_operation(url.path)
        if suffix and not base.endswith(suffix) and not (provider.keeps_path and base):
            base += suffix
        return Place(address, base, self._served(_paths(provider)), url.query)

    def _served(self, paths: dict[str, str]) -> dict[str, str]:
        """What of it this model has: some have nothing but the Responses API, some servers like OpenAI's do not have it."""
        if self._params.use_chat_completions_api:
            return {name: path for name, path in paths.items() if name not in RESPONSES}
        mode = self._entry.model_info.mode or (self._known.mode if self._known else "")
        if mode == "responses":
            return {name: path for name, path in paths.items() if name in RESPONSES} or paths
        return paths

    def _base(self, provider: Provider) -> tuple[Url, bool] | None:
        """The base address, and whether the operator wrote it."""
        written = self._params.api_base or self._params.base_url
        found = None if written else self._context.environment.first(*provider.base_env)
        text = written or (found[1] if found else provider.base_url)
        if not text:
            variable = f", or set {provider.base_env[0]}" if provider.base_env else ""
            self._problem("api_base", f"is required for {provider.name}", f"write its address{variable}")
            return None
        try:
            return parse_url(text), text != provider.base_url
        except ValueError as error:
            self._problem("api_base", f"{f'(from {found[0]}) ' if found else ''}{error}")
            return None

    def _without_operation(self, path: str) -> str:
        """People paste the whole URL of the chat endpoint."""
        for operation in sorted(PATHS.values(), key=len, reverse=True):
            if path.endswith(operation):
                self._note(
                    "warning", "api_base", f"the path {operation} at its end is added by the gateway and left out"
                )
                return path.removesuffix(operation)
        return path

    def _azure(self, url: Url, address: Address) -> Place:
        found = self._context.environment.first("AZURE_API_VERSION")
        version = self._params.api_version or (found[1] if found else "")
        path = self._without_operation(url.path)
        if path.endswith("/openai/v1") or version in AZURE_V1:
            base = path if path.endswith("/openai/v1") else f"{path.removesuffix('/openai')}/openai/v1"
            return Place(
                address,
                base,
                self._served({**AZURE_PATHS, **RESPONSES_PATHS}),
                "api-version=preview" if version in ("preview", "latest") else url.query,
            )
        query = f"api-version={version or AZURE_API_VERSION}" if version or not url.query else url.query
        if not version and not url.query:
            self._note("warning", "api_version", f"is not set, {AZURE_API_VERSION} is used")
        if "/openai/deployments/" in path:
            return Place(address, path, dict(AZURE_PATHS), query)
        base = f"{path.removesuffix('/openai')}/openai/deployments"
        return Place(address, base, {name: f"/{{model}}{suffix}" for name, suffix in AZURE_PATHS.items()}, query)

    # --- what

    def _deployment(self, target: Target, provider: Provider, place: Place) -> Deployment:
        entry, params = self._entry, self._params
        known = self._known
        info = entry.model_info
        mode = info.mode or (known.mode if known else "") or ""
        prices = compile_prices(entry, known)
        wildcard = "*" in target.model  # priced per request, by the provider's price list
        if prices == Prices() and not wildcard and not provider.key_optional and params.mock_response is None:
            self._note(
                "warning",
                "model",
                "the model has no known price: spend counts as 0",
                "set input_cost_per_token and output_cost_per_token",
            )
        if prices.version == "config" and mode not in SINGLE_MODES:
            self._half_priced(prices)
        paths = _paths_of(place.paths, mode)
        if params.mock_response is not None and mode in SINGLE_MODES:
            paths = {}  # mocks are made of chats and completions alone
            self._note("warning", "mock_response", f"there is none for a model of mode {mode}: it answers nothing")
        elif not paths and place.paths:
            self._note("warning", "model", f"{target.provider} serves no {mode}: the model answers nothing")
        headers, secret_headers = self._headers(provider)
        token = self._token(provider)
        grant = None if token or self._bridge is not None else self._grant(provider)
        drop = params.drop_params
        if drop is None:
            drop = self._context.config.litellm_settings.drop_params
        return Deployment(
            id=info.id or deployment_id(entry, self._context.pepper),
            group=entry.model_name,
            provider=provider.name,
            model=target.model,
            address=place.address,
            base_path=place.base_path,
            paths=paths,
            query=place.query,
            headers=headers,
            auth_header="authorization" if token or grant else provider.auth_header,
            auth_prefix="Bearer " if token or grant else provider.auth_prefix,
            api_key=None if grant else token or self._key(provider, place),
            grant=grant,
            secret_headers=secret_headers,
            usage_in_stream=provider.usage_in_stream,
            traits=(*provider.traits, *traits_of_model(known)),
            drop_params=bool(drop),
            without=frozenset(params.additional_drop_params or ()),
            defaults=self._defaults(),
            prices=prices,
            max_input_tokens=info.max_input_tokens or (known.max_input_tokens if known else 0),
            max_output_tokens=info.max_output_tokens or info.max_tokens or (known.max_output_tokens if known else 0),
            weight=1.0 if params.weight is None else params.weight,
            order=params.order or 0,
            rpm=entry.rpm or params.rpm or info.rpm,
            tpm=entry.tpm or params.tpm or info.tpm,
            max_parallel_requests=params.max_parallel_requests,
            timeout_s=params.timeout,
            stream_timeout_s=params.stream_timeout,
            max_retries=params.max_retries if params.max_retries is not None else params.num_retries,
            tags=tuple(params.tags or ()),
            team_id=info.team_id or "",
            cooldown_s=params.cooldown_time,
            access_groups=tuple(info.access_groups or ()),
            budget=budget(params.max_budget, params.budget_duration, self._context.config.litellm_settings.timezone),
            mode=mode,
            info=_info(entry),
            mock_response=params.mock_response,
            bridge=None if self._bridge is None else self._bridge.slot,
        )

    def _half_priced(self, prices: Prices) -> None:
        """Say which side of a priced model has no price, unless it was written that it is free."""
        if not prices.input + prices.output:
            return
        for side, price in (("input", prices.input), ("output", prices.output)):
            name = f"{side}_cost_per_token"
            written = (getattr(costs, name) for costs in (self._params, self._entry.model_info))
            if not price and all(cost is None for cost in written):
                self._note("warning", name, f"is not set: {side} counts as free")

    def _priced(self, target: Target) -> tuple[str, str]:
        base_model = self._entry.model_info.base_model
        if base_model is None:
            return target.provider, target.model
        prefix, slash, rest = base_model.partition("/")
        return (prefix, rest) if slash and prefix == target.provider else (target.provider, base_model)

    def _token(self, provider: Provider) -> Secret | None:
        """A token of Entra ID instead of a key, as it is written: nobody renews it here."""
        token = self._params.azure_ad_token
        if not token:
            return None
        if provider.style != "azure" or self._params.api_key:
            why = "api_key is set" if provider.style == "azure" else f"{provider.name} does not know it"
            self._note("warning", "azure_ad_token", f"is not used: {why}")
            return None
        if token.reveal().startswith("oidc/"):
            self._problem("azure_ad_token", "must be the token itself: it is not fetched from oidc/ providers here")
            return None
        self._result.key_source = "config"
        return token

    def _grant(self, provider: Provider) -> TokenGrant | None:
        """Client credentials of Entra ID instead of a key: those of the entry, else of the environment where that has no key.

        Who adds a model over the API could else have tokens of the environment's sent to an address of his own.
        """
        params = self._params
        try:
            known = self._path[:1] == ("model_list",) or not (params.api_base or params.base_url)
            environment = self._context.environment if known else None
            grant = compile_grant(provider, params, self._context, environment)
        except GrantError as error:
            self._problem(error.key, str(error))
            return None
        if grant is not None:
            self._result.key_source = "config" if params.client_secret else "AZURE_CLIENT_SECRET"
        return grant

    def _key(self, provider: Provider, place: Place) -> Secret | None:
        if self._bridge is not None:
            return None  # it is among the parameters
        written = self._params.api_key
        if written:
            self._result.key_source = "config"
            return written
        found = self._context.environment.first(*provider.key_env)
        base = parse_url(provider.base_url) if provider.base_url else None
        own = base is None or (place.address.scheme, place.address.host, place.address.port) == (
            base.scheme,
            base.host,
            base.port,
        )
        from_variable = not (self._params.api_base or self._params.base_url)
        if found and (own or from_variable):
            self._result.key_source = found[0]
            return Secret(found[1])
        if found:
            self._note(
                "warning",
                "api_key",
                f"{found[0]} is not sent to this address",
                f"write api_key: os.environ/{found[0]} if it should be",
            )
        elif not provider.key_optional and (own or provider.style == "azure") and self._params.mock_response is None:
            names = " or ".join(provider.key_env)
            self._note("warning", "api_key", f"no key: neither api_key nor {names} is set")
        return None

    def _headers(self, provider: Provider) -> tuple[tuple[tuple[str, str], ...], tuple[tuple[str, Secret], ...]]:
        if self._bridge is not None:
            return (), (self._bridge.header,)
        plain: list[tuple[str, str]] = []
        secret: list[tuple[str, Secret]] = []
        if self._params.organization is not None:
            plain.append(("openai-organization", self._params.organization))
        for name, value in (self._params.extra_headers or {}).items():
            if isinstance(value, Secret) or is_credential_name(name):
                secret.append((name.lower(), value if isinstance(value, Secret) else Secret(str(value))))
            else:
                plain.append((name.lower(), str(value)))
        written = {name for name, _ in (*plain, *secret)}
        plain += [pair for pair in provider.headers if pair[0] not in written]
        return tuple(plain), tuple(secret)

    def _defaults(self) -> dict[str, Any]:
        if self._bridge is not None:
            return self._bridge.defaults
        defaults: dict[str, Any] = {}
        more: dict[str, Any] = {}  # OpenAI's SDK puts what is in `extra_body` beside the other fields, and over them
        for key, value in (self._entry.litellm_params.model_extra or {}).items():
            if key in LITELLM_PARAMS:
                self._note("later", key, UNKNOWN_HERE)
            elif holds_secret(value) or is_credential_name(key):
                self._note("warning", key, "looks like a credential and is not sent as a parameter")
            elif key == "extra_body" and isinstance(value, dict):
                more = {name: each for name, each in value.items() if name not in _OF_CALLS}
            elif "cost" not in key and value is not None:
                defaults[key] = value
        return defaults | more


def deployment_id(entry: ModelEntry, pepper: Secret | None) -> str:
    """A stable id: a digest of the public name and the parameters, secrets under a keyed digest of their own."""
    params = entry.litellm_params
    written = {
        name: getattr(params, name) for name in sorted(params.model_fields_set & type(params).model_fields.keys())
    }
    key = pepper.reveal().encode() if pepper else b"phantom-gateway deployment"

    def plain(value: object) -> str:
        if isinstance(value, Secret):
            return hmac.new(key, value.reveal().encode(), hashlib.sha256).hexdigest()
        return str(value)

    content = [entry.model_name, written | (params.model_extra or {})]
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=plain).encode()).hexdigest()[:32]


def demo_place(socket: str) -> Place:
    """The simulator's place."""
    return Place(Address(scheme="unix", socket_path=socket), "/v1", {**OPENAI_PATHS, **RESPONSES_PATHS})


def _paths_of(paths: dict[str, str], mode: str) -> dict[str, str]:
    """Those of a kind of model: most serve text, and need not carry what they cannot do; some do one thing only."""
    if mode in SINGLE_MODES:
        return {name: path for name, path in paths.items() if name in SINGLE_MODES[mode]}
    return {name: path for name, path in paths.items() if name not in MEDIA} if mode in TEXT_MODES else paths


def _paths(provider: Provider) -> dict[str, str]:
    return {operation: provider.paths.get(operation) or PATHS[operation] for operation in provider.operations}


def _info(entry: ModelEntry) -> dict[str, Any]:
    """``model_info`` as written, without credentials, in types msgpack has."""
    info = entry.model_info
    written: dict[str, Any] = {}
    for name in info.model_fields_set & type(info).model_fields.keys():
        value = getattr(info, name)
        written[name] = float(value) if "cost" in name and value is not None else value
    return {
        name: value for name, value in sorted((written | (info.model_extra or {})).items()) if not holds_secret(value)
    }


def _with_credentials(params: LitellmParams, config: Config) -> LitellmParams:
    """``params`` with what is missing taken from the named entry of ``credential_list``."""
    values = {entry.credential_name: entry.credential_values for entry in config.credential_list}.get(
        params.litellm_credential_name or ""
    )
    if not values:
        return params
    missing: dict[str, Any] = {
        name: secret if name in _SECRET else secret.reveal()
        for name, secret in values.items()
        if name in _OF_CREDENTIALS and getattr(params, name) is None
    }
    return params.model_copy(update=missing)
