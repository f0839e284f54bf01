"""Names of answers: everything that could change an answer changes its name, and spelling does not."""

from __future__ import annotations

import json
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.rig import deployment

from phantom_gateway.config.secret import Secret
from phantom_gateway.dialects.operations import CHAT
from phantom_gateway.gateway import body
from phantom_gateway.gateway.caching.naming import (
    APART,
    Ambiguous,
    Facts,
    canonical,
    forwarded,
    name_of,
    revision_of,
    scope_of,
)
from phantom_gateway.gateway.health import Health
from phantom_gateway.gateway.table import Target
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.spine.snapshot import Address, Deployment, Snapshot, TokenGrant

SECRET = b"s" * 32
FACTS = Facts(scope="key:1", operation="chat", models=("a", "b", "c"), revision=b"r" * 32)


def spelled(raw: bytes) -> bytes:
    return canonical(body.parse(raw, CHAT, ""))


def named(fields: dict[str, Any]) -> str:
    return name_of(SECRET, FACTS, spelled(json.dumps({"model": "m"} | fields).encode()))


_LEAVES = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
_VALUES = st.recursive(
    _LEAVES | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcde\u00e9\u20ac", max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
_FIELDS = st.dictionaries(
    st.sampled_from(["messages", "temperature", "x", "metadata", "tools", "seed"]), _VALUES, max_size=5
)


def _shuffled(value: Any, draw: random.Random) -> Any:
    if isinstance(value, dict):
        entries = [(name, _shuffled(each, draw)) for name, each in value.items()]
        draw.shuffle(entries)
        return dict(entries)
    return [_shuffled(each, draw) for each in value] if isinstance(value, list) else value


@given(_FIELDS, st.randoms(use_true_random=False), st.booleans(), st.sampled_from([None, (", ", ": "), (",", ":")]))
def test_spelling_does_not_matter(fields: dict[str, Any], draw: random.Random, escaped: bool, style: Any) -> None:
    other = json.dumps(_shuffled({"model": "m"} | fields, draw), ensure_ascii=escaped, separators=style)
    assert spelled(other.encode()) == spelled(json.dumps({"model": "m"} | fields).encode())


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: numbers by their digits, so that 1, 1.0 and true differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@given(_FIELDS, st.sampled_from(["messages", "temperature", "x", "metadata", "tools", "seed", "unheard_of"]), _VALUES)
def test_any_change_is_another_name(fields: dict[str, Any], changed: str, value: Any) -> None:
    other = fields | {changed: value}
    assert (named(other) == named(fields)) == (changed in fields and _same(fields[changed], value))


@given(_FIELDS, st.sampled_from(["messages", "x"]))
def test_a_field_left_out_is_another_name(fields: dict[str, Any], name: str) -> None:
    without = {each: value for each, value in fields.items() if each != name}
    assert (named(without) == named(fields)) == (name not in fields)


@pytest.mark.parametrize(
    ("one", "other"),
    [("1", "1.0"), ("1e2", "100"), ("0.1", "0.10"), ("123456789012345678901", "123456789012345678902"),
     ("1.00000000000000000001", "1.0"), ('"1"', "1"), ('"1.5"', "1.5"), ("null", "false"), ("[]", "{}"), ('""', "null")],
)  # fmt: skip
def test_numbers_keep_their_digits(one: str, other: str) -> None:
    first, second = [spelled(b'{"model":"m","x":[%b]}' % text.encode()) for text in (one, other)]
    assert first != second


def test_fields_for_the_gateway_are_left_out() -> None:
    plain = named({"messages": []})
    for name in APART - {"metadata"}:
        assert named({"messages": [], name: "x"}) == plain
    assert named({"messages": [], "guardrails": ["x"]}) != plain


@pytest.mark.parametrize(
    "raw",
    [
        b'{"model":"m","x":{"a":1,"a":2}}',
        b'{"model":"m","x":[{"a":1,"\\u0061":2}]}',
    ],
)
def test_two_readings_or_none(raw: bytes) -> None:
    with pytest.raises(Ambiguous):
        spelled(raw)


@pytest.mark.parametrize(
    "changed",
    [
        {"scope": "key:2"}, {"scope": "team:1"}, {"operation": "completions"}, {"models": ("a", "b", "d")},
        {"models": ("ab", "", "c")}, {"models": ("a", "b")}, {"revision": b"q" * 32}, {"namespace": "n"}, {"end_user": "u"},
        {"tags": ("t",)}, {"tags": ("", "t")}, {"headers": (b"2023-06-01", b"")}, {"headers": (b"", b"2023-06-01")},
        {"shows_usage": True},
    ],
)  # fmt: skip
def test_every_fact_counts(changed: dict[str, Any]) -> None:
    assert name_of(SECRET, FACTS._replace(**changed), b"{}") != name_of(SECRET, FACTS, b"{}")


def test_pieces_do_not_run_together() -> None:
    one = FACTS._replace(tags=("a", "b"), headers=())
    other = FACTS._replace(tags=("a",), headers=(b"b",))
    assert name_of(SECRET, one, b"{}") != name_of(SECRET, other, b"{}")


def test_the_namespace_stands_before_it() -> None:
    namespace, _, digest = name_of(SECRET, FACTS._replace(namespace="a:b"), b"{}").rpartition(":")
    assert namespace == "a:b"
    assert len(digest) == 64
    assert name_of(b"t" * 32, FACTS, b"{}") != name_of(SECRET, FACTS, b"{}")


@pytest.mark.parametrize(
    ("key", "scopes"),
    [
        (KeyRecord(id="k", team_id="t", org_id="o"), ("key:k", "team:t", "org:o")),
        (KeyRecord(id="k", team_id="t"), ("key:k", "team:t", "key:k")),
        (KeyRecord(id="k", org_id="o"), ("key:k", "key:k", "org:o")),
        (KeyRecord(id="k"), ("key:k", "key:k", "key:k")),
        (KeyRecord(id="k", user_id="u", team_id="t"), ("key:k/u", "team:t", "key:k/u")),
        (KeyRecord(id="", team_id="t", org_id="o"), (None, None, None)),
    ],
)
def test_who_shares(key: KeyRecord, scopes: tuple[str | None, ...]) -> None:
    assert (scope_of(key, "key"), scope_of(key, "team"), scope_of(key, "organization")) == scopes


def test_headers_that_go_on() -> None:
    plain, beta = forwarded({}), forwarded({b"anthropic-beta": b"x"})
    assert plain != beta
    assert len(plain) == len(beta)
    assert forwarded({b"user-agent": b"x"}) == plain


def target(**fields: Any) -> Target:
    return Target(deployment(1, **fields), Snapshot(revision=1), Health())


def test_a_revision_knows_every_setting() -> None:
    plain = revision_of([target()])
    assert revision_of([target()]) == plain
    for fields in (
        {"model": "up2"},
        {"defaults": {"a": 1}},
        {"api_key": Secret("sk-2")},
        {"without": frozenset({"a"})},
    ):
        assert revision_of([target(**fields)]) != plain
    assert revision_of([target(), target(name="d2")]) == revision_of([target(name="d2"), target()]) != plain


def test_a_revision_knows_with_what_tokens_are_had_and_no_token() -> None:
    address = Address(scheme="https", host="login.example")
    grant = TokenGrant(address=address, path="/t", client_id="c", client_secret=Secret("s"), scope="s")
    taken = target(grant=grant, api_key=None)
    plain = revision_of([taken])
    taken.sign(Secret("token"))
    assert revision_of([taken]) == plain
    assert revision_of([target(grant=msgspec.structs.replace(grant, client_id="d"), api_key=None)]) != plain


def test_a_revision_does_not_depend_on_order() -> None:
    many = frozenset(f"field{number}" for number in range(50))
    one = target(without=many, defaults={"a": 1, "b": 2})
    other = target(without=frozenset(sorted(many, reverse=True)), defaults={"b": 2, "a": 1})
    assert revision_of([one]) == revision_of([other])
    assert isinstance(one.deployment, Deployment)
    assert msgspec.structs.replace(one.deployment, weight=2.0) != one.deployment
