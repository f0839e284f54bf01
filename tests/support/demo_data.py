"""A gateway that looks used: teams, people, keys, models and a month of calls, the same at every run."""

from __future__ import annotations

import calendar
import random
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.support.gateway import Gateway

from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.record import Closed, Spend
from phantom_gateway.ledger.replay import Position
from phantom_gateway.ledger.trail import Step
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.sink import DatabaseSink

PASSWORD = "correct horse battery"
CANARY = "<img src=x onerror=\"document.title='owned'\">"
"""A name that would be seen to run if it were taken for markup."""
DAY_NS = 86_400_000_000_000
MODELS = {
    # public name: provider, upstream, nano-dollars per input and output token
    "gpt-5": ("openai", "openai/gpt-5", 1250, 10_000),
    "gpt-5-mini": ("openai", "openai/gpt-5-mini", 250, 2000),
    "claude-sonnet": ("anthropic", "openai/claude-sonnet", 3000, 15_000),
    "gemini-flash": ("gemini", "openai/gemini-flash", 300, 2500),
    "mistral-large": ("mistral", "openai/mistral-large", 2000, 6000),
}
TEAMS = {"Search": 50, "Support assistant": 40, "Research": 60, "Data platform": 20}
KEYS = (
    # alias, team, budget, weight of its traffic
    ("search-production", "Search", 9, 9),
    ("search-staging", "Search", 25, 2),
    ("support-chat", "Support assistant", 40, 7),
    ("support-summaries", "Support assistant", 8, 3),
    ("notebooks", "Research", None, 6),
    ("evaluation", "Research", 50, 4),
    ("pipelines", "Data platform", 10, 3),
    ("nightly-reports", "Data platform", None, 1),
)
PEOPLE = {
    "ada": "internal_user",
    "grace": "internal_user",
    "linus": "internal_user_viewer",
    "vera": "proxy_admin_viewer",
    "root": "proxy_admin",
}


def config(simulator: int) -> str:
    """A configuration whose models all lead to the simulator."""
    lines = ["model_list:"]
    for name, (_, upstream, given, got) in MODELS.items():
        lines += [
            f"  - model_name: {name}",
            "    litellm_params:",
            f"      model: {upstream}",
            f"      api_base: http://127.0.0.1:{simulator}/v1",
            "      api_key: sk-upstream-secret-canary",
            f"      input_cost_per_token: {given / 1e9:.9f}",
            f"      output_cost_per_token: {got / 1e9:.9f}",
            "    model_info:",
            f"      id: {name}-1",
            "      max_input_tokens: 200000",
            "      max_output_tokens: 16000",
            "      supports_function_calling: true",
            f"      supports_vision: {'mistral' not in name}".lower(),
            f"      supports_reasoning: {name in ('gpt-5', 'claude-sonnet')}".lower(),
        ]
    return "\n".join(lines) + "\nrouter_settings:\n  num_retries: 0\n"


@dataclass(slots=True)
class Demo:
    """What was made, by name."""

    teams: dict[str, str] = field(default_factory=dict)
    keys: dict[str, dict[str, Any]] = field(default_factory=dict)


def fill(gateway: Gateway) -> Demo:
    """Make everything over the admin API, and write the calls of the last month."""
    demo = Demo()
    _entities(gateway, demo)
    history(gateway, demo)
    return demo


def _post(gateway: Gateway, path: str, **body: Any) -> dict[str, Any]:
    answer = gateway.admin("POST", path, json=body)
    assert answer.status_code == 200, (path, answer.text)
    found: dict[str, Any] = answer.json()
    return found


def _entities(gateway: Gateway, demo: Demo) -> None:
    org = _post(gateway, "/organization/new", organization_alias="Engineering", max_budget=5000, budget_duration="30d")
    for name, role in PEOPLE.items():
        user = {"user_id": name, "user_email": f"{name}@example.com", "user_role": role, "password": PASSWORD}
        _post(gateway, "/user/new", **user, auto_create_key=False)
    _post(gateway, "/user/new", user_id="new.colleague", user_email="new.colleague@example.com", auto_create_key=False)
    for name, bound in TEAMS.items():
        fields = {"team_alias": name, "max_budget": bound, "budget_duration": "30d"}
        members = [{"user_id": "ada", "role": "admin"}] if name == "Search" else []
        inside = {"organization_id": org["organization_id"]} if name in ("Search", "Research") else {}
        demo.teams[name] = _post(gateway, "/team/new", **fields, **inside)["team_id"]
        if members:
            _post(gateway, "/team/member_add", team_id=demo.teams[name], member=members)
    for alias, team, budget, _ in KEYS:
        limits: dict[str, Any] = {} if budget is None else {"max_budget": budget, "budget_duration": "30d"}
        demo.keys[alias] = _post(gateway, "/key/generate", key_alias=alias, team_id=demo.teams[team], **limits)
    demo.keys["own"] = _post(gateway, "/key/generate", key_alias="ada-laptop", user_id="ada", max_budget=20)
    _post(gateway, "/key/block", key=_post(gateway, "/key/generate", key_alias="leaked-2025")["token"])
    for customer in ("acme-corp", "globex", "initech"):
        _post(gateway, "/customer/new", user_id=customer, max_budget=50, budget_duration="30d")
    _post(gateway, "/budget/new", budget_id="trial", max_budget=5, budget_duration="7d", rpm_limit=20)
    _post(gateway, "/budget/new", budget_id="production", max_budget=1000, budget_duration="30d", tpm_limit=400_000)
    for tag, text in (("checkout", "The shop's checkout"), ("batch", "Runs at night")):
        _post(gateway, "/tag/new", name=tag, description=text)


def wishes(gateway: Gateway, demo: Demo) -> None:
    """What an inbox is for; a project, an access group and a role."""
    _post(
        gateway,
        "/user/update",
        user_id="ada",
        max_budget=50,
        budget_duration="30d",
        models=["gpt-5-mini", "claude-sonnet"],
    )
    key = _post(gateway, "/key/generate", user_id="ada", key_alias="ada-ci", max_budget=10, budget_duration="30d")[
        "key"
    ]
    asked = (
        {
            "max_budget": 120,
            "models": ["gpt-5"],
            "reason": "Next week's evaluation needs about three times as many runs.",
        },
        {"key": key, "max_budget": 25, "reason": "CI runs for every branch now."},
    )
    for each in asked:
        made = httpx.post(f"{gateway.url}/approval/new", json=each, headers={"Authorization": f"Bearer {key}"})
        assert made.status_code == 200, made.text
    _post(
        gateway,
        "/project/new",
        project_alias="Autumn launch",
        team_id=demo.teams["Search"],
        max_budget=20,
        budget_duration="30d",
    )
    _post(
        gateway,
        "/role/new",
        role="help-desk",
        description="Looks after keys",
        grants={"key.read": "all", "key.block": "all"},
    )
    group = {
        "access_group_name": "small-models",
        "description": "Cheap and quick",
        "access_model_names": ["gpt-5-mini", "gemini-flash"],
    }
    assert gateway.admin("POST", "/v1/access_group", json=group).status_code == 201


def canaries(gateway: Gateway) -> None:
    """One thing of each kind whose names are markup."""
    _post(gateway, "/key/generate", key_alias=CANARY)
    team = _post(gateway, "/team/new", team_alias=CANARY)["team_id"]
    _post(gateway, "/project/new", project_alias=CANARY, team_id=team)
    _post(gateway, "/role/new", role="canary", description=CANARY, grants={})
    group = {"access_group_name": "canary", "description": CANARY, "access_model_names": [CANARY]}
    assert gateway.admin("POST", "/v1/access_group", json=group).status_code == 201
    _post(gateway, "/user/new", user_id="canary", user_alias=CANARY, auto_create_key=False)
    _post(gateway, "/organization/new", organization_alias=CANARY)
    _post(gateway, "/customer/new", user_id="canary", alias=CANARY)
    _post(gateway, "/tag/new", name="canary", description=CANARY)


def history(gateway: Gateway, demo: Demo, days: int = 60, a_day: int = 40) -> None:
    """Calls of the past: as if the journal of a worker that is gone had just been taken in."""
    dice = random.Random(20)
    now = time.time_ns()
    records: list[Closed] = []
    names, weights = list(MODELS), (4, 6, 5, 3, 2)
    for back in range(days):
        weekend = time.gmtime((now - back * DAY_NS) // 1_000_000_000).tm_wday >= 5
        share = 0.3 if weekend else max(0.4, 1.0 + 0.25 * dice.random() - 0.012 * back)
        for _ in range(int(a_day * share)):
            alias, team, _, _ = dice.choices(KEYS, [key[3] for key in KEYS])[0]
            model = dice.choices(names, weights)[0]
            at = now - back * DAY_NS - dice.randrange(60_000_000_000, DAY_NS // 3)
            records.append(_call(dice, len(records) + 1, at, model, demo.keys[alias]["token"], alias, demo.teams[team]))
    position = Position(len(records), 0, 0)
    batch = Batch(incarnation="history", records=tuple(records), position=position, final=True)
    database = open_sqlite(gateway.data_dir / "phantom.db")
    DatabaseSink(database).apply(batch)
    database.engine.dispose()


def _call(dice: random.Random, n: int, at: int, model: str, key: str, alias: str, team: str) -> Closed:
    provider, upstream, given, got = MODELS[model]
    good = dice.random() > (0.13 if provider == "mistral" else 0.01)
    asked, said = dice.randrange(2_000, 60_000), dice.randrange(200, 4_000)
    cached = asked // 2 if dice.random() > 0.6 else 0
    duration = dice.randrange(700_000, 9_000_000)
    hit = good and dice.random() > 0.94
    parts = ((asked - cached) * given, said * got, cached * given // 10)
    cost = Cost(sum(parts), *parts) if good and not hit else Cost()
    tried = (
        Step("among", model, "simple-shuffle", 2),
        Step("try", f"{model}-2", "ServiceUnavailable 503", duration // 4_000),
    )
    trail = (*tried, Step("wait", "", "backoff", 180), Step("try", f"{model}-1", "success", duration // 2_000))
    return Closed(
        n=n, opened=0, id=f"past-{n:06d}", at_ns=at, duration_us=duration, ttft_us=duration // 5, key_id=key, key_alias=alias,
        team_id=team, tags=(dice.choice(("checkout", "batch")),), end_user=dice.choice(("acme-corp", "globex", "initech")),
        model=model, group=model, deployment_id=f"{model}-1", provider=provider, upstream_model=upstream.partition("/")[2],
        call_type="acompletion", stream=dice.random() > 0.5, status="success" if good else "failure",
        http_status=200 if good else 429, error_type="" if good else "rate_limit_error",
        usage=Usage(input=asked - cached, output=said, cache_read=cached, source="provider") if good else Usage(), cost=cost,
        cache_hit=hit, saved=sum(parts) if hit else 0, trail=trail if good and not hit and n % 9 == 0 else (),
        attempts=2 if good and not hit and n % 9 == 0 else 1, session_id=f"session-{n // 6}" if n % 3 else None,
        price_version="config", spends=_spends(at, key, team, cost.total),
    )  # fmt: skip


def _spends(at: int, key: str, team: str, cost: int) -> tuple[Spend, ...]:
    """What the present windows of both budgets have spent: a budget of 30 days starts anew with the month."""
    month = calendar.timegm((*time.gmtime()[:2], 1, 0, 0, 0))
    if at < month * 1_000_000_000:
        return ()
    return Spend(f"budget:key:{key}:30d", float(month), cost), Spend(f"budget:team:{team}:30d", float(month), cost)
