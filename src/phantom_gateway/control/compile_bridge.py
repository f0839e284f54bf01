"""From an entry of ``model_list`` whose provider has no adapter to what the bridge needs: parameters, credentials, ways out.

Everything that decides on whose behalf a call is made goes into the id of its slot, so that one process of the bridge serves one
credential.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from phantom_gateway.config.credentials import is_credential_name
from phantom_gateway.config.errors import KeyPath
from phantom_gateway.config.known import PROVIDER_PARAMETERS
from phantom_gateway.config.schema import Config, Environment
from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import parse_url
from phantom_gateway.control.compile_address import AddressError, Egress, compile_address
from phantom_gateway.providers.bridged import OPERATIONS, bridged, handed_on
from phantom_gateway.spine.bridge import HEADER, BridgeSettings, BridgeSlot, socket_path, written
from phantom_gateway.spine.snapshot import Address

MAX_CREDENTIALS = 64 * 1024
MAX_PARAMETERS = 128 * 1024
"""Bytes of a deployment's parameters: they travel in a header."""
PATHS: Mapping[str, str] = {name: f"/{name}" for name in OPERATIONS}
_PARAMETERS = (
    "api_key", "api_base", "base_url", "api_version", "organization", "extra_headers", "ssl_verify", "region_name",
    "azure_ad_token",
    "tenant_id", "client_id", "client_secret", "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region_name",
    "aws_role_name", "aws_session_name", "aws_web_identity_token", "aws_bedrock_runtime_endpoint", "vertex_project",
    "vertex_location", "vertex_credentials",
)  # fmt: skip
_NOT_PARAMETERS = frozenset(
    {"messages", "model", "stream", "model_info", "timeout", "litellm_trace_id", "use_litellm_proxy"}
)
_FILES = ("VERTEX_CREDENTIALS", "VERTEXAI_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS")
"""Variables that may name a file with Google's credentials."""


class BridgeError(Exception):
    """The deployment cannot be served by the bridge: ``key`` says which setting is at fault, the message why."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True)
class Bridge:
    """What a deployment of the bridge has of its own."""

    slot: BridgeSlot
    address: Address
    header: tuple[str, Secret]
    defaults: dict[str, Any]
    key_source: str


@dataclass(slots=True)
class _Plain:
    """Values with their secrets revealed, and those secrets."""

    secrets: list[str] = field(default_factory=list)

    def of(self, value: Any) -> Any:
        if isinstance(value, Secret):
            self.secrets.append(value.reveal())
            return value.reveal()
        if isinstance(value, dict):
            return {str(key): self.of(item) for key, item in value.items()}
        return [self.of(item) for item in value] if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Around:
    """What a deployment has in common with others."""

    config: Config
    environment: Environment
    egress: Egress
    run: Path
    """Where sockets are."""
    pepper: Secret | None


def settings_of(config: Config) -> BridgeSettings:
    """``phantom.bridge`` for those who carry it out."""
    said = config.phantom.bridge
    return BridgeSettings(
        python=said.python or "",
        processes=said.processes,
        max_processes=said.max_processes,
        memory_mb=said.memory_mb,
        idle_s=said.idle_timeout,
        hang_s=said.hang_timeout,
        start_timeout_s=said.start_timeout,
        sandbox=said.sandbox,
        separation=said.separation,
    )


def compile_bridge(provider: str, params: LitellmParams, path: KeyPath, around: Around) -> Bridge:
    """Compile the entry that stands at ``path``. Raises BridgeError."""
    plain = _Plain()
    wanted, defaults = _split(params)
    of_file = path[:1] == ("model_list",)
    found: dict[str, str] = {}
    named = {"model": params.model.partition("/")[2]}  # of some providers an address
    trusted = of_file or not any(_addresses({**_Plain().of(wanted), **named}))
    if trusted:
        # who adds a model over the API could else have the provider's key sent to an address of his own
        found = handed_on(around.environment.beginning(*bridged(provider).prefixes))
    for name, value in found.items():
        if is_credential_name(name):
            plain.secrets.append(value)
    parameters: dict[str, Any] = plain.of(wanted)
    if provider.startswith("vertex_ai"):
        for name in ("vertex_project", "vertex_location"):
            if (common := getattr(around.config.litellm_settings, name)) is not None:
                parameters.setdefault(name, common)
        google = around.environment.first(*_FILES) if trusted else None
        _read_google(parameters, plain, None if google is None else google[1], from_file=of_file)
    verify = around.egress.ssl_verify if params.ssl_verify is None else params.ssl_verify
    if verify is not True:
        parameters["ssl_verify"] = verify
    if isinstance(verify, str):
        found |= dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"), verify)
    if "base_url" in parameters:
        parameters.setdefault("api_base", parameters.pop("base_url"))
    more = tuple(name.lower().removeprefix("*.") for name in around.config.phantom.bridge.hosts)
    suffixes = bridged(provider).hosts
    said = {
        "provider": provider, "params": parameters, "environment": found, "secrets": sorted(set(plain.secrets)),
        "modify": bool(around.config.litellm_settings.modify_params),
    }  # fmt: skip
    slot = BridgeSlot(
        id="",
        provider=provider,
        hosts=_hosts({**found, **parameters, **named}, params, around),
        suffixes=() if "*" in more or not suffixes else (*suffixes, *more),
        allow_private=around.egress.allow_private,
        proxy_url=around.egress.proxy,
        no_proxy=around.egress.no_proxy,
        ca_file=verify if isinstance(verify, str) else "",
    )
    slot = msgspec.structs.replace(slot, id=_digest([said, written(slot)], around.pepper))
    return Bridge(
        slot=slot,
        address=Address(scheme="unix", socket_path=str(socket_path(around.run, slot.id))),
        header=(HEADER, _header(said, slot.id, params, around.config)),
        defaults=defaults,
        key_source=_key_source(wanted, found),
    )


def _split(params: LitellmParams) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is between the operator and the provider, and what callers may set, too."""
    wanted = {name: getattr(params, name) for name in _PARAMETERS if getattr(params, name) is not None}
    defaults: dict[str, Any] = {}
    for name, value in (params.model_extra or {}).items():
        if value is None or "cost" in name or name in _NOT_PARAMETERS:
            continue
        (defaults if name in PROVIDER_PARAMETERS and name != "extra_body" else wanted)[name] = value
    return wanted, defaults


def _header(said: dict[str, Any], slot: str, params: LitellmParams, config: Config) -> Secret:
    drop = params.drop_params
    if drop is None:
        drop = config.litellm_settings.drop_params
    text = json.dumps(
        {**said, "slot": slot, "drop": bool(drop), "without": list(params.additional_drop_params or ()),
         "named": not params.model.endswith("*")}
    )  # fmt: skip
    if len(text) > MAX_PARAMETERS:
        raise BridgeError("model", f"its parameters have more than {MAX_PARAMETERS // 1024} KiB together")
    return Secret(base64.b64encode(text.encode()).decode("ascii"))


def _digest(content: list[Any], pepper: Secret | None) -> str:
    key = pepper.reveal().encode() if pepper else b"phantom-gateway bridge"
    return hmac.new(key, json.dumps(content, sort_keys=True).encode(), hashlib.sha256).hexdigest()[:16]


def _key_source(wanted: dict[str, Any], found: dict[str, str]) -> str:
    if any(is_credential_name(name) for name in wanted):
        return "config"
    return next((name for name in found if is_credential_name(name)), "")


def _read_google(parameters: dict[str, Any], plain: _Plain, variable: str | None, *, from_file: bool) -> None:
    """Google's credentials are a JSON object, or the name of a file that holds one: the bridge reads no files, so it is read here.

    Only for models of the configuration file: who may add models by the API may not make the gateway read files.
    """
    given = parameters.get("vertex_credentials")
    if given is None:
        if variable is None:
            return
        given, from_file = variable, True
    if not isinstance(given, str) or given.lstrip().startswith("{"):
        parameters["vertex_credentials"] = given if isinstance(given, str) else json.dumps(given)
        return
    if not from_file:
        raise BridgeError(
            "vertex_credentials", "must be the JSON object itself: files are read for the configuration file only"
        )
    try:
        text = Path(given).read_text(encoding="utf-8")
        content = json.loads(text) if len(text) <= MAX_CREDENTIALS else None
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise BridgeError("vertex_credentials", "names no readable file with a JSON object")
    parameters["vertex_credentials"] = json.dumps(content)
    plain.secrets += [value for name, value in content.items() if is_credential_name(name) and isinstance(value, str)]


def _hosts(values: dict[str, Any], params: LitellmParams, around: Around) -> dict[str, tuple[str, ...]]:
    """The hosts of all addresses among ``values``, and the private blocks each may have."""
    hosts: dict[str, tuple[str, ...]] = {}
    common = around.egress.allow_private
    for name, text in _addresses(values):
        try:
            url = parse_url(text)
            address = compile_address(url, around.egress, explicit=True, ssl_verify=params.ssl_verify)
        except (AddressError, ValueError) as error:
            if name in ("api_base", "base_url"):
                raise BridgeError(name, str(error)) from error
            continue
        private = tuple(block for block in address.allow_private if block not in common)
        hosts[address.host] = tuple(dict.fromkeys((*hosts.get(address.host, ()), *private)))
    return hosts


def _addresses(values: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        if isinstance(value, str) and value.startswith(("http://", "https://")):
            yield name, value
