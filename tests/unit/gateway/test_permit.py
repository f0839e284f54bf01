from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import Rig, deployment, running

from phantom_gateway.gateway import permit as permits
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.permit import of_key
from phantom_gateway.gateway.table import Table
from phantom_gateway.spine.messages import KeyRecord, Limit, LimitKind, SubjectRecord
from phantom_gateway.spine.snapshot import Budget, Routing, Settings, Snapshot

USD = 1_000_000_000


def limit(entity: str, kind: LimitKind = "requests", amount: int = 5, window: str = "60s") -> Limit:
    return Limit(scope=f"{kind}:{entity}:{window}", kind=kind, entity=entity, amount=amount, window=window)


def table(*groups: str, settings: Settings = Settings(), **aliases: str) -> Table:  # noqa: B008 - immutable
    deployments = tuple(deployment(1, name, group=name, model="*" if name.endswith("*") else "up") for name in groups)
    return Table(Snapshot(revision=1, deployments=deployments, routing=Routing(aliases=aliases), settings=settings))


def scopes(limits: tuple[Limit, ...]) -> list[str]:
    return [each.scope for each in limits]


def test_a_key_without_more_keeps_its_own_tuple() -> None:
    key = KeyRecord(id="k", limits=(limit("key:k"),))
    assert of_key(key, "gpt", table("gpt")).limits is key.limits


def test_all_limits_are_the_same_tuple_each_time_and_for_each_model(monkeypatch: pytest.MonkeyPatch) -> None:
    key = KeyRecord(id="k", limits=(limit("key:k"),))
    routes = table("gpt", "other", settings=Settings(global_max_parallel=7))
    whole = of_key(key, "gpt", routes).limits
    assert whole == key.limits + routes.common_limits
    assert of_key(key, "gpt", routes).limits is whole
    assert of_key(key, "other", routes).limits is whole
    monkeypatch.setattr(permits, "MAX_MODELS", 1)
    monkeypatch.setattr("phantom_gateway.gateway.table.MAX_KEYS", 1)
    of_key(KeyRecord(id="x"), "gpt", routes)
    assert of_key(key, "gpt", routes).limits == whole
    assert of_key(key, "other", routes).limits == whole
    assert len(routes.permits(key)) == 1


def test_a_wildcard_is_no_model_and_the_refusal_says_so() -> None:
    routes = table("sim/*", fast="sim/*")
    for asked in ("sim/*", "sim/", "fast"):
        with pytest.raises(ApiError, match="name one of them") as caught:
            of_key(KeyRecord(id="k"), asked, routes)
        assert (caught.value.status, caught.value.param) == (400, "model")
    assert of_key(KeyRecord(id="k"), "sim/x", routes).routed == "sim/x"
    with pytest.raises(ApiError, match="Invalid model name"):
        of_key(KeyRecord(id="k"), "else/*", routes)


def test_limits_of_a_model_count_under_each_of_its_names_and_once() -> None:
    mine, target, group, other = (limit(f"key:k/model:{name}") for name in ("mine", "fast", "gpt", "other"))
    key = KeyRecord(
        id="k",
        model_aliases={"mine": "fast"},
        model_limits={"mine": (mine,), "fast": (target, mine), "gpt": (group,), "other": (other,)},
    )
    routes = table("gpt", "other", fast="gpt")
    assert scopes(of_key(key, "mine", routes).limits) == scopes((mine, target, group))
    assert scopes(of_key(key, "gpt", routes).limits) == scopes((group,))


def test_the_master_key_is_bounded_by_what_is_configured() -> None:
    settings = Settings(budget=Budget(amount=9 * USD, window="30d"), master_key_budget=Budget(amount=USD))
    routes = table("gpt", settings=settings)
    master = of_key(KeyRecord(id="m", kind="master"), "gpt", routes)
    assert scopes(master.limits) == ["budget:gateway:30d", "budget:master_key:"]
    assert scopes(of_key(KeyRecord(id="k"), "gpt", routes).limits) == ["budget:gateway:30d"]


@pytest.mark.parametrize(
    ("whose", "kind"),
    [
        ("team", "team_model_access_denied"),
        ("member", "team_model_access_denied"),
        ("user", "user_model_access_denied"),
        ("project", "project_model_access_denied"),
        ("org", "org_model_access_denied"),
    ],
)
def test_the_refusal_says_whose_list_it_is(whose: str, kind: str) -> None:
    with pytest.raises(ApiError) as refused:
        of_key(KeyRecord(id="k", model_lists=((whose, ("other",)),)), "gpt", table("gpt", "other"))
    assert (refused.value.status, refused.value.kind, refused.value.param) == (403, kind, "model")
    assert refused.value.details == {"model": "gpt", "refused_by": whose}


def test_joined_limits_are_remembered_by_their_records(monkeypatch: pytest.MonkeyPatch) -> None:
    permit = of_key(KeyRecord(id="k", limits=(limit("key:k"),)), "gpt", table("gpt"))
    subject = SubjectRecord(
        entity="customer:c",
        limits=(limit("customer:c"), limit("key:k")),
        model_limits={"gpt": (limit("customer:c/model:gpt"),), "other": (limit("customer:c/model:other"),)},
    )
    joined = permit.joined((subject,), "gpt")
    assert scopes(joined) == ["requests:key:k:60s", "requests:customer:c:60s", "requests:customer:c/model:gpt:60s"]
    assert permit.joined((subject,), "gpt") is joined
    monkeypatch.setattr(permits, "MAX_JOINED", 1)
    permit.joined((SubjectRecord(entity="customer:d"),), "gpt")
    assert permit.joined((subject,), "gpt") == joined


async def asked(rig: Rig, key: str, **fields: Any) -> tuple[int, str]:
    answer = await rig.chat(key, **fields)
    return answer.status, "" if answer.status == 200 else answer.error["type"]


async def test_limits_of_a_customer_bind_whatever_key_is_used(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.subject("customer:c", limits=(limit("customer:c", amount=2),))
        outcomes = [await asked(rig, rig.key(), user="c") for _ in range(3)]
        assert [status for status, _ in outcomes] == [200, 200, 429]
        assert await asked(rig, rig.key(), user="d") == (200, "")
        assert await asked(rig, rig.key()) == (200, "")
        refused = await rig.chat(rig.key(), user="c")
        assert refused.error["details"]["entity"] == "customer:c"


async def test_a_blocked_customer_and_a_customers_models(tmp_path: Path) -> None:
    def build(port: int) -> Any:
        return deployment(port), deployment(port, "d2", group="other")

    async with running(tmp_path, build) as rig:
        await rig.subject("customer:bad", blocked=True)
        await rig.subject("customer:c", models=("other",))
        await rig.subject("customer:d", models=("other",), default_model="other")
        key = rig.key()
        assert await asked(rig, key, user="bad") == (403, "auth_error")
        assert await asked(rig, key, user="c") == (403, "customer_model_access_denied")
        assert await asked(rig, key, user="c", model="other") == (200, "")
        answer = await rig.chat(key, user="d")
        assert (answer.status, answer.headers["x-litellm-model-group"]) == (200, "other")
        assert await asked(rig, rig.key(models=("gpt",)), user="d") == (403, "key_model_access_denied")


async def test_tags_of_the_key_and_of_the_request(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await rig.subject("tag:t", limits=(limit("tag:t", amount=2),), models=("elsewhere",))
        assert await asked(rig, rig.key(tags=("t",))) == (200, "")
        assert await asked(rig, rig.key(tags=("t",)), tags=["t"]) == (200, "")
        assert await asked(rig, rig.key(), tags=["t"]) == (429, "throttling_error")
        assert await asked(rig, rig.key(), tags=["other"]) == (200, "")
        assert {record.tags for record in rig.journal()[1]} == {("t",), ("other",)}


def by_model(model: str, amount: int) -> dict[str, tuple[Limit, ...]]:
    return {model: (limit(f"key:k/model:{model}", "budget", amount, ""),)}


async def test_an_exhausted_budget_of_a_model_goes_on_with_its_fallback(tmp_path: Path) -> None:
    def build(port: int) -> Any:
        return deployment(port), deployment(port, "d2", group="other")

    async with running(tmp_path, build) as rig:
        key = rig.key(model_limits=by_model("gpt", 1), budget_fallbacks={"gpt": ("missing", "other")})
        answer = await rig.chat(key)
        assert (answer.status, answer.headers["x-litellm-model-group"], answer.json()["model"]) == (200, "other", "gpt")
        assert (rig.closed().model, rig.closed().group) == ("gpt", "other")
        without = rig.key(model_limits=by_model("gpt", 1))
        refused = await rig.chat(without)
        assert (refused.status, refused.error["type"]) == (422, "budget_exceeded")
        assert refused.error["details"]["entity"] == "key:k/model:gpt"


async def test_a_fallback_that_may_not_be_used_or_is_exhausted_is_none(tmp_path: Path) -> None:
    def build(port: int) -> Any:
        return deployment(port), deployment(port, "d2", group="other")

    async with running(tmp_path, build) as rig:
        foreign = rig.key(models=("gpt",), model_limits=by_model("gpt", 1), budget_fallbacks={"gpt": ("other",)})
        both = by_model("gpt", 1) | by_model("other", 1)
        spent = rig.key(model_limits=both, budget_fallbacks={"gpt": ("other",)})
        for key in (foreign, spent):
            refused = await rig.chat(key)
            assert refused.status == 422
            assert refused.error["details"]["entity"] == "key:k/model:gpt"
        # The budget of the key itself is no reason to go elsewhere.
        own = rig.key(limits=(limit("key:z", "budget", 1, ""),), budget_fallbacks={"gpt": ("other",)})
        assert await asked(rig, own) == (422, "budget_exceeded")
        assert rig.journal() == ([], [])


@pytest.mark.parametrize(
    ("allowed", "path", "fine"),
    [
        (("anthropic_routes",), b"/v1/messages", True),
        (("anthropic_routes",), b"/v1/messages/count_tokens", True),
        (("anthropic_routes",), b"/v1/chat/completions", False),
        (("openai_routes",), b"/v1/messages", False),
        (("openai_routes",), b"/v1/embeddings", True),
        (("openai_routes",), b"/v1/responses", True),
        (("anthropic_routes",), b"/v1/responses", False),
        (("openai_routes",), b"/v1/models", True),
        (("google_routes",), b"/v1beta/models/m:generateContent", True),
        (("google_routes",), b"/v1beta/models", True),
        (("google_routes",), b"/v1/models", False),
        (("openai_routes",), b"/models/m:countTokens", False),
        (("llm_api_routes",), b"/v1/messages", True),
        (("/v1/messages*",), b"/v1/messages/count_tokens", True),
    ],
)
def test_groups_of_routes_are_of_one_format(allowed: tuple[str, ...], path: bytes, fine: bool) -> None:
    key = KeyRecord(id="k", allowed_routes=allowed)
    if fine:
        permits.check_route(key, path)
        return
    with pytest.raises(ApiError) as caught:
        permits.check_route(key, path)
    assert caught.value.status == 403


def test_a_model_name_with_control_characters_is_refused_before_it_is_looked_for() -> None:
    with pytest.raises(ApiError) as refused:
        of_key(KeyRecord(id="k"), "gpt\0", table("*"))
    assert (refused.value.status, refused.value.param) == (400, "model")
