"""Make ``ledger/data/prices.json`` from the model price data in a litellm wheel, without importing litellm.

    pip download --no-deps litellm==1.106.2 -d DIR
    python -m tools.make_prices DIR/litellm-1.106.2-*.whl

The table is rebuilt by hand when a release of ours takes over newer prices; nothing is ever downloaded by the gateway.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from phantom_gateway.ledger.money import per_token_to_price, usd_to_nano
from phantom_gateway.ledger.prices import DATA_FILE, PRICE_FIELDS

SOURCE = "litellm/model_prices_and_context_window_backup.json"

REFUSED = ("1.82.7", "1.82.8")
"""Carried a credential stealer (March 2026)."""

KEYS = {
    "input": ("input_cost_per_token",),
    "output": ("output_cost_per_token",),
    "cache_read": ("cache_read_input_token_cost", "input_cost_per_token_cache_hit"),
    "cache_write_5m": ("cache_creation_input_token_cost",),
    "cache_write_1h": ("cache_creation_input_token_cost_above_1hr",),
    "reasoning": ("output_cost_per_reasoning_token",),
    "audio_input": ("input_cost_per_audio_token",),
    "audio_output": ("output_cost_per_audio_token",),
}
MEDIA_MODES = ("image_generation", "image_edit", "audio_speech", "audio_transcription")
MEDIA_KEYS = {
    "image_input": ("input_cost_per_image_token",),
    "image_output": ("output_cost_per_image_token",),
    "character": ("input_cost_per_character", "output_cost_per_character"),
    "audio_ms": ("output_cost_per_second", "input_cost_per_second"),
    "pixel": ("input_cost_per_pixel", "output_cost_per_pixel"),
}
"""Of the names for one price the first that is above 0: the source writes both sides of what is billed once."""
SIZED = re.compile(r"(?:(?P<provider>[a-z_]+)/)?(?:(?P<quality>[a-z]+)/)?(?P<width>\d+)-x-(?P<height>\d+)/(?P<name>.+)")
METERED = ("_per_second", "_per_character", "_per_pixel")
"""Units that are metered for those modes."""
OTHER_UNITS = ("_per_second", "_per_character", "_per_pixel", "_per_page", "_per_minute", "_dbu_", "_1080p", "_720p")
TIER = re.compile(r"(.+)_above_(\d+)k_tokens")
VARIABLE = ("tiered_pricing", "off_peak_pricing")
PER_REQUEST = ("input_cost_per_request", "input_cost_per_query")


def main(arguments: list[str]) -> int:
    """Write the table; the argument is the wheel."""
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    wheel = Path(arguments[0])
    version = wheel.name.split("-")[1]
    if version in REFUSED:
        print(f"litellm {version} is refused for ever", file=sys.stderr)
        return 1
    with zipfile.ZipFile(wheel) as archive:
        source = json.loads(archive.read(SOURCE), parse_float=Decimal)
    table = build(source, f"litellm-{version}")
    DATA_FILE.parent.mkdir(exist_ok=True)
    DATA_FILE.write_text(render(table), encoding="utf-8")
    print(f"{len(table['models'])} of {len(source) - 1} models, {DATA_FILE.stat().st_size} bytes")
    return 0


def build(source: dict[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """The table: see ``phantom_gateway.ledger.prices`` for its form."""
    source = {name: entry for name, entry in source.items() if name != "sample_spec"}
    flags = sorted({key for entry in source.values() for key, value in entry.items() if _flag(key, value)})
    models = {}
    for name, entry in sorted(source.items()):
        row = _row(entry, {flag: 1 << index for index, flag in enumerate(flags)})
        if row is not None:
            models[name] = row
    media: dict[str, dict[str, Any]] = {
        name: dict(prices) for name, entry in sorted(source.items()) if (prices := _media(entry))
    }
    for name, sizes in _sizes(source).items():
        media.setdefault(name, {})["sizes"] = dict(sorted(sizes.items()))
        if name not in models:
            provider = source[_sized_key(name, source)]["litellm_provider"]
            models[name] = [provider, "image_generation", 0, 0, 0, 0, [None] * len(PRICE_FIELDS)]
    return {
        "version": version,
        "flags": flags,
        "models": dict(sorted(models.items())),
        "media": dict(sorted(media.items())),
    }


def render(table: dict[str, Any]) -> str:
    """One model a line, so that a new table shows as a readable difference."""
    lines = [f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}" for name, row in table["models"].items()]
    head = json.dumps({key: table[key] for key in ("version", "flags")}, separators=(",", ":"))
    media = [f"{json.dumps(name)}:{json.dumps(row, separators=(',', ':'))}" for name, row in table["media"].items()]
    return head[:-1] + ',"models":{\n' + ",\n".join(lines) + '\n},"media":{\n' + ",\n".join(media) + "\n}}\n"


def _flag(key: str, value: Any) -> bool:
    return key.startswith("supports_") and isinstance(value, bool) and value


def _row(entry: dict[str, Any], bits: dict[str, int]) -> list[Any] | None:
    """``[provider, mode, max input, max output, flag bits, completeness, [prices], [tiers]]``, the last only where there are any;
    ``None`` for what has no model price.
    """
    mode = entry.get("mode") or ""
    prices: dict[str, int] = {}
    for field, names in KEYS.items():
        value = next((entry[name] for name in names if entry.get(name) is not None), None)
        if value is not None:
            prices[field] = per_token_to_price(value)
    image = entry.get("output_cost_per_image")
    if image is None and mode.startswith("image_"):
        image = entry.get("input_cost_per_image")
    if image is not None:
        prices["image"] = per_token_to_price(image)
    request = next((entry[name] for name in PER_REQUEST if entry.get(name) is not None), None)
    if request is not None:
        prices["request"] = usd_to_nano(str(request))
    if not prices and not _media(entry) and mode not in ("chat", "completion", "embedding", "responses"):
        return None
    tiers = _tiers(entry)
    row = [
        entry.get("litellm_provider", ""),
        mode,
        _limit(entry.get("max_input_tokens", entry.get("max_tokens"))),
        _limit(entry.get("max_output_tokens")),
        sum([bits[key] for key, value in entry.items() if _flag(key, value)]),
        _completeness(entry, prices or _media(entry)),
        [prices.get(field) for field in PRICE_FIELDS],
    ]
    return [*row, tiers] if tiers else row


def _tiers(entry: dict[str, Any]) -> list[list[Any]]:
    """Prices of long inputs: ``[[tokens, prices], ...]``, each with everything that the tiers below it say."""
    fields = {name: field for field, names in KEYS.items() for name in names}
    found: dict[int, dict[str, int]] = {}
    for key, value in entry.items():
        match = TIER.fullmatch(key)
        if match is not None and match[1] in fields and value is not None:
            found.setdefault(int(match[2]) * 1000, {})[fields[match[1]]] = per_token_to_price(value)
    tiers, said = [], dict[str, int]()
    for above in sorted(found):
        said |= found[above]
        tiers.append([above, [said.get(field) for field in PRICE_FIELDS]])
    return tiers


def _media(entry: dict[str, Any]) -> dict[str, int]:
    """Prices of images and audio, by ``MEDIA_FIELDS``."""
    if entry.get("mode") not in MEDIA_MODES:
        return {}
    found = {}
    for field, names in MEDIA_KEYS.items():
        value = next((entry[name] for name in names if entry.get(name)), None)
        if value is not None:
            found[field] = per_token_to_price(Decimal(value) / 1000 if field == "audio_ms" else value)
    return found


def _sizes(source: dict[str, dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Prices of an image by quality and size, which the source has as models of their own: ``high/1024-x-1024/gpt-image-1``."""
    found: dict[str, dict[str, int]] = {}
    for key, entry in source.items():
        match = SIZED.fullmatch(key)
        if match is None or entry.get("mode") not in MEDIA_MODES or "steps/" in key:
            continue
        price = entry.get("input_cost_per_image") or entry.get("output_cost_per_image")
        pixels = int(match["width"]) * int(match["height"])
        if price is None and entry.get("input_cost_per_pixel"):
            price = Decimal(entry["input_cost_per_pixel"]) * pixels
        if price is None:
            continue
        provider, quality = match["provider"], match["quality"]
        if provider is not None and quality is None and provider != entry["litellm_provider"]:
            provider, quality = None, provider
        base = f"{provider}/{match['name']}" if provider else match["name"]
        if provider is None and base not in source and f"{entry['litellm_provider']}/{base}" in source:
            base = f"{entry['litellm_provider']}/{base}"
        size = f"{match['width']}x{match['height']}"
        found.setdefault(base, {})[f"{quality}/{size}" if quality else size] = per_token_to_price(price)
    return found


def _sized_key(base: str, source: dict[str, dict[str, Any]]) -> str:
    """A model of the source that has a price of ``base`` by size."""
    name = base.rpartition("/")[2]
    prefix = base.removesuffix(name)
    return next(key for key in source if SIZED.fullmatch(key) and key.startswith(prefix) and key.endswith(f"/{name}"))


def _completeness(entry: dict[str, Any], prices: dict[str, int]) -> int:
    """0 = complete; 1 = prices by hour or in steps exist; 2 = units we do not meter; 3 = no price at all.

    Prices of other service levels (``_priority``, ``_batches``, ``_flex``) are not those of a plain request.
    """
    if not prices:
        return 3
    other = [unit for unit in OTHER_UNITS if unit not in METERED or entry.get("mode") not in MEDIA_MODES]
    if any(unit in key and "batches" not in key for key in entry for unit in other):
        return 2
    variable = [key for key in entry if any(part in key for part in VARIABLE)]
    return 1 if variable else 0


def _limit(value: Any) -> int:
    try:
        return max(int(value), 0)
    except (TypeError, ValueError):
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
