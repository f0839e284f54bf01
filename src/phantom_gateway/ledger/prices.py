"""The price table shipped with the package: public list prices and limits of models.

``data/prices.json`` is made by ``tools/make_prices.py`` from litellm's model price data (MIT licence, see NOTICE).

Form: ``{"version", "flags": [name, ...], "models": {key: row}}``, a row being
``[provider, mode, max input, max output, flag bits, completeness, prices]``, and where long inputs have other prices
``[[tokens, prices], ...]`` behind it, in which null means "as below". Prices stand in the order of ``PRICE_FIELDS``, in
nano-dollars per million (``request``: nano-dollars). ``"media": {key: {field: price}}`` beside ``models`` has the further prices
of images and audio, ``MEDIA_FIELDS``, and ``sizes``.

Only control and the command line load it; workers get their prices with the snapshot.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from phantom_gateway.spine.snapshot import Prices, PriceTier

DATA_FILE = Path(__file__).parent / "data" / "prices.json"

PRICE_FIELDS = (
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
    "audio_input",
    "audio_output",
    "image",
    "request",
)

MEDIA_FIELDS = ("image_input", "image_output", "character", "audio_ms", "pixel")

FAMILIES = {
    "text-completion-openai": "openai",
    "azure_text": "azure",
    "bedrock_converse": "bedrock",
    "cohere_chat": "cohere",
    "text-completion-codestral": "codestral",
    "fireworks_ai-embedding-models": "fireworks_ai",
}
"""Providers of the table that are another provider's second API. Every ``vertex_ai-...`` is ``vertex_ai``."""

_BEDROCK_PREFIXES = (
    re.compile(r"^(invoke|async_invoke|converse|converse_like|chat_completions|claude_platform|mantle)/"),
    re.compile(r"^arn:.*/"),
    re.compile(r"^[a-z]{2}(-[a-z]+)+-[0-9]/"),
    re.compile(r"^(global|us|eu|apac|jp|au|us-gov)\."),
)
"""How a model of Bedrock is called, its inference profile's ARN, its region, the group of regions of the profile."""


class ModelPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What the table knows of one model."""

    key: str
    """Its name in the table."""
    provider: str
    mode: str
    """``chat``, ``completion``, ``embedding``, ``responses``, ...; empty when unknown."""
    prices: Prices
    max_input_tokens: int
    max_output_tokens: int
    """0 = unknown."""
    supports: frozenset[str]
    """Names of the ``supports_*`` flags that are true."""
    priced: bool
    """False: the table lists the model without any price; the operator must give one, else it is billed as free."""
    tiered: bool
    """The source has prices by hour or steps that ``Prices`` cannot express; the base price is used."""
    other_units: bool
    """The source also bills by second, character, pixel or page, which is not metered."""


class PriceTable:
    """The table in memory. ``PriceTable.load()`` takes some 20 ms; keep it."""

    def __init__(self, table: dict[str, Any]) -> None:
        self.version: str = table["version"]
        self._flags: list[str] = table["flags"]
        self._models: dict[str, list[Any]] = table["models"]
        self._media: dict[str, dict[str, Any]] = table.get("media", {})

    @classmethod
    def load(cls, path: Path = DATA_FILE) -> PriceTable:
        """Read the shipped table (or another of the same form). Raises OSError, ValueError."""
        return cls(json.loads(path.read_text(encoding="utf-8")))

    def lookup(self, provider: str, model: str) -> ModelPrice | None:
        """The entry of ``model`` at ``provider``, as in ``litellm_params.model: provider/model``.

        Rules, in order; no other guessing, a wrong price is worse than none:

        1. the key ``provider/model``;
        2. the key ``model``, if its provider is ``provider`` or belongs to its family (``FAMILIES``);
        3. at Bedrock the same without what says how (``converse/``) and where (``us-west-2/``, ``apac.``) it is called, as in
           LiteLLM: many models have one price for several regions and stand in the table once.
        """
        for name in _bedrock_names(model) if _family(provider) == "bedrock" else (model,):
            for key in (f"{provider}/{name}", name):
                row = self._models.get(key)
                if row is not None and (key != name or _family(row[0]) == _family(provider)):
                    return self._entry(key, row)
        return None

    def get(self, key: str) -> ModelPrice | None:
        """The entry under exactly this key (``model_info.base_model``)."""
        row = self._models.get(key)
        return None if row is None else self._entry(key, row)

    def of_provider(self, provider: str) -> dict[str, ModelPrice]:
        """All priced models that ``lookup`` finds at ``provider``, by the name the provider knows."""
        family, prefix = _family(provider), f"{provider}/"
        found: dict[str, ModelPrice] = {}
        for key, row in self._models.items():
            if key.startswith(prefix):
                found[key[len(prefix) :]] = self._entry(key, row)
            elif _family(row[0]) == family:
                found.setdefault(key, self._entry(key, row))
        return {name: price for name, price in found.items() if price.priced}

    def keys(self) -> list[str]:
        """All keys."""
        return list(self._models)

    def __len__(self) -> int:
        return len(self._models)

    def _entry(self, key: str, row: list[Any]) -> ModelPrice:
        provider, mode, max_input, max_output, bits, completeness, values, *more = row
        priced = completeness != 3
        prices = _named(values) | self._media.get(key, {})
        tiers = tuple(
            [
                PriceTier(above=above, prices=Prices(version=self.version, **prices | _named(other)))
                for above, other in (more[0] if more else ())
            ]
        )
        return ModelPrice(
            key=key,
            provider=provider,
            mode=mode,
            prices=Prices(version=self.version, **prices, tiers=tiers) if priced else Prices(),
            max_input_tokens=max_input,
            max_output_tokens=max_output,
            supports=frozenset(flag for index, flag in enumerate(self._flags) if bits >> index & 1),
            priced=priced,
            tiered=completeness == 1,
            other_units=completeness == 2,
        )


def _named(values: list[int | None]) -> dict[str, Any]:
    return {name: value for name, value in zip(PRICE_FIELDS, values, strict=True) if value is not None}


def _bedrock_names(model: str) -> Iterator[str]:
    """``model``, and what is left of it when its route, its region and its group of regions are taken off in turn."""
    yield model
    for pattern in _BEDROCK_PREFIXES:
        if (rest := pattern.sub("", model)) != model:
            model = rest
            yield model


def _family(provider: str) -> str:
    if provider.startswith("vertex_ai-"):
        return "vertex_ai"
    return FAMILIES.get(provider, provider)
