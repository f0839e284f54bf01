"""Which provider a ``litellm_params.model`` means."""

from __future__ import annotations

from dataclasses import dataclass

from phantom_gateway.config.errors import nearest, shown
from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.control.compile_prices import PriceLookup
from phantom_gateway.providers.catalogue import BRIDGED, PROVIDERS, Provider

_HINTS = ("o_series/", "gpt5_series/")
"""What LiteLLM allows between ``azure/`` and the deployment's name to say which family it is of."""
_GUESSED = (
    "openai", "anthropic", "gemini", "mistral", "deepseek", "xai", "cohere", "bedrock", "ai21", "vertex_ai",
)  # fmt: skip
"""Whose price list is asked for a name without a provider, in this order."""
_FAMILIES = (("claude-", "anthropic"), ("gemini-", "gemini"), ("anthropic.", "bedrock"), ("amazon.", "bedrock"))
"""Beginnings of names that are nobody else's: a retired model must not take its provider's key to another one."""
ROUTER = "auto_router"
"""Not a provider: LiteLLM's routers that choose among models by what is asked."""


class UnknownProviderError(Exception):
    """``model`` begins with no known provider; message and hint are for people."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


@dataclass(frozen=True, slots=True)
class Target:
    """A provider and the model's name there."""

    provider: str
    model: str
    native: Provider | None
    """``None``: the provider needs the bridge."""
    guessed: bool = False
    """The operator named no provider."""


def resolve(params: LitellmParams, price_lookup: PriceLookup) -> Target:
    """The target of ``params``. Raises UnknownProviderError."""
    model, provider = params.model, params.custom_llm_provider
    prefix, slash, rest = model.partition("/")
    if provider is not None:
        return _target(provider, rest if slash and prefix == provider else model)
    if slash and (prefix in PROVIDERS or prefix in BRIDGED):
        return _target(prefix, rest)
    if slash:
        hint = (
            nearest(prefix, [*PROVIDERS, *BRIDGED]) or "for an OpenAI-compatible server write openai/NAME and api_base"
        )
        raise UnknownProviderError(f"no provider is named {shown(prefix)}", hint)
    found = next((name for name in _GUESSED if price_lookup(name, model) is not None), None)
    if found is None and not (params.api_base or params.base_url):
        found = next((name for beginning, name in _FAMILIES if model.startswith(beginning)), None)
    if found in (None, "gemini") and (params.vertex_project or params.vertex_location or params.vertex_credentials):
        found = "vertex_ai"
    return _target(found or "openai", model, guessed=found != "openai")


def _target(provider: str, model: str, *, guessed: bool = False) -> Target:
    native = PROVIDERS.get(provider)
    if native is None and provider not in BRIDGED:
        raise UnknownProviderError(f"no provider is named {shown(provider)}", nearest(provider, [*PROVIDERS, *BRIDGED]))
    if not model:
        raise UnknownProviderError("the name of the model is missing after the provider", "write provider/model")
    if provider == "azure":
        for hint in _HINTS:
            model = model.removeprefix(hint)
    return Target(provider, model, native, guessed)
