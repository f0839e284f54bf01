from __future__ import annotations

from dataclasses import dataclass

import pytest

from phantom_gateway.control.compile_traits import ADAPTIVE, NO_REASONING, traits_of_model
from phantom_gateway.ledger.prices import PriceTable


@dataclass(frozen=True)
class Known:
    supports: frozenset[str]


@pytest.mark.parametrize(
    ("supports", "traits"),
    [
        ({"supports_reasoning", "supports_adaptive_thinking"}, (ADAPTIVE,)),
        ({"supports_reasoning"}, ()),
        ({"supports_vision"}, (NO_REASONING,)),
    ],
)
def test_what_the_table_says(supports: set[str], traits: tuple[str, ...]) -> None:
    assert traits_of_model(Known(frozenset(supports))) == traits


def test_nothing_is_claimed_of_an_unknown_model() -> None:
    assert traits_of_model(None) == ()


def test_the_shipped_table_tells_them_apart() -> None:
    table = PriceTable.load()
    assert traits_of_model(table.lookup("anthropic", "claude-opus-5")) == (ADAPTIVE,)
    assert traits_of_model(table.lookup("anthropic", "claude-sonnet-4-5")) == ()
    assert traits_of_model(table.lookup("openai", "gpt-4o")) == (NO_REASONING,)
