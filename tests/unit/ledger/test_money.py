from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.ledger.money import (
    NANO,
    Cost,
    all_tiers,
    ceiling,
    cost,
    format_usd,
    nano_to_usd,
    per_token_to_price,
    tier_of,
    usd_to_nano,
)
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.spine.snapshot import Prices, PriceTier

COUNT = st.one_of(st.none(), st.integers(0, 1_000_000))
PRICE = st.integers(0, 10**14)
USAGES = st.builds(
    Usage,
    input=COUNT,
    cache_read=COUNT,
    cache_write_5m=COUNT,
    cache_write_1h=COUNT,
    output=COUNT,
    reasoning=COUNT,
    audio_input=COUNT,
    audio_output=COUNT,
    images=st.one_of(st.none(), st.integers(0, 10)),
)
OWN = st.one_of(st.none(), PRICE)
PRICES = st.builds(
    Prices,
    input=PRICE,
    output=PRICE,
    cache_read=OWN,
    cache_write_5m=OWN,
    cache_write_1h=OWN,
    reasoning=OWN,
    audio_input=OWN,
    audio_output=OWN,
    image=OWN,
    request=st.integers(0, 10**9),
)


def test_gpt_4o_by_hand() -> None:
    prices = Prices(input=2_500_000_000, output=10_000_000_000, cache_read=1_250_000_000)
    bill = cost(Usage(input=1000, cache_read=200, output=50, source="provider"), prices)
    assert (bill.input, bill.cache_read, bill.output) == (2_500_000, 250_000, 500_000)
    assert bill.total == 3_250_000
    assert format_usd(bill.total) == "$0.00325"


def test_classes_without_a_price_follow_the_class_they_are_part_of() -> None:
    prices = Prices(input=1_000_000, output=2_000_000)
    usage = Usage(
        cache_read=1, cache_write_5m=2, cache_write_1h=3, audio_input=4, reasoning=5, audio_output=6, images=7
    )
    bill = cost(usage, prices)
    assert (bill.cache_read, bill.cache_write, bill.reasoning, bill.audio, bill.image) == (1, 5, 10, 16, 0)
    free = Prices(input=1_000_000, output=2_000_000, cache_read=0, reasoning=0)
    assert cost(Usage(cache_read=9, reasoning=9), free).total == 0


@given(USAGES, PRICES)
def test_the_parts_sum_to_the_total_which_is_rounded_once(usage: Usage, prices: Prices) -> None:
    bill = cost(usage, prices)
    assert sum(bill[1:]) == bill.total
    assert all(part >= 0 for part in bill)
    exact = Fraction(0)
    for count, own, base in (
        (usage.input, prices.input, 0),
        (usage.output, prices.output, 0),
        (usage.cache_read, prices.cache_read, prices.input),
        (usage.cache_write_5m, prices.cache_write_5m, prices.input),
        (usage.cache_write_1h, prices.cache_write_1h, prices.input),
        (usage.reasoning, prices.reasoning, prices.output),
        (usage.audio_input, prices.audio_input, prices.input),
        (usage.audio_output, prices.audio_output, prices.output),
        (usage.images, prices.image, 0),
    ):
        exact += Fraction((count or 0) * (base if own is None else own), 1_000_000)
    assert bill.total - prices.request == (2 * exact + 1) // 2


@given(USAGES, PRICES)
def test_the_ceiling_is_never_exceeded(usage: Usage, prices: Prices) -> None:
    most = ceiling(prices, usage.prompt_tokens, usage.completion_tokens, usage.images or 0)
    assert cost(usage, prices).total <= most


@given(st.integers(-(10**18), 10**18))
def test_dollars_read_back_as_written(nano: int) -> None:
    text = format_usd(nano).replace("$", "").replace(",", "")
    assert usd_to_nano(text) == nano
    assert Decimal(text) == Decimal(nano) / NANO


@given(st.integers(0, 10**15))
def test_json_dollars_read_back_for_all_real_sums(nano: int) -> None:
    assert usd_to_nano(nano_to_usd(nano)) == nano


@pytest.mark.parametrize(
    ("value", "nano"),
    [(0.1, 100_000_000), ("0.1", 100_000_000), (3, 3 * NANO), (1e-9, 1), ("5e-10", 1), (" 2 ", 2 * NANO)],
)
def test_dollars_are_exact(value: str | float, nano: int) -> None:
    assert usd_to_nano(value) == nano


@pytest.mark.parametrize("value", ["", "x", "nan", float("nan"), float("inf"), "1,5", True])
def test_what_is_no_amount_is_refused(value: str | float) -> None:
    with pytest.raises(ValueError, match="amount"):
        usd_to_nano(value)


def test_published_prices_are_integers_per_million() -> None:
    assert per_token_to_price(2.5e-06) == 2_500_000_000
    assert per_token_to_price("1.5e-07") == 150_000_000
    assert per_token_to_price(Decimal("7.5e-08")) == 75_000_000


def test_formatting() -> None:
    assert format_usd(0) == "$0.00"
    assert format_usd(1_500_000_000) == "$1.50"
    assert format_usd(-2_500) == "-$0.0000025"
    assert format_usd(1_234_567_000_000_000) == "$1,234,567.00"


@given(
    st.lists(st.integers(0, 10**12), min_size=8, max_size=8), st.lists(st.integers(0, 10**12), min_size=8, max_size=8)
)
def test_two_costs_together_still_sum_up(mine: list[int], its: list[int]) -> None:
    both = Cost(sum(mine), *mine).plus(Cost(sum(its), *its))
    assert both.total == sum(both[1:]) == sum(mine) + sum(its)


TIERED = Prices(
    input=100,
    output=1000,
    cache_read=10,
    tiers=(
        PriceTier(above=200_000, prices=Prices(input=200, output=1500, cache_read=20)),
        PriceTier(above=500_000, prices=Prices(input=400, output=3000, cache_read=40)),
    ),
)


@pytest.mark.parametrize(
    ("tokens", "cached", "tier"),
    [(200_000, 0, 0), (200_001, 0, 1), (100_000, 100_001, 1), (500_000, 0, 1), (1, 500_000, 2), (9_000_000, 0, 2)],
)
def test_the_whole_request_is_billed_at_the_tier_of_its_input(tokens: int, cached: int, tier: int) -> None:
    usage = Usage(input=tokens, cache_read=cached, output=50_000)
    expected = (TIERED, *(each.prices for each in TIERED.tiers))[tier]
    assert tier_of(TIERED, usage.prompt_tokens) is expected
    exact = tokens * expected.input + cached * (expected.cache_read or 0) + 50_000 * expected.output
    assert cost(usage, TIERED).total == (exact + 500_000) // 1_000_000


@given(USAGES)
def test_a_reservation_covers_every_tier(usage: Usage) -> None:
    assert cost(usage, TIERED).total <= ceiling(TIERED, usage.prompt_tokens, usage.completion_tokens)
    assert len(all_tiers(TIERED)) == 3
