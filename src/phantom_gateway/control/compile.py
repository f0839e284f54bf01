"""From a validated configuration to the snapshot workers serve from.

``read_config`` loads a file with all checks; ``compile_snapshot`` compiles it. Both raise ``ConfigError`` with every problem; the
remarks of a valid configuration come back as notes. Nothing here does I/O beyond reading the configuration files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from phantom_gateway.config.crosscheck import DEMO, check_entry
from phantom_gateway.config.errors import ConfigError, KeyPath, Note, Position, Problem
from phantom_gateway.config.loader import load_config
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_general import GeneralSettings
from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.config.schema_models import LitellmParams, ModelEntry, ModelInfo
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.compile_address import AddressError, Egress, egress_of
from phantom_gateway.control.compile_bridge import settings_of as bridge_settings
from phantom_gateway.control.compile_budgets import budget, budget_of, budgets_of
from phantom_gateway.control.compile_cache import compile_cache
from phantom_gateway.control.compile_deployment import Compiled, Context, compile_deployment, demo_place
from phantom_gateway.control.compile_passes import compile_passes
from phantom_gateway.control.compile_prices import PriceLookup
from phantom_gateway.control.compile_routing import compile_checks, compile_routing
from phantom_gateway.control.stored import DATABASE, Stored
from phantom_gateway.providers.catalogue import PROVIDERS
from phantom_gateway.security import master
from phantom_gateway.spine.snapshot import (
    CacheRules,
    Deployment,
    HttpLimits,
    Prices,
    Priorities,
    PriorityShare,
    Settings,
    Snapshot,
)

DEMO_PRICES = Prices(version="demo", input=100_000_000, output=400_000_000)
"""0.10 and 0.40 dollars per million tokens: spend is visible, and small."""

MASTER_PATH = ("general_settings", "master_key")
_CHECK_SOCKET = "demo.sock"
NOTHING = Stored()

T = TypeVar("T")


def read_config(path: Path, environment: Mapping[str, str]) -> Config:
    """Load a configuration file with every check, those of provider names and addresses included. Raises ConfigError."""
    return load_config(path, environment, checks=(check_deployments, check_master_key))


def check_deployments(config: Config, environment: Mapping[str, str]) -> Sequence[Problem]:
    """The problems compiling would meet; for the loader, so that all problems are reported together."""
    try:
        compile_snapshot(
            config, 0, price_lookup=_no_price, environment=environment, demo_socket=_CHECK_SOCKET, pepper=None
        )
    except ConfigError as error:
        return error.problems
    return ()


def check_master_key(config: Config, environment: Mapping[str, str]) -> Sequence[Problem]:
    """Why the master key that is written there, or in the environment, must not be used."""
    try:
        master.check(config.general_settings.master_key, environment)
    except master.MasterKeyError as error:
        return (Problem(config.position(MASTER_PATH), MASTER_PATH, str(error)),)
    return ()


def compile_snapshot(
    config: Config,
    revision: int,
    *,
    price_lookup: PriceLookup,
    environment: Mapping[str, str],
    demo_socket: str | None,
    pepper: Secret | None,
    stored: Stored = NOTHING,
) -> tuple[Snapshot, list[Note]]:
    """The snapshot of ``config`` and all remarks on it, the loader's first. Raises ConfigError.

    Models of ``stored`` that do not compile are left out with a note.
    """
    compilation = compile_models(
        config,
        price_lookup=price_lookup,
        environment=environment,
        demo_socket=demo_socket,
        pepper=pepper,
        stored=stored,
    )
    context, _ = context_of(
        config, price_lookup=price_lookup, environment=environment, demo_socket=demo_socket, pepper=pepper
    )
    passing = compile_passes(context, compilation, stored.passes)
    if passing.problems:
        raise ConfigError(passing.problems)
    cache, remarks, problems = _cache(config, environment)
    if problems:
        raise ConfigError(problems)
    snapshot = Snapshot(
        revision=revision,
        passes=tuple(passing.passes.values()),
        deployments=tuple(compiled.deployment for compiled in compilation if compiled.deployment is not None),
        routing=compile_routing(config),
        checks=compile_checks(config),
        bridge=bridge_settings(config),
        http=_http(config),
        settings=_settings(config),
        key_pepper=pepper,
        cache=cache,
    )
    notes = [*remarks, *(note for compiled in compilation for note in compiled.notes)]
    return snapshot, [*dict.fromkeys((*config.notes, *stored.notes, *notes, *passing.notes))]


def compile_models(
    config: Config,
    *,
    price_lookup: PriceLookup,
    environment: Mapping[str, str],
    demo_socket: str | None,
    pepper: Secret | None = None,
    stored: Stored = NOTHING,
) -> list[Compiled]:
    """Every deployment of ``config``, the demo model included. Raises ConfigError with the problems of all."""
    context, broken = context_of(
        config, price_lookup=price_lookup, environment=environment, demo_socket=demo_socket, pepper=pepper
    )
    compilation = [compile_deployment(entry, path, context) for path, entry in _entries(config, context)]
    problems = [*broken, *(problem for compiled in compilation for problem in compiled.problems)]
    if problems:
        raise ConfigError(problems)
    if (
        config.phantom.demo
        and demo_socket is not None
        and not any(entry.model_name == DEMO for entry in config.model_list)
        and not any(model.entry.model_name == DEMO for model in stored.models)
    ):
        compilation.append(Compiled(_demo(demo_socket), [], []))
    compilation += _stored(compilation, stored, context)
    _number_twins(compilation)
    _share(compilation)
    return compilation


def compile_default(
    environment: Mapping[str, str],
    revision: int = 1,
    *,
    price_lookup: PriceLookup,
    demo_socket: str | None,
    pepper: Secret | None,
) -> tuple[Snapshot, list[Note]]:
    """What runs without a configuration file: the demo model, and every provider whose key is in the environment."""
    return compile_snapshot(
        Config(), revision, price_lookup=price_lookup, environment=environment, demo_socket=demo_socket, pepper=pepper
    )


def check_model(entry: ModelEntry, config: Config, context: Context) -> tuple[Deployment | None, Sequence[Problem]]:
    """A model beside those of ``config``, or why it cannot be served; paths begin with ``litellm_params`` or ``model_info``."""
    compiled = compile_deployment(entry, (), context)
    problems = [*check_entry(config, entry), *compiled.problems]
    if not problems and compiled.deployment is None:
        problems += [Problem(DATABASE, note.path, note.message, note.hint) for note in compiled.notes]
    return None if problems else compiled.deployment, problems


def _stored(before: Sequence[Compiled], stored: Stored, context: Context) -> Iterator[Compiled]:
    """The models of the database, without those that are blocked, broken, or have the id of one of the file's."""
    taken = {compiled.deployment.id for compiled in before if compiled.deployment is not None}
    for model in stored.models:
        if model.blocked:
            continue
        compiled = compile_deployment(model.entry, ("models", model.id), context)
        notes = [Note(note.kind, DATABASE, note.path, note.message, note.hint) for note in compiled.notes]
        # Also what has changed around it: without the credential it names, another key would be used for it.
        broken = [(problem.path, problem.message) for problem in compiled.problems]
        broken += [
            (("models", model.id, *each.path), each.message) for each in check_entry(context.config, model.entry)
        ]
        if model.id in taken:
            broken = [(("models", model.id), "the configuration file has a model with this id")]
        if broken:
            notes = [Note("warning", DATABASE, path, f"{reason}: the model is left out") for path, reason in broken]
        deployment = None
        if compiled.deployment is not None and not broken:
            deployment = msgspec.structs.replace(compiled.deployment, db_model=True)
        yield Compiled(deployment, [], notes, weighted=compiled.weighted, key_source=compiled.key_source)


def context_of(
    config: Config,
    *,
    price_lookup: PriceLookup,
    environment: Mapping[str, str],
    demo_socket: str | None,
    pepper: Secret | None = None,
) -> tuple[Context, list[Problem]]:
    """What compiling needs of ``config``, and what is wrong with the way out."""
    variables = config.lookup(environment)
    try:
        egress, broken = egress_of(config, variables), []
    except AddressError as error:
        egress, broken = Egress(), [Problem(Position("environment"), (), str(error))]
    return Context(config, variables, egress, price_lookup, demo_socket, pepper), broken


def _cache(
    config: Config, environment: Mapping[str, str]
) -> tuple[CacheRules | None, Sequence[Note], Sequence[Problem]]:
    try:
        egress = egress_of(config, config.lookup(environment))
    except AddressError:
        return None, (), ()  # told by whoever compiles the models
    return compile_cache(config, environment, egress)


def _no_price(_provider: str, _model: str) -> None:
    return None


def _entries(config: Config, context: Context) -> Iterator[tuple[KeyPath, ModelEntry]]:
    """The entries as written; without any, or beside a bare ``*``, a wildcard for every provider whose key is known."""
    if not config.model_list:
        yield from (((), entry) for entry in _from_environment(context, frozenset()))
    written = frozenset(entry.model_name for entry in config.model_list)
    for path, entry in config.entries():
        if not _is_bare_wildcard(entry):
            yield path, entry
            continue
        if context.environment.first(*PROVIDERS["openai"].key_env):
            yield path, _wildcard("openai", "*")
        yield from ((path, wildcard) for wildcard in _from_environment(context, written))


def _is_bare_wildcard(entry: ModelEntry) -> bool:
    """``model_name: "*"``, ``model: "*"`` and nothing that says whose: the provider is the prefix of the caller's model name."""
    params = entry.litellm_params
    named = (
        params.custom_llm_provider
        or params.api_key
        or params.api_base
        or params.base_url
        or params.litellm_credential_name
    )
    return entry.model_name == params.model == "*" and not named


def _from_environment(context: Context, written: frozenset[str]) -> Iterator[ModelEntry]:
    """``provider/*`` for every provider whose key is in the environment, but for the names in ``written``."""
    seen: set[str] = set()
    for provider in PROVIDERS.values():
        found = context.environment.first(*provider.key_env)
        reachable = provider.base_url or context.environment.first(*provider.base_env)
        name = f"{provider.name}/*"
        if found and reachable and found[0] not in seen:
            seen.add(found[0])  # the first provider of a variable: openai, not text-completion-openai
            if name not in written:
                yield _wildcard(provider.name, name)


def _wildcard(provider: str, name: str) -> ModelEntry:
    return ModelEntry(model_name=name, litellm_params=LitellmParams(model=f"{provider}/*"), model_info=ModelInfo())


def _demo(socket: str) -> Deployment:
    place = demo_place(socket)
    return Deployment(
        id="demo",
        group=DEMO,
        provider="demo",
        model="demo",
        address=place.address,
        base_path=place.base_path,
        paths=place.paths,
        prices=DEMO_PRICES,
        max_input_tokens=128_000,
        max_output_tokens=16_384,
        mode="chat",
        info={"mode": "chat", "description": "The built-in simulator: answers without any provider."},
    )


def _number_twins(compilation: list[Compiled]) -> None:
    """Entries that are equal in everything get different ids, in their order."""
    seen: dict[str, int] = {}
    for compiled in compilation:
        if compiled.deployment is None:
            continue
        identity = compiled.deployment.id
        seen[identity] = seen.get(identity, 0) + 1
        if seen[identity] > 1:
            compiled.deployment = msgspec.structs.replace(compiled.deployment, id=f"{identity}-{seen[identity]}")


def _share(compilation: list[Compiled]) -> None:
    """Without any ``weight`` in a group, its deployments share by rpm, else tpm, where all of them have one."""
    groups: dict[str, list[Compiled]] = {}
    for compiled in compilation:
        if compiled.deployment is not None:
            groups.setdefault(compiled.deployment.group, []).append(compiled)
    for members in groups.values():
        deployments = [compiled.deployment for compiled in members if compiled.deployment is not None]
        if any(compiled.weighted for compiled in members):
            continue
        for measure in ("rpm", "tpm"):
            shares = [getattr(deployment, measure) for deployment in deployments]
            if all(shares):
                for compiled, deployment, share in zip(members, deployments, shares, strict=True):
                    compiled.deployment = msgspec.structs.replace(deployment, weight=float(share))
                break


def _http(config: Config) -> HttpLimits:
    http, megabytes = config.phantom.http, config.general_settings.max_request_size_mb
    default = HttpLimits()
    max_body = _or(default.max_body, http.max_body, int(megabytes * 2**20) if megabytes is not None else None)
    return HttpLimits(
        max_target=http.max_target,
        max_header_line=http.max_header_line,
        max_header_bytes=http.max_header_bytes,
        max_headers=http.max_headers,
        max_body=max_body,
        max_buffered=max(http.max_buffered_bodies, max_body),
        header_timeout_s=http.header_timeout,
        body_stall_s=http.body_stall,
        body_timeout_s=http.body_timeout,
        idle_timeout_s=http.idle_timeout,
        write_stall_s=http.write_stall,
        tls_handshake_s=http.tls_handshake,
        max_requests_per_connection=http.max_requests_per_connection,
        max_connections=http.max_connections,
        allowed_hosts=tuple(host.lower() for host in http.allowed_hosts),
    )


def _settings(config: Config) -> Settings:
    general, litellm, phantom = config.general_settings, config.litellm_settings, config.phantom
    default = Settings()
    return Settings(
        budget_exceeded_status=_or(
            default.budget_exceeded_status,
            general.budget_exceeded_status_code,
            litellm.budget_exceeded_status_code,
        ),
        throttled_part=litellm.budget_exceeded_throttle_percentage or 0.0,
        drain_grace_s=phantom.drain_grace,
        key_header=(general.litellm_key_header_name or "").lower(),
        customer_headers=_headers(general, "customer"),
        user_headers=_headers(general, "internal_user"),
        required_fields=tuple(general.enforced_params or ()),
        requires_customer=bool(general.enforce_user_param),
        allowed_clients=None if general.allowed_ips is None else tuple(general.allowed_ips),
        believes_forwarded_for=bool(general.use_x_forwarded_for),
        trusted_proxies=tuple(general.trusted_proxy_ranges or ()),
        always_include_stream_usage=bool(general.always_include_stream_usage),
        journal_sync=phantom.journal_sync,
        reject_client_tags=bool(general.reject_clientside_metadata_tags),
        cancel_on_disconnect=bool(general.cancel_on_disconnect),
        abandoned_timeout_s=phantom.upstream.abandoned_timeout,
        global_max_parallel=general.global_max_parallel_requests,
        key_max_parallel=general.max_parallel_requests,
        budget=budget(litellm.max_budget, litellm.budget_duration, litellm.timezone),
        master_key_budget=budget_of(phantom.master_key_budget, litellm.timezone),
        customer_budget=budget(litellm.max_end_user_budget),
        customer_budget_id=litellm.max_end_user_budget_id or "",
        tag_budgets=budgets_of(litellm.tag_budget_config, litellm.timezone),
        priorities=_priorities(litellm),
        conversations_s=float(phantom.conversations.ttl),
        conversations_bytes=phantom.conversations.max_bytes,
        limited_tokens=general.token_rate_limit_type or default.limited_tokens,
        data_port_admin=phantom.admin.listen == "shared",
        admin_listen="" if phantom.admin.listen == "shared" else phantom.admin.listen,
    )


def _headers(general: GeneralSettings, role: str) -> tuple[str, ...]:
    mapped = [each.header_name for each in general.user_header_mappings or () if each.litellm_user_role == role]
    if role == "customer" and general.user_header_name:
        mapped.append(general.user_header_name)
    return tuple(dict.fromkeys(name.lower() for name in mapped))


def _priorities(litellm: LitellmSettings) -> Priorities | None:
    written, settings = litellm.priority_reservation, litellm.priority_reservation_settings
    if not written:
        return None
    default = Priorities(shares={})
    return Priorities(
        shares={
            name: PriorityShare(value=share)
            if isinstance(share, (int, float))
            else PriorityShare(kind=share.type, value=share.value)
            for name, share in written.items()
        },
        default=_or(default.default, settings.default_priority if settings else None),
        threshold=_or(default.threshold, settings.saturation_threshold if settings else None),
    )


def _or(default: T, *values: T | None) -> T:
    return next((value for value in values if value is not None), default)
