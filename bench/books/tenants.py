"""Who calls: organisations, teams, people, keys, customers and tags with budgets of several windows, edited under load."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from tests.support.gateway import MASTER_KEY

from bench.books.installation import GATEWAY_BUDGET
from bench.books.sums import Budget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NANO = 1_000_000_000
CUSTOMERS = ("c-tight", "c-prepaid", "c-free", "c-unknown")
TAGS = ("g-tight", "g-wide", "g-unknown")
ADMIN_S = 20.0


@dataclass(slots=True)
class Key:
    """A virtual key: ``value`` is what callers send now."""

    id: str
    value: str
    team: str | None
    user: str | None


@dataclass(slots=True)
class Editable:
    """A budget that edits change: how, and by how much at most."""

    path: str
    fields: dict[str, Any]
    budgets: list[Budget]
    name: str = "max_budget"


@dataclass
class Tenants:
    """Everybody there is, and their budgets. ``base`` is the address of the node that answers."""

    keys: list[Key] = field(default_factory=list)
    moving: list[Key] = field(default_factory=list)
    """Keys whose windows change: of them nothing is compared but what ``phantom verify`` compares."""
    passing: list[Key] = field(default_factory=list)
    """Keys that come and go."""
    budgets: list[Budget] = field(default_factory=list)
    editable: list[Editable] = field(default_factory=list)

    def callers(self) -> list[Key]:
        """All that may be used now."""
        return [*self.keys, *self.moving, *self.passing]

    def note(
        self, entity: str, dollars: float, window: str = "", edit: tuple[str, dict[str, Any]] | None = None
    ) -> None:
        """A budget was made; ``edit``: the route and the fields that change it."""
        budget = Budget(entity, window, round(dollars * NANO))
        self.budgets.append(budget)
        if edit is not None:
            self.editable.append(Editable(edit[0], edit[1], [budget]))


class Api:
    """The management API with the master key."""

    def __init__(self, client: httpx.AsyncClient, base: Callable[[], str]) -> None:
        self._client = client
        self._base = base

    async def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """One call. Raises httpx.HTTPError when it fails."""
        headers = {"Authorization": f"Bearer {MASTER_KEY}"}
        method = "PATCH" if path == "/organization/update" else "POST"
        answer = await self._client.request(method, self._base() + path, json=body, headers=headers, timeout=ADMIN_S)
        answer.raise_for_status()
        found: Any = answer.json()
        return found if isinstance(found, dict) else {}


async def settle_in(api: Api) -> Tenants:
    """Make everybody."""
    there = Tenants()
    there.budgets.append(Budget("gateway", "30d", GATEWAY_BUDGET * NANO))
    for org, dollars, window in (("o1", 100.0, "30d"), ("o2", 0.04, "60s")):
        await api.post(
            "/organization/new",
            {"organization_id": org, "organization_alias": org, "max_budget": dollars, "budget_duration": window},
        )
        there.note(f"org:{org}", dollars, window, ("/organization/update", {"organization_id": org}))
    for user, dollars, window in (("u1", 0.01, "60s"), ("u2", 10.0, "30d"), ("u3", 0.3, ""), ("u4", 5.0, "1d")):
        made: dict[str, Any] = {"user_id": user, "max_budget": dollars, "auto_create_key": False}
        await api.post("/user/new", made | ({"budget_duration": window} if window else {}))
        there.note(f"user:{user}", dollars, window, ("/user/update", {"user_id": user}))
    await _teams(api, there)
    await _keys(api, there)
    for customer, dollars, window in (("c-tight", 0.006, "30s"), ("c-prepaid", 1.0, "")):
        made = {"user_id": customer, "max_budget": dollars} | ({"budget_duration": window} if window else {})
        await api.post("/customer/new", made)
        there.note(f"customer:{customer}", dollars, window, ("/customer/update", {"user_id": customer}))
    for tag, dollars, window in (("g-tight", 0.01, "30s"), ("g-wide", 50.0, "30d")):
        await api.post("/tag/new", {"name": tag, "max_budget": dollars, "budget_duration": window})
        there.note(f"tag:{tag}", dollars, window, ("/tag/update", {"name": tag}))
    return there


async def _teams(api: Api, there: Tenants) -> None:
    limits: dict[str, Any] = {"rpm_limit": 6000, "tpm_limit": 10_000_000}
    for team, org, dollars, window in (
        ("t1", "o1", 10.0, "1d"), ("t2", "o1", 0.012, "30s"), ("t3", "o2", 5.0, "30d"), ("t4", None, 0.03, "60s"),
    ):  # fmt: skip
        made = {"team_id": team, "team_alias": team, "max_budget": dollars, "budget_duration": window} | limits
        if org:
            made["organization_id"] = org
        if team == "t1":
            made["budget_limits"] = [{"budget_duration": "60s", "max_budget": 0.05}]
            there.note("team:t1", 0.05, "60s")
        await api.post("/team/new", made)
        there.note(f"team:{team}", dollars, window, ("/team/update", {"team_id": team}))
    for team, user, dollars, window in (("t1", "u1", 0.01, "60s"), ("t3", "u2", 1.0, ""), ("t1", "u2", 2.0, "1d")):
        made = {"team_id": team, "member": {"user_id": user, "role": "user"}, "max_budget_in_team": dollars}
        await api.post("/team/member_add", made | ({"budget_duration": window} if window else {}))
        there.note(f"member:{team}/{user}", dollars, window)
    await api.post("/project/new", {"project_id": "p1", "team_id": "t1", "max_budget": 0.02, "budget_duration": "60s"})
    there.note("project:p1", 0.02, "60s", ("/project/update", {"project_id": "p1"}))
    await api.post("/budget/new", {"budget_id": "shared", "max_budget": 0.004, "budget_duration": "30s"})


async def _keys(api: Api, there: Tenants) -> None:
    shared = Editable("/budget/update", {"budget_id": "shared"}, [])
    homes: list[tuple[str | None, str | None]] = [
        ("t1", "u1"),
        ("t1", "u2"),
        ("t2", None),
        ("t3", "u2"),
        ("t3", None),
        ("t4", None),
    ]
    homes += [(None, "u1"), (None, "u2"), (None, "u3"), (None, "u4"), (None, None)]
    for number in range(26):
        team, user = homes[number % len(homes)]
        fields: dict[str, Any] = {"key_alias": f"books-{number}"}
        dollars, window = ((0.02, ""), (0.004, "30s"), (1.0, "30d"), (0.0, ""), (0.0, "shared"))[number % 5]
        if dollars:
            fields |= {"max_budget": dollars} | ({"budget_duration": window} if window else {})
        if window == "shared":
            fields["budget_id"] = "shared"
        if number % 5 == 2:
            fields["budget_limits"] = [{"budget_duration": "60s", "max_budget": 0.008}]
        if number % 4 == 1:
            fields |= {"rpm_limit": 600, "tpm_limit": 200_000, "max_parallel_requests": 4}
        if number == 0:
            fields["project_id"] = "p1"
        key = await make_key(api, fields, team, user)
        there.keys.append(key)
        entity = f"key:{key.id}"
        if dollars:
            there.note(entity, dollars, window, ("/key/update", {"key": key.id}))
        if number % 5 == 2:
            there.note(entity, 0.008, "60s")
        if window == "shared":
            budget = Budget(entity, "30s", round(0.004 * NANO))
            there.budgets.append(budget)
            shared.budgets.append(budget)
    there.editable.append(shared)
    for number in range(4):
        fields = {"key_alias": f"moving-{number}", "max_budget": 0.01, "budget_duration": "60s"}
        there.moving.append(await make_key(api, fields, ("t1", None)[number % 2], None))


async def make_key(api: Api, fields: dict[str, Any], team: str | None, user: str | None) -> Key:
    """A new key."""
    named = {"team_id": team, "user_id": user}
    made = await api.post("/key/generate", fields | {name: value for name, value in named.items() if value})
    return Key(str(made["token"]), str(made["key"]), team, user)


class Editor:
    """Changes what is there while it is used. What is lost on its way is counted and left at that."""

    def __init__(self, api: Api, there: Tenants, seed: int) -> None:
        self._api = api
        self._there = there
        self._random = random.Random(seed)
        self._passed = 0
        self._blocked: set[str] = set()
        self._lost: list[Key] = []
        self.done: Counter[str] = Counter()

    async def edit(self) -> None:
        """One change."""
        acts = (self._amount, self._amount, self._rates, self._block, self._value, self._come, self._go, self._window)
        act: Callable[[], Awaitable[str]] = self._random.choice(acts)
        if self._blocked or self._lost:
            act = self._mend
        try:
            name = await act()
        except httpx.HTTPStatusError as error:
            self.done[f"refused with {error.response.status_code}"] += 1
            if error.response.status_code < 500:
                self.done[f"{error.request.url.path}: {error.response.text[:200]}"] += 1
        except httpx.HTTPError:
            self.done["lost"] += 1
        else:
            self.done[name] += 1

    async def _amount(self) -> str:
        chosen = self._random.choice(self._there.editable)
        dollars = round(chosen.budgets[0].most / NANO * self._random.choice((0.4, 0.7, 1.0, 1.1)), 6)
        for budget in chosen.budgets:
            budget.most = max(budget.most, round(dollars * NANO))
        await self._api.post(chosen.path, chosen.fields | {chosen.name: dollars})
        return "amount of a budget"

    async def _rates(self) -> str:
        key = self._random.choice(self._there.keys)
        limit = self._random.choice(("rpm_limit", "tpm_limit", "max_parallel_requests"))
        amount = {"rpm_limit": 300, "tpm_limit": 100_000, "max_parallel_requests": 3}[limit]
        await self._api.post("/key/update", {"key": key.id, limit: self._random.choice((amount, 3 * amount, None))})
        return "rates"

    async def _block(self) -> str:
        key = self._random.choice(self._there.keys).id
        self._blocked.add(key)
        await self._api.post("/key/block", {"key": key})
        return "blocked"

    async def _value(self) -> str:
        return await self._renew(self._random.choice(self._there.keys))

    async def _renew(self, key: Key) -> str:
        self._lost.append(key)  # until the answer is here
        key.value = str((await self._api.post("/key/regenerate", {"key": key.id}))["key"])
        self._lost.clear()
        return "value of a key"

    async def _mend(self) -> str:
        """What was blocked is let in again, and a value whose answer was lost is replaced."""
        for key in list(self._blocked):
            await self._api.post("/key/unblock", {"key": key})
            self._blocked.discard(key)
        return await self._renew(self._lost[0]) if self._lost else "unblocked"

    async def _come(self) -> str:
        self._passed += 1
        fields = {"key_alias": f"passing-{self._passed}", "max_budget": 0.003, "budget_duration": "30s"}
        key = await make_key(self._api, fields, self._random.choice(("t1", "t4", None)), None)
        self._there.note(f"key:{key.id}", 0.003, "30s")
        self._there.passing.append(key)
        return "key made"

    async def _go(self) -> str:
        if len(self._there.passing) < 3:
            return await self._come()
        key = self._there.passing.pop(0)
        await self._api.post("/key/delete", {"keys": [key.id]})
        return "key deleted"

    async def _window(self) -> str:
        key = self._random.choice(self._there.moving).id
        window = self._random.choice(("30s", "60s", "1h", "30d"))
        more = [{"budget_duration": "1d", "max_budget": 5.0}] if self._random.random() < 0.5 else []
        await self._api.post(
            "/key/update", {"key": key, "max_budget": 0.01, "budget_duration": window, "budget_limits": more}
        )
        return "windows of a key"
