from __future__ import annotations

import json
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tools import make_prices

from phantom_gateway.ledger.prices import PriceTable

SOURCE: dict[str, dict[str, Any]] = {
    "sample_spec": {"mode": "one of"},
    "a": {
        "litellm_provider": "openai",
        "mode": "chat",
        "input_cost_per_token": Decimal("2.5e-06"),
        "output_cost_per_token": Decimal("1e-05"),
        "cache_creation_input_token_cost_above_1hr": Decimal("6e-06"),
        "max_input_tokens": "128000",
        "supports_vision": True,
        "supports_audio_input": False,
    },
    "long": {
        "litellm_provider": "x",
        "mode": "chat",
        "input_cost_per_token_above_200k_tokens": 1,
        "cache_creation_input_token_cost_above_1hr_above_500k_tokens": 3,
        "output_cost_per_token_above_500k_tokens": 2,
        "input_cost_per_token_above_200k_tokens_priority": 9,
        "input_cost_per_token": 0,
    },
    "steps": {"litellm_provider": "x", "mode": "chat", "input_cost_per_token": 1, "off_peak_pricing": {}},
    "unpriced": {"litellm_provider": "x", "mode": "chat"},
    "film": {"litellm_provider": "x", "mode": "video_generation", "output_cost_per_second": 1},
    "search": {"litellm_provider": "x", "mode": "rerank", "input_cost_per_query": Decimal("0.001")},
    "picture": {"litellm_provider": "x", "mode": "image_generation", "input_cost_per_image": Decimal("0.04")},
}


def test_building() -> None:
    table = PriceTable(make_prices.build(SOURCE, "v"))
    assert sorted(table.keys()) == ["a", "long", "picture", "search", "steps", "unpriced"]
    entry = table.get("a")
    assert entry is not None
    assert (entry.prices.input, entry.prices.output, entry.prices.cache_write_1h) == (2_500_000_000, 10**10, 6 * 10**9)
    assert entry.supports == {"supports_vision"}
    assert (entry.max_input_tokens, entry.max_output_tokens, entry.tiered, entry.priced) == (128_000, 0, False, True)
    long, unpriced, search, picture = (table.get(key) for key in ("long", "unpriced", "search", "picture"))
    assert long is not None
    assert (long.tiered, long.priced) == (False, True)
    first, second = long.prices.tiers
    assert (first.above, first.prices.input, first.prices.output) == (200_000, 10**15, 0)
    assert (second.above, second.prices.input, second.prices.output) == (500_000, 10**15, 2 * 10**15)
    assert (first.prices.cache_write_1h, second.prices.cache_write_1h) == (None, 3 * 10**15)
    steps = table.get("steps")
    assert steps is not None
    assert steps.tiered
    assert unpriced is not None
    assert (unpriced.priced, unpriced.prices.version) == (False, "none")
    assert search is not None
    assert search.prices.request == 1_000_000
    assert picture is not None
    assert picture.prices.image == 40_000_000 * 1_000_000


def test_from_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    wheel = tmp_path / "litellm-9.9.9-py3-none-any.whl"
    plain = {
        key: {name: float(v) if isinstance(v, Decimal) else v for name, v in e.items()} for key, e in SOURCE.items()
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(make_prices.SOURCE, json.dumps(plain))
    target = tmp_path / "data" / "prices.json"
    monkeypatch.setattr(make_prices, "DATA_FILE", target)
    assert make_prices.main([str(wheel)]) == 0
    table = PriceTable.load(target)
    assert (table.version, len(table)) == ("litellm-9.9.9", 6)
    assert "6 of 7 models" in capsys.readouterr().out


@pytest.mark.parametrize("version", make_prices.REFUSED)
def test_the_poisoned_releases_are_refused(version: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert make_prices.main([f"litellm-{version}-py3-none-any.whl"]) == 1
    assert "refused" in capsys.readouterr().err


def test_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert make_prices.main([]) == 2
    assert "make_prices" in capsys.readouterr().err
