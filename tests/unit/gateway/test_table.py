from __future__ import annotations

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.gateway.permit import of_key
from phantom_gateway.gateway.table import MAX_DERIVED, UNKNOWN_OUTPUT_LIMIT, Fallbacks, Table, Worst
from phantom_gateway.spine.messages import KeyRecord, OwnRouting
from phantom_gateway.spine.snapshot import (
    Address,
    Deployment,
    PricedModel,
    Prices,
    PriceTier,
    Routing,
    Snapshot,
)

ADDRESS = Address(scheme="https", host="api.example.com", port=443)
PATHS = {"chat": "/chat/completions"}


def deployment(name: str, group: str = "g", **more: object) -> Deployment:
    fields = {"provider": "openai", "model": "up", "address": ADDRESS, "base_path": "/v1", "paths": PATHS} | more
    return Deployment(id=name, group=group, **fields)  # type: ignore[arg-type]


def table(*deployments: Deployment, previous: Table | None = None, **routing: object) -> Table:
    return Table(Snapshot(revision=1, deployments=deployments, routing=Routing(**routing)), previous)  # type: ignore[arg-type]


def test_request_head_is_complete_and_rendered_once() -> None:
    target = (
        table(deployment("a", api_key=Secret("sk-upstream"), query="v=1", headers=(("x-org", "o"),)))
        .groups["g"]
        .targets[0]
    )
    head = target.ways["chat"].prefix
    assert head.startswith(b"POST /v1/chat/completions?v=1 HTTP/1.1\r\nhost: api.example.com\r\n")
    assert b"\r\nauthorization: Bearer sk-upstream\r\n" in head
    assert b"\r\nx-org: o\r\n" in head
    assert head.endswith(b"\r\ncontent-length: ")


def test_model_in_the_path_is_one_encoded_segment() -> None:
    paths = {"chat": "/openai/deployments/{model}/chat/completions"}
    fixed = table(deployment("a", model="gpt 4/o", paths=paths)).groups["g"].targets[0]
    assert b"POST /v1/openai/deployments/gpt%204%2Fo/chat/completions HTTP" in fixed.ways["chat"].prefix
    free = table(deployment("a", group="azure/*", model="*", paths=paths)).groups["azure/*"].targets[0]
    assert b"/deployments/x%0D%0AHost%3A%20evil/chat" in free.named(free.ways["chat"].prefix, "x\r\nHost: evil")


def test_a_stream_may_have_a_path_of_its_own() -> None:
    paths = {"generate": "/models/{model}:generateContent"}
    fixed = table(deployment("a", paths=paths, query="v=1")).groups["g"].targets[0]
    way = fixed.ways["generate"]
    assert way.prefix.startswith(b"POST /v1/models/up:generateContent?v=1 HTTP")
    assert way.streaming.startswith(b"POST /v1/models/up:streamGenerateContent?alt=sse&v=1 HTTP")
    assert fixed.ways["chat"].streaming == way.streaming
    free = table(deployment("a", group="g/*", model="*", paths=paths)).groups["g/*"].targets[0]
    streaming = free.named(free.ways["messages"].streaming, "a/b")
    assert streaming.startswith(b"POST /v1/models/a%2Fb:streamGenerateContent?alt=sse HTTP")


def test_a_line_break_in_a_configured_header_is_refused() -> None:
    with pytest.raises(ValueError, match="header"):
        table(deployment("a", headers=(("x", "a\r\nb: c"),)))


def test_wildcards_match_by_prefix_the_longest_first() -> None:
    routes = table(
        deployment("any", "*", model="*"),
        deployment("openai", "openai/*", model="*"),
        deployment("ft", "openai/ft-*", model="ft-*"),
        deployment("exact", "openai/gpt"),
    )
    found = {name: routes.find(name) for name in ("openai/gpt", "openai/gpt-5", "openai/ft-7", "else")}
    assert {name: pair[0].name for name, pair in found.items() if pair} == {
        "openai/gpt": "openai/gpt", "openai/gpt-5": "openai/*", "openai/ft-7": "openai/ft-*", "else": "*",
    }  # fmt: skip
    assert routes.groups["openai/*"].targets[0].upstream_model("openai/gpt-5") == "gpt-5"
    assert routes.groups["openai/ft-*"].targets[0].upstream_model("openai/ft-7") == "ft-7"
    assert routes.groups["*"].targets[0].upstream_model("else") == "else"


def test_a_mock_of_a_model_without_chats_is_none() -> None:
    routes = table(deployment("a", "e", paths={}, mock_response="x"), deployment("b", "c", mock_response="x"))
    assert not routes.groups["e"].operations
    assert {"chat", "messages"} <= routes.groups["c"].operations


def test_the_name_of_a_wildcard_is_no_model() -> None:
    routes = table(
        deployment("openai", "openai/*", model="*"),
        deployment("one", "one-*", model="gpt"),
        deployment("theirs", "own/*", model="*", team_id="t"),
        aliases={"all": "openai/*"},
        fallbacks={"one-*": ("openai/*", "openai/gpt")},
    )
    assert [routes.find(name) for name in ("openai/*", "openai/", "all")] == [None] * 3
    assert [routes.find(name, "t") for name in ("own/*", "own/", "openai/*")] == [None] * 3
    assert routes.find("openai/x*") is not None, "whether there is such a model is for the provider to say"
    assert routes.find("one-*") is not None, "they are one model"
    alone = table(deployment("any", "*", model="*"))
    assert alone.find("*") is None
    assert alone.find("else") is not None


def test_alias_is_followed_once_also_to_a_wildcard() -> None:
    routes = table(deployment("a", "openai/*", model="*"), aliases={"fast": "openai/mini", "loop": "loop"})
    found = routes.find("fast")
    assert found is not None
    assert (found[0].name, found[1]) == ("openai/*", "openai/mini")
    assert routes.find("loop") is None
    assert routes.find("nothing") is None


def test_worst_case_covers_the_fallbacks() -> None:
    dear = Prices(input=5, output=6, reasoning=9, cache_write_1h=8, request=3)
    routes = table(
        deployment("a", "cheap", prices=Prices(input=1, output=2), max_output_tokens=100),
        deployment("b", "dear", prices=dear),
        fallbacks={"cheap": ("dear",)},
    )
    cheap = routes.groups["cheap"]
    worst = routes.worst(cheap, "cheap")
    assert [each.input for each in worst.prices] == [1, 5]
    assert worst._replace(prices=()) == Worst(8, 9, 3, UNKNOWN_OUTPUT_LIMIT)
    assert routes.worst(routes.groups["dear"], "dear")._replace(prices=()) == Worst(8, 9, 3, UNKNOWN_OUTPUT_LIMIT)


def test_a_wildcard_costs_what_its_model_costs() -> None:
    listed = {"openai": {"big": PricedModel(prices=Prices(version="t", input=7, output=8), max_output_tokens=99)}}
    snapshot = Snapshot(revision=1, deployments=(deployment("a", "openai/*", model="*"),), price_lists=listed)
    routes = Table(snapshot)
    group = routes.groups["openai/*"]
    assert routes.worst(group, "openai/big")._replace(prices=()) == Worst(7, 8, 0, 99)
    assert routes.worst(group, "openai/unheard-of")._replace(prices=()) == Worst(0, 0, 0, UNKNOWN_OUTPUT_LIMIT)
    assert group.targets[0].priced("big").prices.version == "t"


def test_prices_in_the_configuration_beat_the_list() -> None:
    listed = {"openai": {"big": PricedModel(prices=Prices(input=7))}}
    own = deployment("a", "openai/*", model="*", prices=Prices(version="config", input=1))
    routes = Table(Snapshot(revision=1, deployments=(own,), price_lists=listed))
    assert routes.worst(routes.groups["openai/*"], "openai/big").input == 1


def test_fallbacks_are_bounded_and_never_the_group_itself() -> None:
    routes = table(deployment("a"), default_fallbacks=("g", "x", "y", "z"), max_fallbacks=2)
    assert routes.groups["g"].fallbacks == Fallbacks(("x", "y"))
    assert table(deployment("a"), fallbacks={"*": ("w",)}).groups["g"].fallbacks == Fallbacks(("w",))
    assert table(deployment("a"), fallbacks={"g": ()}, default_fallbacks=("x",)).groups["g"].fallbacks == Fallbacks()


def test_health_survives_a_reload() -> None:
    first = table(deployment("a"))
    first.groups["g"].targets[0].health.rest(0.0, 99.0)
    second = table(deployment("a"), deployment("b"), previous=first)
    assert [t.health.cooldown_until for t in second.groups["g"].targets] == [99.0, 0.0]


def test_worst_case_of_long_inputs() -> None:
    tiers = (
        PriceTier(above=200_000, prices=Prices(input=5, output=6)),
        PriceTier(above=500_000, prices=Prices(input=4, output=9)),
    )
    tiered = deployment("a", prices=Prices(input=1, output=2, tiers=tiers), max_output_tokens=9)
    plain = deployment("b", prices=Prices(input=3, output=1), max_output_tokens=7)
    worst = table(tiered, plain).groups["g"].worst
    assert worst[:5] == (3, 2, 0, 9, 200_000)
    assert worst.long == Worst(5, 9, 0, 9)


def test_worst_case_covers_all_kinds_of_fallbacks_and_those_of_the_request() -> None:
    routes = table(
        deployment("a", "g", prices=Prices(input=1)),
        deployment("b", "big", prices=Prices(input=5)),
        deployment("c", "other", prices=Prices(input=9)),
        context_window_fallbacks={"g": ("big",)},
    )
    assert routes.groups["g"].worst.input == 5
    assert routes.worst(routes.groups["g"], "g", None, ("other",)).input == 9


def test_worst_case_knows_that_a_fallback_may_be_a_teams_own() -> None:
    routes = table(
        deployment("a", "g", prices=Prices(input=1)),
        deployment("b", "big", prices=Prices(input=5)),
        deployment("c", "big", team_id="t", prices=Prices(input=9)),
        fallbacks={"g": ("big",)},
    )
    group = routes.groups["g"]
    assert [routes.worst(group, "g", team).input for team in (None, "u", "t")] == [5, 5, 9]


def test_a_deployment_may_have_its_own_rest() -> None:
    routes = table(deployment("a", cooldown_s=9.0), deployment("b"), cooldown_s=5.0)
    assert [target.cooldown_s for target in routes.targets] == [9.0, 5.0]
    assert table(deployment("a", cooldown_s=9.0), cooldown_s=0.0).targets[0].cooldown_s == 0.0


def test_special_fallbacks_by_model_or_for_all() -> None:
    routes = table(
        deployment("a"), deployment("b", "h"),
        context_window_fallbacks={"g": ("x",), "*": ("y",)}, content_policy_fallbacks={"*": ("g", "z")},
    )  # fmt: skip
    assert routes.groups["g"].fallbacks == Fallbacks((), ("x",), ("z",))
    assert routes.groups["h"].fallbacks == Fallbacks((), ("y",), ("g", "z"))
    assert routes.groups["h"].fallbacks.of("content_policy") == ("g", "z")
    assert routes.groups["h"].fallbacks.names() == ("y", "g", "z")


def test_a_routing_of_ones_own_shares_deployments_and_their_state() -> None:
    base = table(deployment("a", timeout_s=9.0), deployment("b", "other"), fallbacks={"g": ("other",)})
    own = OwnRouting(
        name="n", said=("fallbacks", "timeout_s"), values=Routing(fallbacks={"other": ("g",)}, timeout_s=3.0)
    )
    made = base.of_own(own)
    assert base.of_own(own) is made
    mine, theirs = made.groups["g"].targets[0], base.groups["g"].targets[0]
    assert mine.health is theirs.health
    assert (mine.timeouts.total_s, theirs.timeouts.total_s) == (3.0, 9.0)
    assert made.groups["g"].fallbacks.general == ("other",)
    assert made.groups["other"].fallbacks.general == ("g",)
    assert base.groups["other"].fallbacks.general == ()
    key = KeyRecord(id="k")
    assert made.permits(key) is not base.permits(key)
    base.mark_unhealthy(frozenset({"a"}))
    assert made.unhealthy == {"a"}
    made.permits(key)["m"] = of_key(key, "g", made)
    base.forget(key)
    assert made.permits(key) == {}
    for number in range(MAX_DERIVED + 1):
        base.of_own(OwnRouting(name=str(number), said=("num_retries",), values=Routing(num_retries=number)))
    assert base.of_own(own) is not made


def test_models_of_a_wildcard_have_the_timeouts_of_ones_own_routing() -> None:
    base = table(deployment("a", group="g/*", model="*", timeout_s=9.0))
    (theirs,) = base.groups["g/*"].bound(base.targets, "m")
    own = OwnRouting(name="n", said=("timeout_s",), values=Routing(timeout_s=3.0))
    made = base.of_own(own)
    (mine,) = made.groups["g/*"].bound(made.targets, "m")
    assert (mine.timeouts.total_s, theirs.timeouts.total_s) == (3.0, 9.0)
    assert mine.health is theirs.health
