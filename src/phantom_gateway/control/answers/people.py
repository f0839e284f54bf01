"""What ``/user/*``, ``/role/*``, ``/invitation/*``, ``/onboarding/*``, ``/login`` and ``/sessions`` answer."""

from __future__ import annotations

from typing import Any, Literal

from phantom_gateway.control.answers.base import AllowanceAnswer, Answer, JsonObject, Spent
from phantom_gateway.control.answers.keys import KeyView


class UserView(AllowanceAnswer, Spent):
    """A user; what proves who he is is never shown."""

    user_id: str
    user_email: str | None
    user_alias: str | None
    user_role: str
    sso_user_id: str | None
    has_password: bool
    agent_id: Any
    config: Any
    permissions: Any
    teams: list[str]
    organizations: list[str]
    key_count: int
    model_spend: dict[str, float]
    allowed_cache_controls: list[str]
    policies: list[str]
    object_permission_id: None
    object_permission: None
    password_reset_required: bool
    last_breach_check_at: None


class UserMade(UserView):
    """A new user and his first key, whose value is in this answer and nowhere else; null when none was made."""

    key: str | None
    token: str | None
    token_id: str | None
    key_name: str | None
    key_alias: str | None
    expires: str | None
    duration: str | None
    team_id: str | None
    aliases: dict[str, str] | None


class UserChanged(Answer):
    """A user after a change."""

    user_id: str
    data: UserView


class UserTried(Answer):
    """What came of one user of a bulk change."""

    user_id: str | None
    user_email: str | None
    success: bool
    error: str | None
    updated_user: UserView | None


class UsersTried(Answer):
    """What came of a bulk change."""

    results: list[UserTried]
    total_requested: int
    successful_updates: int
    failed_updates: int


class UsersDeleted(Answer):
    """How many users were deleted."""

    deleted_users: int


class TeamOfUser(Answer):
    """A team, in few words."""

    team_id: str
    team_alias: str | None
    organization_id: str | None
    models: list[str]
    metadata: JsonObject
    blocked: bool
    created_at: str


class UserFound(Answer):
    """A user with keys and teams. ``user_info`` is null for the operator, who is nobody in the table."""

    user_id: str
    user_info: UserView | None
    keys: list[KeyView]
    teams: list[TeamOfUser]


class UserAlone(Answer):
    """A user without keys."""

    user_id: str
    user_email: str | None
    user_alias: str | None
    user_role: str
    spend: float
    max_budget: float | None
    budget_id: str | None
    tpm_limit: int | None
    rpm_limit: int | None
    models: list[str]
    budget_duration: str | None
    budget_reset_at: str | None
    metadata: JsonObject
    created_at: str
    updated_at: str
    sso_user_id: str | None
    teams: list[str]
    object_permission: None
    model_max_budget: JsonObject
    model_max_budget_usage: None


class UserList(Answer):
    """A page of users."""

    users: list[UserView]
    total: int
    page: int
    page_size: int
    total_pages: int


class RoleLabel(Answer):
    """A role in words."""

    description: str
    ui_label: str


class Seats(Answer):
    """How many users there are; there is no number of seats."""

    total_users: None
    total_users_used: int
    total_users_remaining: None


class RoleView(Answer):
    """A custom role. ``grants``: actions, and how far each reaches."""

    role: str
    description: str | None
    grants: dict[str, str]
    created_at: str
    created_by: str | None
    updated_at: str
    updated_by: str | None


class RolesDeleted(Answer):
    """How many roles were deleted."""

    deleted_roles: int


class RoleList(Answer):
    """All custom roles, and what can be granted."""

    roles: list[RoleView]
    actions: list[str]
    reaches: list[str]


class InvitationView(Answer):
    """An invitation; ``id`` is what the caller named it by."""

    id: str
    user_id: str
    is_accepted: bool
    accepted_at: str | None
    expires_at: str
    created_at: str
    created_by: str | None
    updated_at: str
    updated_by: str | None


class InvitationMade(InvitationView):
    """A new one: ``id`` is the link, in this answer only; ``invitation_id`` names it later."""

    invitation_id: str


class Invited(Answer):
    """Whom a link is for."""

    login_url: str
    token: str
    user_id: str
    user_email: str | None


class SignedIn(Answer):
    """Who has signed in. The session is in the cookie."""

    redirect_url: str
    user_id: str
    user_email: str | None
    user_role: str
    expires: str


class Claimed(SignedIn):
    """The same after a password was set."""

    login_url: str
    user: SignedIn


class PasswordChanged(Answer):
    """Whose password was changed."""

    user_id: str
    message: str


class SessionView(Answer):
    """Where somebody is signed in."""

    id: str
    user_id: str
    method: str
    label: str
    created_at: str
    last_seen_at: str
    expires: str
    current: bool


class SessionList(Answer):
    """Where somebody is signed in."""

    sessions: list[SessionView]


class SessionsEnded(Answer):
    """How many sessions have ended."""

    ended: int


class Whoami(Answer):
    """Who is calling, and what the caller may do."""

    user_id: str | None
    user_role: str | None
    key_kind: Literal["master", "virtual", "session"]
    teams_administered: list[str]
    organizations_administered: list[str]
    actions: dict[str, Literal["all", "some"]]


class PresentAllowance(Answer):
    """What the key or user that is to get more has now."""

    max_budget: float | None
    budget_duration: str | None
    models: list[str]


class Granted(Answer):
    """What was set; null where nothing was."""

    max_budget: float | None
    models: list[str] | None


class ApprovalView(Answer):
    """A request for more, and what came of it. ``present`` is null when the key or user is gone."""

    id: str
    user_id: str
    user_email: str | None
    subject: Literal["key", "user"]
    subject_id: str
    subject_name: str | None
    team_id: str | None
    organization_id: str | None
    max_budget: float | None
    models: list[str]
    reason: str
    state: Literal["open", "approved", "refused", "withdrawn"]
    note: str
    granted: Granted | None
    present: PresentAllowance | None
    created_at: str
    decided_at: str | None
    decided_by: str | None


class ApprovalList(Answer):
    """A page of requests for more."""

    approvals: list[ApprovalView]
    total_count: int
    current_page: int
    total_pages: int
