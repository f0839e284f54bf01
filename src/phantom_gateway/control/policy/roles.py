"""Which role may be given by whom: nobody raises anybody above himself."""

from __future__ import annotations

from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.actor import ADMIN, BUILT_IN_ROLES, GLOBAL_VIEWER, ORG_ADMIN, USER, VIEWER, Actor
from phantom_gateway.control.policy.reach import Target, reach
from phantom_gateway.control.policy.table import TABLE, Relation

REACHES = ("all", "org", "team", "self")
"""What a custom role's grant may say: everything; the holder's organisations; the teams he is in; what is his own."""
NOT_GRANTED = frozenset({Action.PUBLIC, Action.SELF, Action.ROLE_WRITE})
"""Everybody has the first two; with the last a role would write its own grants."""
RESERVED = frozenset({*BUILT_IN_ROLES, ORG_ADMIN, "admin", "user", "team", "customer", "master"})
"""Names that a custom role cannot have: they mean something else."""

DESCRIPTIONS = {
    ADMIN: ("Admin (All Permissions)", "May see and change everything."),
    GLOBAL_VIEWER: ("Admin (View Only)", "May see everything and change nothing."),
    USER: ("Internal User (Create/Delete/View)", "May manage its own keys and see its own spend."),
    VIEWER: ("Internal Viewer (View Only)", "May see its own keys and spend."),
}
"""By built-in role: label and description."""


def may_give(actor: Actor, role: str) -> bool:
    """Whether ``actor`` may give somebody this role, and may change somebody who has it."""
    if actor.role == ADMIN:
        return True
    if actor.role == GLOBAL_VIEWER or not actor.role:
        return False
    return role == VIEWER or (actor.role != VIEWER and role in (USER, actor.role))


def may_appoint(actor: Actor, relation: Relation, target: Target) -> bool:
    """Whether ``actor`` may put somebody into ``relation`` to a team or an organisation: who may do all of it himself."""
    everybody = frozenset(Relation)
    actions = [action for action, granted in TABLE.items() if relation in granted and granted != everybody]
    if relation is Relation.MEMBER:  # of a team one sees the team, of an organisation the organisation
        actions = [action for action in actions if (action is Action.ORG_READ) == (target.team_id is None)]
    return all(reach(actor, action).covers(target) for action in actions)
