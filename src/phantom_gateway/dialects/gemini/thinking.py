"""How hard a Gemini model is to think: by level from Gemini 3 on, by a budget of tokens before (Google's guide, November 2026)."""

from __future__ import annotations

import re
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import Settings, Terms, Untranslatable

BUDGETS = {"minimal": 512, "low": 1024, "medium": 2048, "high": 4096, "xhigh": 8192, "max": 16384}
"""Tokens of thinking for an effort; the first four as LiteLLM 1.106.2 has them (``minimal`` as for the smallest model)."""
SMALLEST_OF_PRO = 128
"""Gemini 2.5 Pro always thinks, at least that much."""
_GENERATION = re.compile(r"(?:^|/)gemini-(\d+)")


def generation(model: str) -> int:
    """2 for ``gemini-2.5-flash``; 0 when the name does not say."""
    found = _GENERATION.search(model)
    return int(found[1][:4]) if found else 0


def wants_signatures(model: str) -> bool:
    """Whether a call without the signature of its thought is refused."""
    return generation(model) >= 3


def config(settings: Settings, terms: Terms) -> tuple[dict[str, Any], list[str]]:
    """``thinkingConfig``, and what had to be left out. Raises Untranslatable for an unknown effort."""
    effort, given = settings.effort, settings.thinking
    if given is not None:
        kind = given.get("type")
        budget = read.whole(given.get("budget_tokens"), "thinking.budget_tokens")
        if "no_reasoning" in terms.traits:
            return {}, ["thinking"] if kind != "disabled" else []
        if kind == "enabled" and budget is not None:
            return {"thinkingBudget": budget, "includeThoughts": True}, []
        if kind == "adaptive" and effort is None:
            return {"includeThoughts": True}, []
        if kind == "disabled":
            effort = "none"
    if effort is None:
        return {}, []
    if effort != "none" and effort not in BUDGETS:
        raise Untranslatable(f"'reasoning_effort' must be none, {', '.join(BUDGETS)}.", "reasoning_effort")
    if "no_reasoning" in terms.traits:
        return {}, [] if effort == "none" else ["reasoning_effort"]
    if generation(terms.model) >= 3:
        return _level(effort, terms.model), []
    if effort != "none":
        return {"thinkingBudget": _bounded(BUDGETS[effort], settings.max_tokens), "includeThoughts": True}, []
    return {"thinkingBudget": SMALLEST_OF_PRO if "pro" in terms.model else 0}, []


def _level(effort: str, model: str) -> dict[str, Any]:
    small = "flash" in model
    if effort == "none":
        return {"thinkingLevel": "minimal" if small else "low"}
    levels = {"minimal": "minimal" if small else "low", "low": "low", "medium": "medium"}
    level = levels.get(effort, "high")
    if level == "medium" and "gemini-3-pro" in model:
        level = "high"  # it has the two ends only
    return {"thinkingLevel": level, "includeThoughts": True}


def _bounded(budget: int, limit: int | None) -> int:
    """Thinking is part of what the caller has bounded: some of it stays for the answer."""
    return budget if limit is None else max(min(budget, limit - limit // 4), SMALLEST_OF_PRO)
