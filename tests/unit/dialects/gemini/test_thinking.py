from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.gemini.thinking import config, generation, wants_signatures
from phantom_gateway.dialects.neutral import Settings, Terms, Untranslatable


@pytest.mark.parametrize(
    ("model", "settings", "written"),
    [
        ("gemini-2.5-flash", {}, {}),
        ("gemini-2.5-flash", {"effort": "low"}, {"thinkingBudget": 1024, "includeThoughts": True}),
        ("gemini-2.5-flash", {"effort": "none"}, {"thinkingBudget": 0}),
        ("gemini-2.5-pro", {"effort": "none"}, {"thinkingBudget": 128}),
        ("gemini-2.5-flash", {"effort": "max", "max_tokens": 1000}, {"thinkingBudget": 750, "includeThoughts": True}),
        ("gemini-3-pro-preview", {"effort": "medium"}, {"thinkingLevel": "high", "includeThoughts": True}),
        ("gemini-3-pro-preview", {"effort": "none"}, {"thinkingLevel": "low"}),
        ("gemini-3-flash-preview", {"effort": "minimal"}, {"thinkingLevel": "minimal", "includeThoughts": True}),
        ("gemini-3.1-pro-preview", {"effort": "xhigh"}, {"thinkingLevel": "high", "includeThoughts": True}),
        ("m", {"thinking": {"type": "enabled", "budget_tokens": 7}}, {"thinkingBudget": 7, "includeThoughts": True}),
        ("m", {"thinking": {"type": "adaptive"}}, {"includeThoughts": True}),
        ("m", {"thinking": {"type": "disabled"}}, {"thinkingBudget": 0}),
    ],
)
def test_efforts(model: str, settings: dict[str, Any], written: dict[str, Any]) -> None:
    assert config(Settings(**settings), Terms(model)) == (written, [])


def test_who_cannot_think_is_not_asked_to() -> None:
    terms = Terms("m", traits=frozenset({"no_reasoning"}))
    assert config(Settings(effort="low"), terms) == ({}, ["reasoning_effort"])
    assert config(Settings(effort="none"), terms) == ({}, [])
    assert config(Settings(thinking={"type": "enabled", "budget_tokens": 7}), terms) == ({}, ["thinking"])
    with pytest.raises(Untranslatable):
        config(Settings(effort="much"), Terms("m"))


def test_generations() -> None:
    assert [generation(name) for name in ("gemini-2.5-pro", "models/gemini-3-flash", "gemma-3", "x")] == [2, 3, 0, 0]
    assert wants_signatures("gemini-3-flash")
    assert not wants_signatures("gemini-2.5-pro")
