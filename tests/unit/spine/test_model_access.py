from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.spine.model_access import Found, ModelNames
from phantom_gateway.spine.snapshot import Address, Deployment, Routing, Snapshot

ADDRESS = Address(scheme="http", host="127.0.0.1", port=1)


def names(*groups: str, access: dict[str, tuple[str, ...]] | None = None, **aliases: str) -> ModelNames:
    """The names of a configuration with these groups; ``access``: access groups by group."""
    deployments = tuple(
        Deployment(
            id=name, group=name, provider="p", model="up", address=ADDRESS, access_groups=(access or {}).get(name, ())
        )
        for name in groups
    )
    routing = Routing(aliases=aliases, hidden_aliases=frozenset({"hidden"}))
    return ModelNames(Snapshot(revision=1, deployments=deployments, routing=routing))


@pytest.mark.parametrize(
    ("allowed", "model", "may"),
    [
        ((), "gpt", True),
        (("gpt",), "gpt", True),
        (("gpt",), "other", False),
        (("*",), "anything", True),
        (("all-proxy-models",), "anything", True),
        (("all-team-models",), "gpt", True),
        (("no-default-models",), "gpt", False),
        (("no-default-models", "gpt"), "gpt", True),
        (("openai/*",), "openai/gpt-5", True),
        (("openai/*",), "groq/llama", False),
        (("openai/*",), "openai", False),
        (("openai/m*",), "small", True),
        (("openai/o*",), "small", False),
        (("gpt",), "fast", True),
        (("openai/mini",), "small", True),
        (("openai/*",), "small", True),
        (("other",), "fast", False),
        (("beta",), "gpt", True),
        (("beta",), "fast", True),
        (("beta",), "other", False),
        (("beta",), "beta", False),
    ],
)
def test_which_models_a_list_admits(allowed: tuple[str, ...], model: str, may: bool) -> None:
    table = names("gpt", "other", "openai/*", access={"gpt": ("beta",)}, fast="gpt", small="openai/mini")
    if model == "beta":
        assert not table.is_usable(KeyRecord(id="k", models=allowed), model)
    else:
        assert table.admits(allowed, model) is may


@given(st.text(max_size=20), st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4))
def test_a_list_never_admits_what_no_entry_matches(model: str, allowed: list[str]) -> None:
    if names("gpt").admits(tuple(allowed), model):
        assert any(
            entry in (model, "*", "all-proxy-models", "all-team-models", "all-org-models")
            or (entry.endswith("*") and model.startswith(entry[:-1]))
            for entry in allowed
        )


@pytest.mark.parametrize("whose", ["team", "member", "user", "project", "org"])
def test_every_list_on_the_way_up_must_admit(whose: str) -> None:
    table = names("a", "b")
    key = KeyRecord(id="k", models=("a", "b"), model_lists=(("team", ("a", "b")), (whose, ("b",))))
    assert table.refused_by(key, "a") == whose
    assert table.refused_by(key, "b") is None
    assert table.usable(key) == ["b"]


MODELS = ("a", "b", "fast", "w/*", "w/one", "grp", "*", "nothing")
lists = st.lists(st.sampled_from(MODELS), max_size=3).map(tuple)


@given(lists, st.lists(st.tuples(st.sampled_from(("team", "user", "org")), lists), max_size=3).map(tuple))
def test_discovery_names_exactly_what_may_be_called(
    own: tuple[str, ...], above: tuple[tuple[str, tuple[str, ...]], ...]
) -> None:
    table = names("a", "b", "w/*", access={"b": ("grp",)}, fast="a")
    key = KeyRecord(id="k", models=own, model_lists=above, model_aliases={"mine": "b"})
    usable = table.usable(key)
    for name in ("a", "b", "fast", "w/*", "mine"):
        model = key.model_aliases.get(name, name)
        admitted = all(table.admits(models, model) for models in (own, *[names_ for _, names_ in above]))
        assert (name in usable) is admitted
    assert len(set(usable)) == len(usable)


def test_the_models_of_a_wildcard_are_named_by_the_lists() -> None:
    table = names("openai/*", hidden="openai/x")
    assert table.usable(KeyRecord(id="k", models=("openai/gpt-5", "groq/x"))) == ["openai/gpt-5"]
    assert table.usable(KeyRecord(id="k")) == ["openai/*"]


def test_what_a_name_is_served_by() -> None:
    table = names("gpt", "a/*", "a/b/*", fast="gpt", wild="a/b/c")
    assert table.find("gpt") == Found("gpt", "gpt")
    assert table.find("fast") == Found("gpt", "gpt")
    assert table.find("a/b/x") == Found("a/b/*", "a/b/x")
    assert table.find("wild") == Found("a/b/*", "a/b/c")
    assert table.find("nope") is None


def test_the_deployments_of_a_team_serve_the_team_and_nobody_else() -> None:
    def deployment(group: str, team_id: str = "") -> Deployment:
        return Deployment(id=group, group=group, provider="p", model="up", address=ADDRESS, team_id=team_id)

    owned = [deployment("gpt", team_id="t1"), deployment("gpt"), deployment("own", team_id="t1"), deployment("w/*")]
    owned += [deployment("w/x*", team_id="t1"), deployment("w/*", team_id="t2")]
    table = ModelNames(Snapshot(revision=1, deployments=tuple(owned)))
    assert table.find("gpt", "t1") == Found("gpt", "gpt", "t1")
    assert table.find("gpt", "t2") == table.find("gpt") == Found("gpt", "gpt")
    assert (table.find("own", "t1"), table.find("own"), table.find("own", "t2")) == (
        Found("own", "own", "t1"),
        None,
        None,
    )
    assert table.find("w/xy", "t1") == Found("w/x*", "w/xy", "t1")
    assert table.find("w/y", "t1") == Found("w/*", "w/y")
    assert table.find("w/y", "t2") == Found("w/*", "w/y", "t2"), "its own before those of everybody"
    mine, other = KeyRecord(id="a", team_id="t1"), KeyRecord(id="b")
    assert "own" in table.usable(mine)
    assert "own" not in table.usable(other)
    assert table.served(other) == {("gpt", ""), ("w/*", "")}
    assert ("gpt", "t1") in table.served(mine)
    assert ("gpt", "") not in table.served(mine)
