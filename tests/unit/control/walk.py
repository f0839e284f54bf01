"""A walk over every route of the admin API that is not refused to everybody: each is asked for what it is there for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from msgspec import structs
from pydantic import TypeAdapter
from tests.support.servers import running_redis
from tests.unit.control.accounts import OTHER, PASSWORD, cookie_of, operator, page
from tests.unit.control.rig import ADMIN, MASTER, Rig, bearer
from tests.unit.control.spending_rig import WEEK, people, spend

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.answers.base import Reply
from phantom_gateway.control.app import create_app
from phantom_gateway.control.entities.listing import TOTAL
from phantom_gateway.control.guard import GuardedRoute, routes_of
from phantom_gateway.control.keys.rotation import Rotation
from phantom_gateway.control.routers import activity
from phantom_gateway.spine.messages import Explain, Explained
from phantom_gateway.spine.snapshot import Address, CacheRules, RedisPlace

Before = Callable[[GuardedRoute, httpx.Request], Awaitable[None]]
CHAT = {"model": "demo", "messages": [{"role": "user", "content": "hi"}]}
NOWHERE = "http://127.0.0.1:1"
UNPRICED = "/config/block_requests_for_models_without_pricing"


async def _nothing(_route: GuardedRoute, _request: httpx.Request) -> None:
    return None


@dataclass
class Walk:
    """What was asked; ``before`` is told of each request before it is sent."""

    control: Rig
    before: Before = _nothing
    seen: set[tuple[str, str]] = field(default_factory=set)
    tagged: set[tuple[str, str]] = field(default_factory=set)
    """Routes that have answered with an ETag."""
    counted: set[tuple[str, str]] = field(default_factory=set)
    """Routes that have answered with the count of a list."""

    def __post_init__(self) -> None:
        self.routes = routes_of(create_app(self.control.services))

    async def ask(self, method: str, target: str, body: Any = None, **options: Any) -> Any:
        """Ask as administrator unless ``headers`` say otherwise; the answer, which is as described, as JSON."""
        request = self.control.http.build_request(method, target, json=body, **{"headers": ADMIN, **options})
        path = request.url.path
        route = next(each for each in self.routes if each.path_regex.match(path) and method in (each.methods or ()))
        await self.before(route, request)
        answer = await self.control.http.send(request)
        reply = route.answer if isinstance(route.answer, Reply) else Reply(body=route.answer)
        assert answer.status_code == reply.status, (method, target, answer.status_code, answer.text)
        name = (method, route.path)
        self.seen.add(name)
        if "etag" in answer.headers:
            self.tagged.add(name)
        if TOTAL in answer.headers:
            self.counted.add(name)
        if reply.body is None or not answer.headers["content-type"].startswith("application/json"):
            return None
        TypeAdapter(reply.body).validate_json(answer.content, strict=True)
        return answer.json()

    async def all(self) -> None:
        """The whole walk."""
        known = await people(self.control)
        await spend(self.control, known)
        await self.models()
        await self.settings()
        await self.limits()
        await self.organizations()
        await self.teams()
        await self.users()
        await self.keys()
        await self.spending(known.tokens["ann"])
        await self.sign_in()
        await self.caching()
        await self.gone()

    async def caching(self) -> None:
        """``/cache/*``, of a cache in Redis."""
        ask, configuration = self.ask, self.control.services.configuration
        with running_redis() as redis:
            place = RedisPlace(address=Address(scheme="unix", socket_path=str(redis.socket)))
            rules = CacheRules(secret=Secret("34" * 32), redis=place)
            configuration.snapshot = structs.replace(configuration.snapshot, cache=rules)
            for target in ("/cache/ping", "/cache/redis/info", "/cache/settings"):
                await ask("GET", target)
            await ask("POST", "/cache/delete", {"keys": ["ab" * 32]})
            await ask("POST", "/cache/flushall")

    async def models(self) -> None:
        """Models, credentials, fallbacks, what is asked before a call, health."""
        ask = self.ask
        await ask("POST", "/credentials", {"credential_name": "c", "credential_values": {"api_key": "sk-x"}})
        await ask("PATCH", "/credentials/c", {"credential_info": {"a": 1}})
        params = {"model": "openai/x", "litellm_credential_name": "c", "api_base": NOWHERE}
        new = {"model_name": "n", "litellm_params": params, "model_info": {"id": "m", "mode": "chat"}}
        await ask("POST", "/model/new", new)
        await ask("POST", "/model/update", {"model_info": {"id": "m"}, "litellm_params": {"rpm": 1}})
        await ask("PATCH", "/model/m/update", {"model_name": "n2"})
        await ask("POST", "/model/block", {"model_id": "m"})
        await ask("POST", "/model/unblock", {"model_id": "m"})
        await ask("POST", "/fallback", {"model": "demo", "fallback_models": ["n2"]})
        await ask("POST", "/fallback", {"model": "demo", "fallback_models": ["n2"]})
        for target in (
            "/model/info", "/model/info?litellm_model_id=m", "/model/info?litellm_model_id=d1", "/v1/model/info",
            "/v1/model/info?litellm_model_id=m", "/v2/model/info", "/model_group/info", "/credentials",
            "/credentials/by_name/c", "/credentials/by_model/m", "/credentials/by_model/d1", "/fallback/demo",
            "/utils/supported_openai_params?model=demo", "/utils/model_info?model=demo", "/health?model_id=m",
            "/health/latest", "/health/history", "/health/backlog", "/health/readiness", "/health/readiness/details",
            "/health/liveliness", "/health/liveness", "/health/license", "/health/shared-status", "/openapi.json",
            "/whoami", "/ui", "/ui/", "/health/services?service=slack", "/health/drain",
        ):  # fmt: skip
            await ask("GET", target)
        await ask("POST", "/utils/token_counter", {"model": "demo", "prompt": "hello"})
        await ask("POST", "/utils/transform_request", {"call_type": "completion", "request_body": CHAT})
        await ask("POST", "/cost/estimate", {"model": "demo", "input_tokens": 1, "output_tokens": 1})
        await ask("POST", "/spend/calculate", CHAT)
        await ask("POST", "/health/test_connection", {"litellm_params": {"model": "openai/x", "api_base": NOWHERE}})
        async with self.control.worker() as worker:

            async def tell() -> None:
                asked = await worker.expect(Explain)
                worker.send(Explained(seq=asked.seq, found=b'{"allowed": false, "stage": "key", "error": null}'))

            await asyncio.gather(ask("POST", "/utils/explain", {"request_body": CHAT}), tell())
        passed = "/config/pass_through_endpoint"
        await ask(
            "POST", passed, {"id": "e", "path": "/svc", "target": NOWHERE, "headers": {"authorization": "Bearer x"}}
        )
        for target in (passed, f"{passed}?endpoint_id=e", f"{passed}/team/t"):
            await ask("GET", target)
        await ask("POST", f"{passed}/e", {"timeout": 5})
        await ask("DELETE", f"{passed}?endpoint_id=e")
        await ask("DELETE", "/fallback/demo")
        await ask("POST", "/model/delete", {"id": "m"})
        await ask("DELETE", "/credentials/c")

    async def settings(self) -> None:
        """``/config/*``."""
        ask, section = self.ask, {"config_type": "router_settings"}
        for value in (5, 6):
            await ask("POST", "/config/field/update", {"field_name": "timeout", "field_value": value, **section})
        await ask("POST", "/config/update", {"router_settings": {"num_retries": 1}})
        await ask("GET", "/config/field/info?field_name=num_retries&config_type=router_settings")
        await ask("GET", "/config/list?config_type=router_settings")
        await ask("POST", "/config/field/delete", {"field_name": "timeout", **section})
        await ask("PATCH", "/config/cost_discount_config", {"openai": 0.1})
        await ask("PATCH", "/config/cost_margin_config", {"openai": 0.1})
        await ask("PATCH", "/update/internal_user_settings", {"max_budget": 10})
        await ask("PATCH", "/update/default_team_settings", {"max_budget": 10})
        await ask("PATCH", UNPRICED, {"enabled": False})
        for target in (
            "/config/cost_discount_config", "/config/cost_margin_config", UNPRICED, "/get/internal_user_settings",
            "/get/default_team_settings", "/config/reload/status", "/get/config/callbacks", "/config/running", "/config/reloads",
            "/provider/budgets",
        ):  # fmt: skip
            await ask("GET", target)

    async def limits(self) -> None:
        """Budgets, customers, tags, access groups, roles."""
        ask = self.ask
        await ask("POST", "/budget/new", {"budget_id": "b", "max_budget": 5, "budget_duration": "1d"})
        await ask("POST", "/budget/update", {"budget_id": "b", "rpm_limit": 5})
        await ask("POST", "/budget/info", {"budgets": ["b"]})
        await ask("GET", "/budget/settings?budget_id=b")
        await ask("GET", "/budget/list")
        for name in ("customer", "end_user"):
            await ask("POST", f"/{name}/new", {"user_id": name, "budget_id": "b"})
            await ask("POST", f"/{name}/update", {"user_id": name, "alias": "x"})
            await ask("POST", f"/{name}/block", {"user_ids": [name]})
            await ask("POST", f"/{name}/unblock", {"user_ids": [name]})
            await ask("GET", f"/{name}/info?end_user_id={name}")
            await ask("GET", f"/{name}/list")
            await ask("POST", f"/{name}/delete", {"user_ids": [name]})
        await ask("POST", "/tag/new", {"name": "t1", "budget_id": "b", "models": ["demo"]})
        await ask("POST", "/tag/update", {"name": "t1", "description": "x"})
        await ask("POST", "/tag/info", {"names": ["t1"]})
        await ask("GET", "/tag/list")
        await ask("POST", "/tag/delete", {"name": "t1"})
        await ask("POST", "/budget/delete", {"id": "b"})
        for path in ("/v1/access_group", "/v1/unified_access_group"):
            made = await ask("POST", path, {"access_group_name": "g", "assigned_team_ids": ["t"]})
            await ask("GET", path)
            await ask("GET", f"{path}/{made['access_group_id']}")
            await ask("PUT", f"{path}/{made['access_group_id']}", {"access_model_names": ["demo"]})
            await ask("DELETE", f"{path}/{made['access_group_id']}")
        await ask("POST", "/access_group/new", {"access_group": "g", "model_names": ["demo"]})
        await ask("GET", "/access_group/list")
        await ask("GET", "/access_group/g/info")
        await ask("PUT", "/access_group/g/update", {"model_ids": ["d1"]})
        await ask("PUT", "/access_group/g/budget", {"max_budget": 5, "budget_duration": "1d"})
        for target in ("/access_group/g/budget", "/access_group/list"):
            await ask("GET", target)
        await ask("DELETE", "/access_group/g/budget")
        await ask("DELETE", "/access_group/g/delete")
        await ask("POST", "/role/new", {"role": "r", "grants": {"key.read": "all"}})
        await ask("POST", "/role/update", {"role": "r", "description": "x"})
        await ask("GET", "/role/info?role=r")
        await ask("GET", "/role/list")
        await ask("POST", "/role/delete", {"roles": ["r"]})

    async def organizations(self) -> None:
        """Organisations, their members, projects."""
        ask, org = self.ask, {"organization_id": "o2"}
        new = {"organization_alias": "a", "max_budget": 100, "budget_duration": "1mo", "models": ["demo"]}
        await ask("POST", "/organization/new", {**org, **new})
        await ask("PATCH", "/organization/update", {**org, "max_budget": 200})
        await ask("PATCH", "/v2/organization/o2", {"rpm_limit": 5})
        await ask("POST", "/organization/member_add", {**org, "member": {"user_id": "bob", "role": "internal_user"}})
        await ask("PATCH", "/organization/member_update", {**org, "user_id": "bob", "max_budget_in_organization": 5})
        await ask("GET", "/organization/info?organization_id=o2")
        await ask("POST", "/organization/info", {"organizations": ["o", "o2"]})
        await ask("GET", "/organization/list")
        await ask("DELETE", "/organization/member_delete", {**org, "user_id": "bob"})
        await ask("POST", "/project/new", {"project_id": "p", "team_id": "t", "max_budget": 5})
        await ask("POST", "/project/update", {"project_id": "p", "description": "x"})
        await ask("GET", "/project/info?project_id=p")
        await ask("GET", "/project/list")
        await ask("DELETE", "/project/delete", {"project_ids": ["p"]})

    async def teams(self) -> None:
        """Teams and their members."""
        ask, team = self.ask, {"team_id": "t2"}
        new = {"team_alias": "a", "models": ["demo", "x"], "max_budget": 50, "model_aliases": {"a": "demo"},
               "members_with_roles": [{"user_id": "lead", "role": "admin"}], "team_member_budget": 4,
               "budget_limits": [{"budget_duration": "1d", "max_budget": 4}]}  # fmt: skip
        await ask("POST", "/team/new", {**team, **new})
        await ask("POST", "/team/update", {**team, "rpm_limit": 100, "model_rpm_limit": {"demo": 5}})
        await ask("PATCH", "/team/t2", {"tpm_limit": 1000, "model_max_budget": {"demo": {"max_budget": 5}}})
        for path in ("block", "unblock"):
            await ask("POST", f"/team/{path}", team)
        await ask("POST", "/team/model/add", {**team, "models": ["y"]})
        await ask("POST", "/team/model/delete", {**team, "models": ["y"]})
        await ask("GET", "/team/permissions_list?team_id=t2")
        routes = ["/key/generate", "/key/info"]
        await ask("POST", "/team/permissions_update", {**team, "team_member_permissions": routes[:1]})
        await ask("POST", "/team/permissions_bulk_update", {"team_ids": ["t2"], "permissions": routes})
        bob = {"member": {"user_id": "bob", "role": "user"}}
        await ask("POST", "/team/member_add", {**team, **bob, "max_budget_in_team": 3, "budget_duration": "1d"})
        members = [{"user_id": "boss", "role": "user"}, {"user_id": "bob", "role": "user"}]
        await ask("POST", "/team/bulk_member_add", {**team, "members": members})
        await ask("POST", "/team/member_update", {**team, "user_id": "bob", "rpm_limit": 5})
        await ask("POST", "/team/t2/member/bob/reset_spend", {"reset_to": 0})
        await ask("POST", "/team/t2/member/bob/reset_budget")
        await self.control.generate(team_id="t2", key_alias="of-t2")
        lead = await self.control.generate(user_id="lead")
        await ask("GET", "/team/t2/members/me", headers={"authorization": f"Bearer {lead['key']}"})
        for target in (
            "/team/info?team_id=t2", "/team/info?team_id=t", "/team/list", "/v2/team/list", "/team/available",
            "/team/metadata_schema",
        ):  # fmt: skip
            await ask("GET", target)
        await ask(
            "POST", "/team/key/bulk_update", {**team, "all_keys_in_team": True, "update_fields": {"rpm_limit": 5}}
        )
        await ask("POST", "/team/member_delete", {**team, "user_id": "bob"})

    async def users(self) -> None:
        """Users and their invitations."""
        ask = self.ask
        new = {"user_id": "ada", "user_email": "ada@x.org", "max_budget": 5, "teams": ["t2"], "organizations": ["o"]}
        ada = bearer((await ask("POST", "/user/new", new))["key"])
        await ask("POST", "/user/new", {"user_id": "eve", "auto_create_key": False})
        await ask("POST", "/user/update", {"user_id": "ada", "user_alias": "Ada"})
        await ask("POST", "/user/bulk_update", {"users": [{"user_id": "ada", "rpm_limit": 5}]})
        for target in (
            "/user/info?user_id=ada", "/user/info", "/v2/user/info?user_id=ada", "/user/list", "/user/available_roles",
            "/user/available_users",
        ):  # fmt: skip
            await ask("GET", target)
        await self.approvals(ada)
        link = {"invitation_id": (await ask("POST", "/invitation/new", {"user_id": "ada"}))["id"]}
        await ask("GET", "/invitation/info", params=link)
        await ask("POST", "/invitation/update", {**link, "is_accepted": True})
        await ask("POST", "/invitation/delete", link)
        made = await ask("POST", "/invitation/new", {"user_id": "ada"})
        await ask("GET", f"/onboarding/get_token?invite_link={made['id']}", headers={})
        claim = {"invitation_link": made["id"], "user_id": "ada", "password": PASSWORD}
        await ask("POST", "/onboarding/claim_token", claim, headers={})

    async def approvals(self, ada: dict[str, str]) -> None:
        """Requests for more, in all their ends; and the limits that hold."""
        ask = self.ask
        for end in ("approve", "refuse", "withdraw"):
            made = await ask("POST", "/approval/new", {"max_budget": 9, "reason": "more"}, headers=ada)
            await ask("GET", f"/approval/info?id={made['id']}")
            who = ada if end == "withdraw" else ADMIN
            await ask(
                "POST",
                f"/approval/{end}",
                {"id": made["id"], **({"max_budget": 8} if end == "approve" else {})},
                headers=who,
            )
        await ask("GET", "/approval/list")
        for target in ("/key/limits", "/user/limits"):
            await ask("GET", target, headers=ada)
        await ask("GET", "/team/limits?team_id=t2")

    async def keys(self) -> None:
        """``/key/*``."""
        ask = self.ask
        new = {"key_alias": "k", "user_id": "ada", "max_budget": 5, "budget_duration": "1d", "tags": ["a"],
               "auto_rotate": True, "rotation_interval": "30d", "aliases": {"a": "demo"}, "duration": "30d",
               "budget_fallbacks": {"demo": ["demo"]}}  # fmt: skip
        made = await ask("POST", "/key/generate", new)
        assert made["rotation_interval"] == "30d"
        reference = {"key": made["token"]}
        await ask("POST", "/key/service-account/generate", {"team_id": "t"})
        await ask("POST", "/key/update", {**reference, "rpm_limit": 5})
        await ask("POST", "/key/bulk_update", {"keys": [{**reference, "max_budget": 4}]})
        await ask("POST", "/key/block", reference)
        await ask("POST", "/key/unblock", reference)
        await ask("POST", "/key/regenerate", reference)
        await ask("POST", f"/key/{made['token']}/regenerate", {"grace_period": "1h"})
        await self.rotated()
        await ask("POST", f"/key/{made['token']}/reset_spend", {"reset_to": 0})
        await ask("POST", "/key/health", {})
        await ask("POST", "/v2/key/info", {"keys": [made["token"]]})
        gone = await self.control.generate(key_alias="gone")
        await ask("POST", "/key/delete", {"keys": [gone["token"]]})
        for target in (
            f"/key/info?key={made['token']}", "/key/list", "/key/list?return_full_object=true", "/key/aliases",
            "/key/list?expand=user", "/key/list?status=deleted&return_full_object=true",
        ):  # fmt: skip
            await ask("GET", target)

    async def rotated(self) -> None:
        """Values that keys got by their schedule."""
        turning = {"user_id": "ada", "auto_rotate": True, "rotation_interval": "1d"}
        own, another = [await self.control.generate(**turning) for _ in range(2)]
        in_two_days = replace(self.control.services, clock=lambda: time.time() + 2 * 86_400)
        assert await Rotation(in_two_days, lambda: 86_400).look() == 2
        await self.ask("POST", "/key/rotated", {}, headers=bearer(own["key"]))
        await self.ask("POST", f"/key/{another['token']}/rotated", {})

    async def spending(self, key_id: str) -> None:
        """Logs, reports, activity, the audit log."""
        ask = self.ask
        body = {"request_id": "bob-0", "amount": -0.5, "reason": "x"}
        await ask("POST", "/spend/corrections", body)
        for path in (
            "/spend/corrections", "/spend/logs", "/spend/logs/v2", "/spend/logs/ui", "/spend/logs/ui/ann-1",
            "/spend/logs/session/ui", "/global/spend", "/global/spend/keys", "/global/spend/models",
            "/global/spend/teams", "/global/spend/provider", "/global/spend/logs", "/global/spend/tags",
            "/global/spend/all_tag_names", "/global/spend/report", "/global/activity", "/global/activity/model",
            "/tag/distinct", "/spend/tags", "/spend/keys", "/spend/users", "/tag/summary", "/key/spend/report",
            "/user/spend/report", "/team/spend/report", "/organization/spend/report", "/team/spend/by_user",
        ):  # fmt: skip
            wanted = next(each for each in self.routes if each.path_regex.match(path) and "GET" in (each.methods or ()))
            known = {each.alias for each in wanted.dependant.query_params}
            query = {name: value for name, value in {**WEEK, "session_id": "s"}.items() if name in known}
            await ask("GET", path, params={name: value for name, value in query.items() if path != "/spend/logs"})
        await ask("GET", "/spend/logs", params=WEEK)
        await ask("GET", "/spend/logs/live", params={"seconds": 0})
        await ask("GET", "/spend/logs/facets", params=WEEK)
        for path in ("/usage/report", "/usage/overview", "/usage/forecast"):
            await ask("GET", path, params={**WEEK, "by": "model"} if path.endswith("report") else WEEK)
        await ask("GET", "/usage/what_if", params={**WEEK, "instead": "demo"})
        await ask("GET", "/usage/attention")
        for group in ("customer", "api_key"):
            await ask("GET", "/global/spend/report", params={**WEEK, "group_by": group})
        await ask("POST", "/global/spend/end_users", {})
        for target in (
            "/model/metrics", "/model/streaming_metrics", "/model/metrics/slow_responses", "/model/metrics/exceptions",
            "/global/activity/exceptions", "/global/activity/exceptions/deployment", "/global/activity/cache_hits",
            "/global/all_end_users", "/tag/dau", "/tag/wau", "/tag/mau",
        ):  # fmt: skip
            await ask("GET", target)
        for family in activity.FAMILIES:
            base = f"/{family.name}/daily/activity"
            for path in ("", "/aggregated", "/aggregated/keys", "/export"):
                await ask("GET", base + path, params=WEEK)
            for kind in ("daily_with_keys", "daily_with_models", "daily_with_users"):
                await ask("GET", f"{base}/export", params={**WEEK, "format": "json", "export_type": kind})
            await ask("GET", f"{base}/aggregated/search", params={**WEEK, "search": key_id[:4]})
            await ask("GET", f"{base}/aggregated/model_top_keys", params={**WEEK, "model_group": "demo"})
        await ask("GET", "/audit?page_size=100")
        await ask("GET", "/audit/1")
        await ask("POST", "/global/spend/reset", {})

    async def sign_in(self) -> None:
        """Signing in and out."""
        ask = self.ask
        await ask("POST", "/login", headers={}, data={"username": "admin", "password": MASTER})
        await ask("POST", "/v2/login", {"username": "admin", "password": MASTER}, headers={})
        await ask("POST", "/v3/login", {"username": "admin", "password": MASTER}, headers={})
        ada = await self.control.http.post("/v2/login", json={"username": "ada", "password": PASSWORD})
        mine = page(cookie_of(ada))
        await ask("GET", "/sessions", headers=mine)
        passwords = {"current_password": PASSWORD, "new_password": OTHER}
        await ask("POST", "/user/password/change", passwords, headers=mine)
        await ask("POST", "/sessions/end", {"others": True}, headers=mine)
        await ask("POST", "/logout", headers=await operator(self.control))

    async def gone(self) -> None:
        """What ends."""
        ask = self.ask
        await ask("POST", "/user/delete", {"user_ids": ["ada"]})
        await ask("POST", "/team/delete", {"team_ids": ["t2"]})
        await ask("DELETE", "/organization/delete", {"organization_ids": ["o2"]})
