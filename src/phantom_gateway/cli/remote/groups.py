"""The commands that ask a gateway, group by group."""

from __future__ import annotations

from phantom_gateway.cli.remote.command import typer_of
from phantom_gateway.cli.remote.description import Column, Command, Given, Group, Kind

_SETTINGS = Given(
    "settings",
    "Any other field of the request as name=value, again for more; values are JSON, or text.",
    kind=Kind.SETTINGS,
    spelled="set",
)
_LIMITS = (
    Given("models", "Models that may be called, commas between them.", kind=Kind.NAMES),
    Given("max_budget", "Budget in dollars.", kind=Kind.NUMBER),
    Given("budget_duration", "When the budget begins anew: 1h, 30d, 1mo ..."),
    Given("rpm_limit", "Requests a minute.", kind=Kind.INTEGER),
    Given("tpm_limit", "Tokens a minute.", kind=Kind.INTEGER),
    _SETTINGS,
)
_BUDGET_LIMITS = _LIMITS[1:]
_PAGE = Given("page", "Which page.", kind=Kind.INTEGER)
_MONEY = (Column("SPEND", "spend"), Column("BUDGET", "max_budget"))
_KEY = Given("key", "Hash or alias of the key, or - for standard input.", kind=Kind.KEY, argument=True, required=True)
_KEY_MANY = Given(
    "keys", "Hashes or aliases, or - for standard input.", kind=Kind.KEY, argument=True, required=True, many=True
)
_EMAIL = Given("email", "Address.", "user_email")


def _id(name: str, help_text: str, field: str = "") -> Given:
    return Given(name, help_text, field, argument=True, required=True)


def _ids(name: str, help_text: str, field: str) -> Given:
    return Given(name, help_text, field, argument=True, required=True, many=True)


def _named(name: str, command: str, method: str, path: str, given: tuple[Given, ...], said: str) -> Command:
    """A command that answers with a sentence."""
    return Command(command, f"{command.capitalize().replace('-', ' a ')} {name}.", method, path, given, said=said)


_KEY_FIELDS = (
    Given("alias", "A name for it.", "key_alias"),
    Given("user", "Id of the user it belongs to.", "user_id"),
    Given("team", "Id of the team it belongs to.", "team_id"),
    Given("duration", "How long it is valid: 1h, 30d ..."),
    *_LIMITS,
)

KEYS = Group(
    "keys",
    (
        Command(
            "list", "Show keys, the newest first.", "GET", "/key/list",
            (
                Given("user", "Only of this user.", "user_id"),
                Given("team", "Only of this team.", "team_id"),
                Given("org", "Only of this organisation.", "organization_id"),
                Given("alias", "Only with this alias.", "key_alias"),
                _PAGE,
                Given("size", "Keys on a page.", kind=Kind.INTEGER),
            ),
            at="keys",
            columns=(
                Column("KEY", "token", short=True), Column("NAME", "key_name"), Column("ALIAS", "key_alias"),
                Column("USER", "user_id", short=True), Column("TEAM", "team_id", short=True), *_MONEY,
                Column("BLOCKED", "blocked"), Column("EXPIRES", "expires"),
            ),
            fixed={"return_full_object": True, "size": 100, "include_team_keys": True},
        ),
        Command("info", "Show one key.", "GET", "/key/info", (_KEY,), at="info"),
        Command("new", "Make a key; it is shown this once.", "POST", "/key/generate", _KEY_FIELDS, shown_once="key"),
        Command("update", "Change a key.", "POST", "/key/update", (_KEY, *_KEY_FIELDS)),
        _named("keys", "delete", "POST", "/key/delete", (_KEY_MANY,), "deleted {keys}"),
        _named("a key", "block", "POST", "/key/block", (_KEY,), "blocked {key}"),
        _named("a key", "unblock", "POST", "/key/unblock", (_KEY,), "unblocked {key}"),
        Command(
            "regenerate", "Give a key a new value; it is shown this once.", "POST", "/key/regenerate",
            (_KEY, Given("grace_period", "How long the old value goes on working: 10m, 1d ..."), _SETTINGS),
            shown_once="key",
        ),
    ),
)  # fmt: skip

_USER = _id("user_id", "Id of the user.")
_USER_FIELDS = (
    _EMAIL,
    Given("alias", "A name to show.", "user_alias"),
    Given(
        "role", "proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer or a role of yours.", "user_role"
    ),
    *_LIMITS,
)

USERS = Group(
    "users",
    (
        Command(
            "list", "Show users.", "GET", "/user/list",
            (
                _EMAIL, Given("role", "Only with this role.", "role"), Given("team", "Only of this team.", "team"), _PAGE,
                Given("size", "Users on a page.", "page_size", kind=Kind.INTEGER),
            ),
            at="users",
            columns=(
                Column("USER", "user_id", short=True), Column("EMAIL", "user_email"), Column("ALIAS", "user_alias"),
                Column("ROLE", "user_role"), Column("TEAMS", "teams"), Column("KEYS", "key_count"), *_MONEY,
            ),
            fixed={"page_size": 100},
        ),
        Command("info", "Show one user.", "GET", "/user/info", (_USER,), at="user_info"),
        Command(
            "new", "Make a user, without a key unless --with-key says so.", "POST", "/user/new",
            (
                Given("id", "An id of your choice.", "user_id"), *_USER_FIELDS,
                Given("with_key", "Make a key as well; it is shown this once.", "auto_create_key", kind=Kind.FLAG),
            ),
            shown_once="key",
            fixed={"auto_create_key": False},
        ),
        Command("update", "Change a user.", "POST", "/user/update", (_USER, *_USER_FIELDS)),
        _named("users", "delete", "POST", "/user/delete", (_ids("users", "Ids of users.", "user_ids"),), "deleted {users}"),
        Command(
            "invite", "Make an invitation, by which a user sets his password; it is shown this once.", "POST",
            "/invitation/new", (_USER,), shown_once="id",
        ),
    ),
)  # fmt: skip

_TEAM = _id("team_id", "Id of the team.")
_TEAM_FIELDS = (
    Given("alias", "A name for it.", "team_alias"), Given("org", "Id of its organisation.", "organization_id"), *_LIMITS,
)  # fmt: skip
_MEMBER = Given("user", "Id of the user.", "member.user_id", required=True)
_PERSON = Given("user", "Id of the user.", "user_id", required=True)

TEAMS = Group(
    "teams",
    (
        Command(
            "list", "Show teams.", "GET", "/team/list",
            (Given("user", "Only of this user.", "user_id"), Given("org", "Only of this organisation.", "organization_id")),
            columns=(
                Column("TEAM", "team_id", short=True), Column("ALIAS", "team_alias"),
                Column("ORGANISATION", "organization_id", short=True), Column("MODELS", "models"), *_MONEY,
                Column("BLOCKED", "blocked"),
            ),
        ),
        Command("info", "Show one team.", "GET", "/team/info", (_TEAM,), at="team_info"),
        Command("new", "Make a team.", "POST", "/team/new", (Given("id", "An id of your choice.", "team_id"), *_TEAM_FIELDS)),
        Command("update", "Change a team.", "POST", "/team/update", (_TEAM, *_TEAM_FIELDS), at="data"),
        _named(
            "teams and their keys", "delete", "POST", "/team/delete", (_ids("teams", "Ids of teams.", "team_ids"),),
            "deleted {teams}",
        ),
        _named("a team", "block", "POST", "/team/block", (_TEAM,), "blocked {team_id}"),
        _named("a team", "unblock", "POST", "/team/unblock", (_TEAM,), "unblocked {team_id}"),
        Command(
            "add-member", "Add somebody to a team.", "POST", "/team/member_add",
            (
                _TEAM, _MEMBER, Given("role", "user or admin.", "member.role"),
                Given("max_budget", "Budget in this team, in dollars.", "max_budget_in_team", kind=Kind.NUMBER),
            ),
            said="added {user} to {team_id}", fixed={"member": {"role": "user"}},
        ),
        Command(
            "remove-member", "Take somebody out of a team.", "POST", "/team/member_delete", (_TEAM, _PERSON),
            said="removed {user} from {team_id}",
        ),
    ),
)  # fmt: skip

_ORG = _id("organization_id", "Id of the organisation.")
_ORG_FIELDS = (Given("alias", "A name for it.", "organization_alias"), *_LIMITS)

ORGS = Group(
    "orgs",
    (
        Command(
            "list", "Show organisations.", "GET", "/organization/list",
            columns=(
                Column("ORGANISATION", "organization_id", short=True), Column("ALIAS", "organization_alias"),
                Column("MODELS", "models"), *_MONEY, Column("BLOCKED", "blocked"),
            ),
        ),
        Command("info", "Show one organisation.", "GET", "/organization/info", (_ORG,)),
        Command(
            "new", "Make an organisation.", "POST", "/organization/new",
            (Given("id", "An id of your choice.", "organization_id"), *_ORG_FIELDS),
        ),
        Command("update", "Change an organisation.", "PATCH", "/organization/update", (_ORG, *_ORG_FIELDS)),
        _named(
            "organisations and all that is theirs", "delete", "DELETE", "/organization/delete",
            (_ids("orgs", "Ids of organisations.", "organization_ids"),), "deleted {orgs}",
        ),
        Command(
            "add-member", "Add somebody to an organisation.", "POST", "/organization/member_add",
            (_ORG, _MEMBER, Given("role", "internal_user, internal_user_viewer or org_admin.", "member.role")),
            said="added {user} to {organization_id}", fixed={"member": {"role": "internal_user"}},
        ),
        Command(
            "remove-member", "Take somebody out of an organisation.", "DELETE", "/organization/member_delete", (_ORG, _PERSON),
            said="removed {user} from {organization_id}",
        ),
    ),
)  # fmt: skip

MODELS = Group(
    "models",
    (
        Command(
            "list", "Show deployments: those of the file and those of the database.", "GET", "/model/info", at="data",
            columns=(
                Column("MODEL", "model_name"), Column("UPSTREAM", "litellm_params.model"),
                Column("ID", "model_info.id", short=True), Column("IN DATABASE", "model_info.db_model"),
                Column("INPUT $/TOKEN", "model_info.input_cost_per_token"),
                Column("OUTPUT $/TOKEN", "model_info.output_cost_per_token"),
            ),
        ),
        Command(
            "add", "Add a deployment.", "POST", "/model/new",
            (
                _id("model_name", "The name it is called by."),
                Given("model", "Upstream and its model: openai/gpt-4o.", "litellm_params.model", required=True),
                Given("api_base", "Address of the upstream.", "litellm_params.api_base"),
                Given("credential", "Name of a stored credential.", "litellm_params.litellm_credential_name"),
                Given(
                    "param", "Another of litellm_params as name=value; keys as api_key=os.environ/NAME.", "litellm_params",
                    kind=Kind.SETTINGS,
                ),
                _SETTINGS,
            ),
        ),
        _named("a deployment", "delete", "POST", "/model/delete", (_id("id", "Id of the deployment."),), "deleted {id}"),
    ),
)  # fmt: skip

_BUDGET_COLUMNS = (
    Column("BUDGET", "budget_id"), Column("DOLLARS", "max_budget"), Column("SOFT", "soft_budget"),
    Column("EVERY", "budget_duration"), Column("RPM", "rpm_limit"), Column("TPM", "tpm_limit"),
)  # fmt: skip

BUDGETS = Group(
    "budgets",
    (
        Command("list", "Show budgets that others refer to.", "GET", "/budget/list", columns=_BUDGET_COLUMNS),
        Command(
            "new", "Make a budget.", "POST", "/budget/new",
            (Given("id", "An id of your choice.", "budget_id"), *_BUDGET_LIMITS),
        ),
        Command("update", "Change a budget.", "POST", "/budget/update", (_id("budget_id", "Id of the budget."), *_BUDGET_LIMITS)),
        _named("a budget", "delete", "POST", "/budget/delete", (_id("id", "Id of the budget."),), "deleted {id}"),
    ),
)  # fmt: skip

_CUSTOMER = _id("customer", "Id of the customer.", "user_id")
_CUSTOMERS = _ids("customers", "Ids of customers.", "user_ids")
_CUSTOMER_FIELDS = (
    Given("alias", "A name to show.", "alias"),
    Given("budget", "Id of a budget.", "budget_id"),
    *_BUDGET_LIMITS,
)

CUSTOMERS = Group(
    "customers",
    (
        Command(
            "list", "Show customers.", "GET", "/customer/list",
            columns=(Column("CUSTOMER", "user_id"), Column("ALIAS", "alias"), *_MONEY, Column("BLOCKED", "blocked")),
        ),
        Command(
            "info", "Show one customer.", "GET", "/customer/info",
            (_id("customer", "Id of the customer.", "end_user_id"),),
        ),
        Command("new", "Make a customer.", "POST", "/customer/new", (_CUSTOMER, *_CUSTOMER_FIELDS)),
        Command("update", "Change a customer.", "POST", "/customer/update", (_CUSTOMER, *_CUSTOMER_FIELDS)),
        _named("customers", "delete", "POST", "/customer/delete", (_CUSTOMERS,), "deleted {customers}"),
        _named("customers", "block", "POST", "/customer/block", (_CUSTOMERS,), "blocked {customers}"),
        _named("customers", "unblock", "POST", "/customer/unblock", (_CUSTOMERS,), "unblocked {customers}"),
    ),
)  # fmt: skip

_TAG = _id("name", "Name of the tag.")

TAGS = Group(
    "tags",
    (
        Command(
            "list", "Show tags.", "GET", "/tag/list",
            columns=(Column("TAG", "name"), Column("DESCRIPTION", "description"), Column("MODELS", "models"), *_MONEY),
        ),
        Command(
            "new", "Make a tag.", "POST", "/tag/new", (_TAG, Given("description", "What it is for."), *_LIMITS), at="tag",
        ),
        _named("a tag", "delete", "POST", "/tag/delete", (_TAG,), "deleted {name}"),
    ),
)  # fmt: skip

SESSIONS = Group(
    "sessions",
    (
        Command(
            "list", "Show where somebody is signed in.", "GET", "/sessions",
            (Given("user", "Id of the user. Default: who asks.", "user_id"),), at="sessions",
            columns=(
                Column("SESSION", "id", short=True), Column("SINCE", "created_at"), Column("LAST USED", "last_seen_at"),
                Column("METHOD", "method"), Column("UNTIL", "expires"),
            ),
        ),
        Command(
            "end", "Sign somebody out: of one session, or of all.", "POST", "/sessions/end",
            (
                Given("user", "Id of the user. Default: who asks.", "user_id"),
                Given("session", "Id of the session.", "session_id"),
                Given("all", "All sessions.", kind=Kind.FLAG),
            ),
        ),
    ),
)  # fmt: skip

keys = typer_of(KEYS)
users = typer_of(USERS)
teams = typer_of(TEAMS)
orgs = typer_of(ORGS)
models = typer_of(MODELS)
budgets = typer_of(BUDGETS)
customers = typer_of(CUSTOMERS)
tags = typer_of(TAGS)
sessions = typer_of(SESSIONS)
