from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.gateway.rig import running

from phantom_gateway.spine.known_keys import on_behalf
from phantom_gateway.spine.messages import Limit, LimitKind, SubjectRecord
from phantom_gateway.spine.snapshot import Settings


def limit(entity: str, kind: LimitKind, amount: int) -> Limit:
    return Limit(scope=f"{kind}:{entity}:60s", kind=kind, entity=entity, amount=amount)


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "user"),
        ({"user": "u"}, 400, "metadata.app"),
        ({"user": "u", "metadata": {"other": 1}}, 400, "metadata.app"),
        ({"user": "u", "metadata": "app"}, 400, "metadata.app"),
        ({"user": "u", "metadata": {"app": "x"}}, 400, "seed"),
        ({"user": "u", "metadata": {"app": "x"}, "seed": 1}, 200, None),
    ],
)
async def test_fields_that_must_be_there(tmp_path: Path, body: dict[str, Any], status: int, param: str | None) -> None:
    settings = Settings(required_fields=("user", "metadata.app"))
    async with running(tmp_path, settings=settings) as rig:
        key = rig.key(has_terms=True, enforced_params=("seed", "user"))
        answer = await rig.chat(key, **body)
        assert (answer.status, answer.error["param"] if status == 400 else None) == (status, param)


@pytest.mark.parametrize(
    ("cache", "status", "param"),
    [
        (None, 200, None),
        ({"no-cache": True}, 200, None),
        ({"no-cache": True, "ttl": 5}, 200, None),
        ({"ttl": 5, "no-store": False}, 403, "cache.no-store"),
        ({"namespace": "x"}, 403, "cache.namespace"),
        ({"of my own": 1}, 400, "cache"),
        (["no-store"], 400, "cache"),
    ],
)
async def test_what_may_be_said_to_the_cache(tmp_path: Path, cache: Any, status: int, param: str | None) -> None:
    async with running(tmp_path) as rig:
        key = rig.key(has_terms=True, cache_controls=("no-cache", "ttl"))
        answer = await rig.chat(key, cache=cache)
        assert (answer.status, None if status == 200 else answer.error["param"]) == (status, param)


async def test_a_customer_must_be_named_in_any_of_the_ways(tmp_path: Path) -> None:
    settings = Settings(requires_customer=True, customer_headers=("x-mail", "x-who"))
    async with running(tmp_path, settings=settings) as rig:
        key = rig.key()
        assert (await rig.chat(key)).error["param"] == "user"
        assert (await rig.chat(key, user="u")).status == 200
        asked = {"model": "gpt", "messages": [{"role": "user", "content": "x"}]}
        for name in ("x-mail", "x-who", "x-litellm-customer-id"):
            assert (await rig.post("/v1/chat/completions", asked, key, **{name: "u"})).status == 200, name
        closed = rig.journal()[1]
        assert [record.end_user for record in closed] == ["u"] * 4


async def test_token_limits_reserve_what_is_expected_of_the_model(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        tokens = (limit("key:x", "tokens", 2000),)
        for expected, status in (
            ({"": 100}, 200),
            ({"": 5000}, 429),
            ({"": 5000, "gpt": 100}, 200),
            ({"gpt": 5000}, 429),
        ):
            key = rig.key(limits=tokens, has_terms=True, expected_output=expected)
            assert (await rig.chat(key)).status == status, expected
        bounded = rig.key(limits=tokens, has_terms=True, expected_output={"": 5000})
        assert (await rig.chat(bounded, max_tokens=10)).status == 200


async def test_tags_of_a_key_have_limits_of_their_own(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        mine = limit("key:x/tag:slow", "requests", 1)
        key = rig.key(tag_limits={"slow": SubjectRecord(entity="tag:slow", limits=(mine,))})
        statuses = [(await rig.chat(key, tags=tags)).status for tags in (["slow"], ["slow"], ["fast"], [])]
        assert statuses == [200, 429, 200, 200]


async def test_a_key_gives_its_customers_a_budget(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        none = limit("customer:c", "requests", 0)
        rig.control.subjects["customer:c"] = SubjectRecord(entity="customer:c", limits=(none,))
        assert (await rig.chat(rig.key(), user="c")).status == 200, "nobody is asked for where there are none"
        assert (await rig.chat(rig.key(customers_budget_id="b"), user="c")).status == 429


async def test_every_key_without_a_limit_of_its_own_has_the_configured_one(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(key_max_parallel=0)) as rig:
        refused = await rig.chat(rig.key())
        assert (refused.status, refused.error["details"]["kind"]) == (429, "parallel")
        team = Limit(scope="parallel:team:t:", kind="parallel", entity="team:t", amount=2)
        assert (await rig.chat(rig.key(limits=(team,)))).status == 429, "a limit of its team is not its own"
        text = rig.key()
        digest, record = list(rig.control.records.items())[-1]
        own = Limit(scope=f"parallel:key:{digest}:", kind="parallel", entity=f"key:{digest}", amount=2)
        rig.control.records[digest] = msgspec.structs.replace(record, limits=(own,))
        assert (await rig.chat(text)).status == 200


async def test_a_key_without_a_user_calls_on_behalf_of_one(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(user_headers=("x-user-mail",))) as rig:
        asked = {"model": "gpt", "messages": [{"role": "user", "content": "x"}]}
        shared, personal = rig.key(), rig.key(user_id="ann")
        digest = next(iter(rig.control.records))
        record = rig.control.records[digest] = msgspec.structs.replace(rig.control.records[digest], digest=digest)
        rig.control.records[on_behalf(digest, "bob")] = msgspec.structs.replace(record, user_id="bob")
        for key in (shared, shared, personal):
            assert (await rig.post("/v1/chat/completions", asked, key, **{"x-user-mail": "bob"})).status == 200
        assert [record.user_id for record in rig.journal()[1]] == ["bob", "bob", "ann"]
