"""What can be done over the admin API. Every route names one of these; a route that names none does not start."""

from __future__ import annotations

import enum


class Action(enum.StrEnum):
    """``<object>.<verb>``; the value is what custom roles grant and what audit and errors name."""

    PUBLIC = "public"
    """No key. Only for routes that a test lists with a reason."""
    SELF = "self"
    """Any valid key or session; the handler shows the caller's own things only."""

    KEY_CREATE = "key.create"
    KEY_READ = "key.read"
    KEY_UPDATE = "key.update"
    KEY_DELETE = "key.delete"
    KEY_BLOCK = "key.block"
    KEY_REGENERATE = "key.regenerate"
    KEY_RESET_SPEND = "key.reset_spend"

    USER_CREATE = "user.create"
    USER_READ = "user.read"
    USER_UPDATE = "user.update"
    USER_DELETE = "user.delete"
    PASSWORD_CHANGE = "password.change"  # noqa: S105  the name of an action
    SESSION_READ = "session.read"
    SESSION_END = "session.end"
    INVITATION_CREATE = "invitation.create"
    INVITATION_READ = "invitation.read"
    INVITATION_UPDATE = "invitation.update"
    INVITATION_DELETE = "invitation.delete"

    TEAM_CREATE = "team.create"
    TEAM_READ = "team.read"
    TEAM_UPDATE = "team.update"
    TEAM_DELETE = "team.delete"
    TEAM_BLOCK = "team.block"
    TEAM_MEMBERS = "team.members"
    TEAM_MODELS = "team.models"

    ORG_CREATE = "organization.create"
    ORG_READ = "organization.read"
    ORG_UPDATE = "organization.update"
    ORG_DELETE = "organization.delete"
    ORG_MEMBERS = "organization.members"

    PROJECT_CREATE = "project.create"
    PROJECT_READ = "project.read"
    PROJECT_UPDATE = "project.update"
    PROJECT_DELETE = "project.delete"

    CUSTOMER_READ = "customer.read"
    CUSTOMER_WRITE = "customer.write"
    BUDGET_READ = "budget.read"
    BUDGET_WRITE = "budget.write"
    TAG_READ = "tag.read"
    TAG_WRITE = "tag.write"

    MODEL_READ = "model.read"
    MODEL_WRITE = "model.write"
    CREDENTIAL_READ = "credential.read"
    CREDENTIAL_WRITE = "credential.write"
    ACCESS_GROUP_READ = "access_group.read"
    ACCESS_GROUP_WRITE = "access_group.write"
    FALLBACK_READ = "fallback.read"
    FALLBACK_WRITE = "fallback.write"
    ROLE_READ = "role.read"
    ROLE_WRITE = "role.write"

    APPROVAL_ASK = "approval.ask"
    """Asking for more budget or other models, for oneself or a key of one's own."""
    APPROVAL_READ = "approval.read"
    APPROVAL_DECIDE = "approval.decide"
    """Approving and refusing. What is approved is set in the name of who approves: he must be allowed to set it, too."""

    SPEND_READ = "spend.read"
    """Spend and activity of what the caller reaches."""
    SPEND_GLOBAL = "spend.global"
    """Spend of everybody."""
    SPEND_RESET = "spend.reset"
    CONFIG_READ = "config.read"
    CONFIG_WRITE = "config.write"
    CACHE_READ = "cache.read"
    CACHE_WRITE = "cache.write"
    """Forgetting cached answers."""
    HEALTH_CHECK = "health.check"
    """Checks that call upstreams."""
    AUDIT_READ = "audit.read"


READS = frozenset(action for action in Action if action.value.endswith((".read", ".global"))) | {Action.SELF}
"""What changes nothing: all that a key of type ``read_only`` may do."""
