from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.schema_models import ModelEntry
from phantom_gateway.control.compile_prices import PER_MILLION, compile_prices, nano
from phantom_gateway.spine.snapshot import Prices, PriceTier


@dataclass(frozen=True)
class Known:
    prices: Prices
    max_input_tokens: int = 0
    max_output_tokens: int = 0
    mode: str = ""
    supports: frozenset[str] = frozenset()


def entry(params: dict[str, object] | None = None, info: dict[str, object] | None = None) -> ModelEntry:
    return ModelEntry.model_validate(
        {"model_name": "a", "litellm_params": {"model": "openai/a", **(params or {})}, "model_info": info or {}}
    )


def test_a_millionth_of_a_dollar_a_token_is_a_dollar_a_million() -> None:
    assert compile_prices(entry({"input_cost_per_token": 1e-06}), None) == Prices(version="config", input=1_000_000_000)


@given(st.integers(0, 10**12))
def test_every_price_in_nano_dollars_a_million_is_exact(price: int) -> None:
    dollars = float(Decimal(price) / PER_MILLION)
    assert nano(Decimal(str(dollars)), PER_MILLION) == price
    assert compile_prices(entry({"output_cost_per_token": dollars}), None).output == price


def test_all_classes_have_their_key() -> None:
    written = {
        "input_cost_per_token": 1e-6,
        "output_cost_per_token": "2e-6",
        "cache_read_input_token_cost": 3e-6,
        "cache_creation_input_token_cost": 4e-6,
        "cache_creation_input_token_cost_above_1hr": 5e-6,
        "output_cost_per_reasoning_token": 6e-6,
        "input_cost_per_audio_token": 7e-6,
        "output_cost_per_audio_token": 8e-6,
        "output_cost_per_image": 0.04,
        "input_cost_per_query": 0.001,
    }
    million = 1_000_000_000
    assert compile_prices(entry(info=dict(written)), None) == Prices(
        version="config",
        input=million,
        output=2 * million,
        cache_read=3 * million,
        cache_write_5m=4 * million,
        cache_write_1h=5 * million,
        reasoning=6 * million,
        audio_input=7 * million,
        audio_output=8 * million,
        image=40_000 * million,
        request=1_000_000,
    )


def test_the_configuration_wins_over_the_table_key_by_key() -> None:
    known = Known(Prices(version="2026-11", input=1, output=2, cache_read=3))
    assert compile_prices(entry(), known) == known.prices
    merged = compile_prices(
        entry({"input_cost_per_token": 0}, {"input_cost_per_token": 1, "output_cost_per_token": 1e-15}), known
    )
    assert merged == Prices(version="config+2026-11", input=0, output=1, cache_read=3)
    assert compile_prices(entry(), None) == Prices()


def test_tiers_of_the_configuration_and_of_the_table() -> None:
    table = Prices(
        version="t", input=1, output=2, tiers=(PriceTier(above=200_000, prices=Prices(version="t", input=5, output=6)),)
    )
    assert compile_prices(entry(), Known(table)) == table
    flat = compile_prices(entry({"input_cost_per_token": 3e-15}), Known(table))
    assert [(tier.above, tier.prices.input, tier.prices.output) for tier in flat.tiers] == [(200_000, 3, 6)]
    written: dict[str, object] = {
        "input_cost_per_token_above_200k_tokens": 7e-15,
        "output_cost_per_token_above_272k_tokens": 9e-15,
    }
    tiered = compile_prices(entry(written), Known(table))
    assert (tiered.input, tiered.version) == (1, "config+t")
    assert [(tier.above, tier.prices.input, tier.prices.output) for tier in tiered.tiers] == [
        (200_000, 7, 6),
        (272_000, 7, 9),
    ]
    alone = compile_prices(entry(info={"input_cost_per_token_above_128k_tokens": 1e-15}), None)
    assert [(tier.above, tier.prices.input, tier.prices.version) for tier in alone.tiers] == [(128_000, 1, "config")]
