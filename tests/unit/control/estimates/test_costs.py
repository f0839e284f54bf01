from __future__ import annotations

import pytest

from phantom_gateway.control.answers.served import CostParts
from phantom_gateway.control.estimates.costs import estimate_view
from phantom_gateway.control.estimates.fields import CostEstimate
from phantom_gateway.control.estimates.priced import Priced
from phantom_gateway.spine.snapshot import Prices

PRICES = Prices(version="t", input=1_000_000_000, output=2_000_000_000, cache_read=100_000_000, reasoning=3_000_000_000)


def test_the_parts_sum_to_the_whole_by_request_day_and_month() -> None:
    fields = CostEstimate(
        model="m", input_tokens=1000, output_tokens=100, cache_read_input_tokens=400, cache_creation_input_tokens=100,
        reasoning_tokens=50, num_requests_per_day=10,
    )  # fmt: skip
    view = estimate_view(fields, Priced("m", "openai", PRICES))
    CostParts.model_validate(view)
    # 500 fresh, 400 read at a tenth, 100 written as fresh; 50 output, 50 reasoning
    assert view["cost_per_request"] == pytest.approx(500e-6 + 40e-6 + 100e-6 + 100e-6 + 150e-6)
    parts = ("input", "output", "cache_read", "cache_creation", "reasoning", "margin")
    assert view["cost_per_request"] == pytest.approx(sum(view[f"{part}_cost_per_request"] for part in parts))
    assert view["daily_cost"] == pytest.approx(view["cost_per_request"] * 10)
    assert view["monthly_cost"] is None
    assert (view["input_cost_per_token"], view["provider"]) == (1e-06, "openai")
