"""How a call finds its deployment and what happens when it fails, from ``router_settings`` and ``litellm_settings``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar, get_args

from phantom_gateway.config.crosscheck import alias_target
from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_base import Section
from phantom_gateway.config.schema_router import ENFORCE_RATES, AliasTarget
from phantom_gateway.control.compile_budgets import budgets_of
from phantom_gateway.spine.snapshot import Affinity, Fault, HealthChecks, Routing, Strategy

T = TypeVar("T")
CHECK_INTERVAL_S = 300.0
MIN_INTERVAL_S = 5.0
_SAME: Mapping[str, Strategy] = {
    "usage-based-routing": "usage-based-routing-v2",
    "provider-budget-routing": "simple-shuffle",
}
"""Budgets of providers hold with every strategy."""


def compile_routing(config: Config) -> Routing:
    """The behaviour of the attempt loop; ``router_settings`` wins where both sections have a key."""
    router, litellm, upstream = config.router_settings, config.litellm_settings, config.phantom.upstream
    default = Routing()
    by_model, everywhere = _by_model(_first(router.fallbacks, litellm.fallbacks))
    general = [*(_first(router.default_fallbacks, litellm.default_fallbacks) or []), *everywhere]
    aliases, hidden = _aliases(router.model_group_alias or {})
    return Routing(
        strategy=_strategy(router.routing_strategy),
        affinity=tuple(each for each in get_args(Affinity) if each in (router.optional_pre_call_checks or ())),
        tag_filtering=bool(router.enable_tag_filtering),
        tags_match_any=router.tag_filtering_match_any is not False,
        input_check=bool(router.enable_pre_call_checks),
        num_retries=_or(default.num_retries, router.num_retries, litellm.num_retries),
        retry_policy=_by_fault(router.retry_policy, "Retries"),
        retry_policies={
            name: _by_fault(policy, "Retries") for name, policy in (router.model_group_retry_policy or {}).items()
        },
        retry_share=upstream.retry_share,
        retry_after_s=_or(default.retry_after_s, router.retry_after),
        timeout_s=_or(default.timeout_s, router.timeout, litellm.request_timeout) or default.timeout_s,
        total_timeout_s=litellm.request_timeout or 0.0,
        stream_timeout_s=router.stream_timeout,
        connect_timeout_s=upstream.connect_timeout,
        stall_timeout_s=upstream.stall_timeout,
        allowed_fails=_or(default.allowed_fails, router.allowed_fails, litellm.allowed_fails),
        allowed_fails_policy=_by_fault(router.allowed_fails_policy, "AllowedFails"),
        cooldown_s=0.0
        if router.disable_cooldowns
        else _or(default.cooldown_s, router.cooldown_time, litellm.cooldown_time),
        max_fallbacks=_or(default.max_fallbacks, router.max_fallbacks),
        fallbacks=by_model,
        default_fallbacks=tuple(dict.fromkeys(general)),
        context_window_fallbacks=_special(router.context_window_fallbacks, litellm.context_window_fallbacks),
        content_policy_fallbacks=_special(router.content_policy_fallbacks, litellm.content_policy_fallbacks),
        aliases=aliases,
        hidden_aliases=hidden,
        provider_budgets=budgets_of(router.provider_budget_config, litellm.timezone),
        enforce_rates=ENFORCE_RATES in (router.optional_pre_call_checks or ())
        or router.routing_strategy in ("usage-based-routing", "usage-based-routing-v2"),
        max_parallel=router.default_max_parallel_requests,
    )


def compile_checks(config: Config) -> HealthChecks:
    """What control asks of upstreams by itself."""
    general, default = config.general_settings, HealthChecks()
    interval = _or(CHECK_INTERVAL_S, general.health_check_interval) if general.background_health_checks else 0.0
    return HealthChecks(
        interval_s=max(interval, MIN_INTERVAL_S) if interval else 0.0,
        free_interval_s=config.phantom.upstream.free_probe_interval or 0.0,
        at_once=_or(default.at_once, general.health_check_concurrency),
        decide=bool(config.router_settings.enable_health_check_routing),
    )


def _strategy(written: str | None) -> Strategy:
    known = {each: each for each in get_args(Strategy)}
    return known.get(written) or _SAME.get(written or "", "simple-shuffle")


Written = Sequence[Mapping[str, Sequence[str]]]


def _by_model(written: Written | None) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Fallbacks by model, and those of ``*``."""
    found: dict[str, tuple[str, ...]] = {}
    for mapping in written or ():
        for model, targets in mapping.items():
            found[model] = (*found.get(model, ()), *targets)
    return found, found.pop("*", ())


def _special(*written: Written | None) -> dict[str, tuple[str, ...]]:
    by_model, everywhere = _by_model(_first(*written))
    return by_model | ({"*": everywhere} if everywhere else {})


def _by_fault(policy: Section | None, suffix: str) -> dict[Fault, int]:
    """``TimeoutErrorRetries: 2`` as ``{"Timeout": 2}``."""
    found: dict[Fault, int] = {}
    for fault in get_args(Fault):
        for name in (f"{fault}Error{suffix}", f"{fault}{suffix}"):
            value = getattr(policy, name, None)
            if value is not None:
                found[fault] = value
    return found


def _aliases(written: Mapping[str, str | AliasTarget]) -> tuple[dict[str, str], frozenset[str]]:
    """Aliases of aliases are followed here; the loader has refused loops."""
    direct = {alias: alias_target(value) for alias, value in written.items()}
    resolved = {}
    for alias, first in direct.items():
        target = first
        for _ in direct:
            target = direct.get(target, target)
        resolved[alias] = target
    hidden = frozenset(alias for alias, value in written.items() if isinstance(value, AliasTarget) and value.hidden)
    return resolved, hidden


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _or(default: T, *values: T | None) -> T:
    return next((value for value in values if value is not None), default)
