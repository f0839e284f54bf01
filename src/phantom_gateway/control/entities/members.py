"""What a member of a team may use of it: the member's own limits, and the team's defaults for those it has none of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from phantom_gateway.control.entities.limits import Entity, has_window
from phantom_gateway.store.tenants import TeamMemberRow, TeamRow


def with_defaults(member: TeamMemberRow, team: TeamRow) -> TeamMemberRow:
    """``member`` with the team's defaults where it sets nothing itself. A budget's amount and window belong together."""
    defaults = team.member_defaults
    missing: dict[str, Any] = {
        name: defaults[name]
        for name in ("rpm_limit", "tpm_limit")
        if getattr(member, name) is None and defaults.get(name) is not None
    }
    amount, duration = defaults.get("max_budget_nano"), defaults.get("budget_duration")
    if member.max_budget_nano is None and amount is not None and not has_window(member, duration):
        missing |= {"max_budget_nano": amount, "budget_duration": duration}
    if not member.models and defaults.get("models"):
        missing["models"] = defaults["models"]
    return replace(member, **missing) if missing else member


def member_entity(member: TeamMemberRow) -> Entity:
    """A member as somebody with an allowance; pass one that is complete."""
    return Entity(f"member:{member.team_id}/{member.user_id}", member)
