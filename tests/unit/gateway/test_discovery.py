from __future__ import annotations

import json

import pytest

from phantom_gateway.gateway import discovery
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.table import Table
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.spine.snapshot import Address, Deployment, Routing, Snapshot

ADDRESS = Address(scheme="https", host="api.example.com", port=443)


def routes() -> Table:
    groups = ("gpt", "openai/*", "team/big model")
    deployments = tuple(
        Deployment(id=g, group=g, provider="openai", model="*" if g.endswith("*") else "up", address=ADDRESS)
        for g in groups
    )
    routing = Routing(aliases={"fast": "gpt", "secret": "gpt"}, hidden_aliases=frozenset({"secret"}))
    return Table(Snapshot(revision=1, deployments=deployments, routing=routing))


def listed(key: KeyRecord) -> list[str]:
    answer = json.loads(discovery.list_models(routes(), key))
    assert answer["object"] == "list"
    assert all(model.keys() == {"id", "object", "created", "owned_by"} for model in answer["data"])
    return [model["id"] for model in answer["data"]]


def test_a_key_sees_what_it_may_use() -> None:
    assert listed(KeyRecord(id="k")) == ["gpt", "openai/*", "team/big model", "fast"]
    assert listed(KeyRecord(id="k", models=("gpt",))) == ["gpt", "fast"]
    assert listed(KeyRecord(id="k", models=("openai/*",))) == ["openai/*"]
    assert listed(KeyRecord(id="k", models=("none",))) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (b"gpt", "gpt"),
        (b"openai/gpt-5", "openai/gpt-5"),
        (b"team%2Fbig%20model", "team/big model"),
        (b"secret", "secret"),
    ],
)
def test_one_model(path: bytes, name: str) -> None:
    assert json.loads(discovery.one_model(routes(), KeyRecord(id="k"), path))["id"] == name


@pytest.mark.parametrize("path", [b"nope", b"%ff", b"openai"])
def test_no_such_model_and_not_allowed_look_alike(path: bytes) -> None:
    errors = []
    for key, name in ((KeyRecord(id="k"), path), (KeyRecord(id="k", models=("none",)), b"gpt")):
        with pytest.raises(ApiError) as caught:
            discovery.one_model(routes(), key, name)
        errors.append((caught.value.status, caught.value.body()))
    assert errors[0] == errors[1]
    assert errors[0][0] == 404
    assert b"model_not_found" in errors[0][1]


def test_anthropics_clients_find_what_they_look_for() -> None:
    answer = json.loads(discovery.list_models(routes(), KeyRecord(id="k", models=("gpt",)), "anthropic"))
    assert (answer["has_more"], answer["first_id"], answer["last_id"]) == (False, "gpt", "fast")
    assert (answer["data"][0]["type"], answer["data"][0]["display_name"]) == ("model", "gpt")
    assert answer["data"][0]["created_at"].endswith("Z")
    one = json.loads(discovery.one_model(routes(), KeyRecord(id="k"), b"gpt", "anthropic"))
    assert (one["id"], one["type"]) == ("gpt", "model")
    nothing = json.loads(discovery.list_models(routes(), KeyRecord(id="k", models=("none",)), "anthropic"))
    assert (nothing["data"], nothing["first_id"]) == ([], None)


def test_googles_clients_find_their_own_words() -> None:
    answer = json.loads(discovery.list_models(routes(), KeyRecord(id="k", models=("gpt",)), "google"))
    assert [model["name"] for model in answer["models"]] == ["models/gpt", "models/fast"]
    assert "streamGenerateContent" in answer["models"][0]["supportedGenerationMethods"]
    one = json.loads(discovery.one_model(routes(), KeyRecord(id="k"), b"team%2Fbig%20model", "google"))
    assert (one["name"], one["displayName"]) == ("models/team/big model", "team/big model")
