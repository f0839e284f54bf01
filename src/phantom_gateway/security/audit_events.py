"""What an audit record can say: a closed list, from which ``docs/reference/audit_events.md`` is made.

A code is written into records that are kept for years: it is never renamed and never reused. Names of tables and actions are
LiteLLM's, so that filters of its tools find what they look for.
"""

from __future__ import annotations

import enum


class Table(enum.StrEnum):
    """``table_name``: what kind of object a record is about."""

    KEY = "LiteLLM_VerificationToken"
    USER = "LiteLLM_UserTable"
    TEAM = "LiteLLM_TeamTable"
    TEAM_MEMBER = "LiteLLM_TeamMembership"
    ORGANIZATION = "LiteLLM_OrganizationTable"
    ORGANIZATION_MEMBER = "LiteLLM_OrganizationMembership"
    PROJECT = "LiteLLM_ProjectTable"
    CUSTOMER = "LiteLLM_EndUserTable"
    TAG = "LiteLLM_TagTable"
    BUDGET = "LiteLLM_BudgetTable"
    SPEND = "LiteLLM_SpendLogs"
    MODEL = "LiteLLM_ProxyModelTable"
    CREDENTIAL = "LiteLLM_CredentialsTable"
    ACCESS_GROUP = "LiteLLM_AccessGroupTable"
    INVITATION = "LiteLLM_InvitationLink"
    CONFIG = "LiteLLM_Config"
    ROLE = "Phantom_RoleTable"
    APPROVAL = "Phantom_ApprovalTable"
    SESSION = "Phantom_SessionTable"
    ENCRYPTION_KEY = "Phantom_EncryptionKeys"
    AUDIT = "Phantom_AuditLog"


class Action(enum.StrEnum):
    """``action``: what was done to it. The first six are LiteLLM's."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    ROTATED = "rotated"
    SIGNED_IN = "signed_in"
    SIGNED_OUT = "signed_out"
    EXPORTED = "exported"
    REFUSED = "refused"


class ActorKind(enum.StrEnum):
    """How the actor was authenticated."""

    MASTER = "master"
    KEY = "key"
    USER = "user"
    """By a session of the UI."""
    SYSTEM = "system"
    """The gateway itself, or its command line."""
    ANONYMOUS = "anonymous"
    """Nobody: a login that failed."""


class Result(enum.StrEnum):
    """How it ended."""

    SUCCESS = "success"
    FAILURE = "failure"


class EventCode(enum.Enum):
    """Every event: its code, the kind of object, the action, and a sentence for the reference."""

    KEY_CREATED = ("key.created", Table.KEY, Action.CREATED, "A virtual key was made.")
    KEY_UPDATED = ("key.updated", Table.KEY, Action.UPDATED, "Fields of a virtual key were changed.")
    KEY_DELETED = ("key.deleted", Table.KEY, Action.DELETED, "A virtual key was deleted.")
    KEY_BLOCKED = ("key.blocked", Table.KEY, Action.BLOCKED, "A virtual key was blocked.")
    KEY_UNBLOCKED = ("key.unblocked", Table.KEY, Action.UNBLOCKED, "A blocked virtual key was admitted again.")
    KEY_ROTATED = (
        "key.rotated",
        Table.KEY,
        Action.ROTATED,
        "A virtual key got a new value, by hand or by its schedule.",
    )
    KEY_FETCHED = (
        "key.fetched",
        Table.KEY,
        Action.UPDATED,
        "The value that a virtual key had got by its schedule was handed out.",
    )
    KEY_SPEND_RESET = ("key.spend_reset", Table.KEY, Action.UPDATED, "The spend of a virtual key was reset.")

    SPEND_CORRECTED = ("spend.corrected", Table.SPEND, Action.CREATED, "A correction was booked in the ledger.")
    SPEND_RESET = ("spend.reset", Table.SPEND, Action.UPDATED, "The present windows of all budgets started anew.")

    USER_CREATED = ("user.created", Table.USER, Action.CREATED, "An internal user was made.")
    USER_UPDATED = (
        "user.updated",
        Table.USER,
        Action.UPDATED,
        "Fields of an internal user were changed, roles included.",
    )
    USER_DELETED = ("user.deleted", Table.USER, Action.DELETED, "An internal user was deleted.")
    USER_BLOCKED = ("user.blocked", Table.USER, Action.BLOCKED, "An internal user was shut out.")
    USER_UNBLOCKED = ("user.unblocked", Table.USER, Action.UNBLOCKED, "An internal user was let in again.")
    USER_PASSWORD_CHANGED = ("user.password_changed", Table.USER, Action.UPDATED, "A password was set or changed.")
    USER_SPEND_RESET = ("user.spend_reset", Table.USER, Action.UPDATED, "The spend of an internal user was reset.")

    TEAM_CREATED = ("team.created", Table.TEAM, Action.CREATED, "A team was made.")
    TEAM_UPDATED = ("team.updated", Table.TEAM, Action.UPDATED, "Fields of a team were changed.")
    TEAM_DELETED = ("team.deleted", Table.TEAM, Action.DELETED, "A team was deleted.")
    TEAM_BLOCKED = ("team.blocked", Table.TEAM, Action.BLOCKED, "A team was blocked, with all its keys.")
    TEAM_UNBLOCKED = ("team.unblocked", Table.TEAM, Action.UNBLOCKED, "A blocked team was admitted again.")
    TEAM_SPEND_RESET = ("team.spend_reset", Table.TEAM, Action.UPDATED, "The spend of a team was reset.")
    TEAM_MEMBER_ADDED = ("team.member_added", Table.TEAM_MEMBER, Action.CREATED, "Somebody became a member of a team.")
    TEAM_MEMBER_UPDATED = (
        "team.member_updated",
        Table.TEAM_MEMBER,
        Action.UPDATED,
        "Role, budget or limits of a team's member were changed.",
    )
    TEAM_MEMBER_REMOVED = ("team.member_removed", Table.TEAM_MEMBER, Action.DELETED, "Somebody left a team.")

    ORGANIZATION_CREATED = ("organization.created", Table.ORGANIZATION, Action.CREATED, "An organisation was made.")
    ORGANIZATION_UPDATED = ("organization.updated", Table.ORGANIZATION, Action.UPDATED, "Fields of one were changed.")
    ORGANIZATION_DELETED = ("organization.deleted", Table.ORGANIZATION, Action.DELETED, "An organisation was deleted.")
    ORGANIZATION_MEMBER_ADDED = (
        "organization.member_added",
        Table.ORGANIZATION_MEMBER,
        Action.CREATED,
        "Somebody became a member of an organisation.",
    )
    ORGANIZATION_MEMBER_UPDATED = (
        "organization.member_updated",
        Table.ORGANIZATION_MEMBER,
        Action.UPDATED,
        "Role or budget of an organisation's member were changed.",
    )
    ORGANIZATION_MEMBER_REMOVED = (
        "organization.member_removed",
        Table.ORGANIZATION_MEMBER,
        Action.DELETED,
        "Somebody left an organisation.",
    )

    PROJECT_CREATED = ("project.created", Table.PROJECT, Action.CREATED, "A project was made.")
    PROJECT_UPDATED = ("project.updated", Table.PROJECT, Action.UPDATED, "Fields of a project were changed.")
    PROJECT_DELETED = ("project.deleted", Table.PROJECT, Action.DELETED, "A project was deleted.")

    CUSTOMER_CREATED = ("customer.created", Table.CUSTOMER, Action.CREATED, "A customer (end user) was made.")
    CUSTOMER_UPDATED = ("customer.updated", Table.CUSTOMER, Action.UPDATED, "Fields of a customer were changed.")
    CUSTOMER_DELETED = ("customer.deleted", Table.CUSTOMER, Action.DELETED, "A customer was deleted.")
    CUSTOMER_BLOCKED = ("customer.blocked", Table.CUSTOMER, Action.BLOCKED, "A customer was blocked.")
    CUSTOMER_UNBLOCKED = ("customer.unblocked", Table.CUSTOMER, Action.UNBLOCKED, "A customer was admitted again.")

    TAG_CREATED = ("tag.created", Table.TAG, Action.CREATED, "A tag was made.")
    TAG_UPDATED = ("tag.updated", Table.TAG, Action.UPDATED, "Fields of a tag were changed.")
    TAG_DELETED = ("tag.deleted", Table.TAG, Action.DELETED, "A tag was deleted.")

    BUDGET_CREATED = ("budget.created", Table.BUDGET, Action.CREATED, "A reusable budget was made.")
    BUDGET_UPDATED = ("budget.updated", Table.BUDGET, Action.UPDATED, "Fields of a budget were changed.")
    BUDGET_DELETED = ("budget.deleted", Table.BUDGET, Action.DELETED, "A budget was deleted.")

    MODEL_CREATED = ("model.created", Table.MODEL, Action.CREATED, "A model was added to the database.")
    MODEL_UPDATED = ("model.updated", Table.MODEL, Action.UPDATED, "Fields of a model of the database were changed.")
    MODEL_BLOCKED = ("model.blocked", Table.MODEL, Action.BLOCKED, "A model of the database was taken out of service.")
    MODEL_UNBLOCKED = ("model.unblocked", Table.MODEL, Action.UNBLOCKED, "A blocked model was brought back.")
    MODEL_DELETED = ("model.deleted", Table.MODEL, Action.DELETED, "A model was removed from the database.")

    CREDENTIAL_CREATED = ("credential.created", Table.CREDENTIAL, Action.CREATED, "A provider's credential was stored.")
    CREDENTIAL_UPDATED = ("credential.updated", Table.CREDENTIAL, Action.UPDATED, "A credential was changed.")
    CREDENTIAL_DELETED = ("credential.deleted", Table.CREDENTIAL, Action.DELETED, "A credential was deleted.")

    ACCESS_GROUP_CREATED = ("access_group.created", Table.ACCESS_GROUP, Action.CREATED, "An access group was made.")
    ACCESS_GROUP_UPDATED = ("access_group.updated", Table.ACCESS_GROUP, Action.UPDATED, "One was changed.")
    ACCESS_GROUP_DELETED = ("access_group.deleted", Table.ACCESS_GROUP, Action.DELETED, "One was deleted.")

    FALLBACK_CREATED = ("fallback.created", Table.CONFIG, Action.CREATED, "Fallbacks of a model were set.")
    FALLBACK_UPDATED = ("fallback.updated", Table.CONFIG, Action.UPDATED, "Fallbacks of a model were changed.")
    FALLBACK_DELETED = ("fallback.deleted", Table.CONFIG, Action.DELETED, "Fallbacks of a model were removed.")
    CONFIG_UPDATED = ("config.updated", Table.CONFIG, Action.UPDATED, "A setting kept in the database was changed.")
    CONFIG_DELETED = ("config.deleted", Table.CONFIG, Action.DELETED, "A setting kept in the database was removed.")

    PASS_THROUGH_CREATED = (
        "pass_through.created",
        Table.CONFIG,
        Action.CREATED,
        "A path that is passed through to another service was made.",
    )
    PASS_THROUGH_UPDATED = ("pass_through.updated", Table.CONFIG, Action.UPDATED, "Such a path was changed.")
    PASS_THROUGH_DELETED = ("pass_through.deleted", Table.CONFIG, Action.DELETED, "Such a path was removed.")

    CACHE_FORGOTTEN = ("cache.forgotten", Table.CONFIG, Action.DELETED, "Some cached answers were removed.")
    CACHE_EMPTIED = ("cache.emptied", Table.CONFIG, Action.DELETED, "All cached answers were removed.")

    APPROVAL_ASKED = (
        "approval.asked",
        Table.APPROVAL,
        Action.CREATED,
        "Somebody asked for more budget or other models.",
    )
    APPROVAL_APPROVED = (
        "approval.approved",
        Table.APPROVAL,
        Action.UPDATED,
        "A request for more was approved; what changed by it has a record of its own.",
    )
    APPROVAL_REFUSED = ("approval.refused", Table.APPROVAL, Action.REFUSED, "A request for more was refused.")
    APPROVAL_WITHDRAWN = (
        "approval.withdrawn",
        Table.APPROVAL,
        Action.UPDATED,
        "Who had asked for more took the request back.",
    )
    ROLE_CREATED = ("role.created", Table.ROLE, Action.CREATED, "A custom role was made.")
    ROLE_UPDATED = ("role.updated", Table.ROLE, Action.UPDATED, "What a custom role may do was changed.")
    ROLE_DELETED = ("role.deleted", Table.ROLE, Action.DELETED, "A custom role was deleted.")

    INVITATION_CREATED = ("invitation.created", Table.INVITATION, Action.CREATED, "Somebody was invited.")
    INVITATION_UPDATED = ("invitation.updated", Table.INVITATION, Action.UPDATED, "An invitation was changed.")
    INVITATION_ACCEPTED = ("invitation.accepted", Table.INVITATION, Action.UPDATED, "An invitation was taken up.")
    INVITATION_DELETED = ("invitation.deleted", Table.INVITATION, Action.DELETED, "An invitation was withdrawn.")

    LOGIN_SUCCEEDED = ("login.succeeded", Table.SESSION, Action.SIGNED_IN, "Somebody signed in.")
    LOGIN_FAILED = ("login.failed", Table.SESSION, Action.REFUSED, "A sign-in was refused.")
    LOGIN_THROTTLED = ("login.throttled", Table.SESSION, Action.REFUSED, "Sign-ins come too fast and are made to wait.")
    SESSION_ENDED = ("session.ended", Table.SESSION, Action.SIGNED_OUT, "Somebody signed out.")
    SESSIONS_REVOKED = ("session.revoked", Table.SESSION, Action.DELETED, "All sessions of a user were ended.")
    ACCESS_REFUSED = (
        "access.refused",
        Table.SESSION,
        Action.REFUSED,
        "A caller was refused what his role does not allow.",
    )

    ENCRYPTION_KEY_CREATED = (
        "encryption_key.created",
        Table.ENCRYPTION_KEY,
        Action.CREATED,
        "The first key that seals secrets was made.",
    )
    ENCRYPTION_KEY_ROTATED = (
        "encryption_key.rotated",
        Table.ENCRYPTION_KEY,
        Action.ROTATED,
        "A new key seals secrets from now on.",
    )
    AUDIT_EXPORTED = ("audit.exported", Table.AUDIT, Action.EXPORTED, "Audit records were exported over the API.")

    def __init__(self, code: str, table: Table, action: Action, text: str) -> None:
        self.code = code
        self.table = table
        self.action = action
        self.text = text
