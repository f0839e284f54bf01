from __future__ import annotations

from dataclasses import fields, replace

from tests.unit.store.samples import key_row

from phantom_gateway.control.policy.key_fields import SETTABLE, changed, refused
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.store.keys import KeyRow

NOT_FIELDS = {"id", "key_name", "created_at", "created_by", "updated_at", "updated_by", "revision", "budget_anchor"}
WITH_THE_VALUE = {"rotated_at", "rotations"}


def test_every_column_of_a_key_is_seen_to_change() -> None:
    before = key_row()
    for column in fields(KeyRow):
        value = {"n": 1} if column.name in ("extra", "metadata") else "changed"
        found = changed(before, replace(before, **{column.name: value}))  # type: ignore[arg-type]
        expected = 0 if column.name in NOT_FIELDS | WITH_THE_VALUE else 1
        assert len(found) == expected, column.name


def test_what_is_kept_is_named_by_its_field() -> None:
    found = changed(key_row(extra={"config": {}, "agent_id": "a"}), key_row(extra={"agent_id": "b"}))
    assert found == {"agent_id", "config"}


def test_a_keys_share_of_a_model_is_for_administrators() -> None:
    before, after = key_row(metadata={"a": 1}), key_row(metadata={"a": 2, "priority": "live"})
    assert changed(before, after) == {"metadata", "metadata.priority"}
    assert changed(after, replace(after, metadata={"priority": "live"})) == {"metadata"}
    for relation in Relation:
        assert refused(relation, frozenset({"metadata.priority"}), new=True) == ["metadata.priority"]


def test_what_is_not_listed_is_for_administrators() -> None:
    for relation in Relation:
        for field in ("budget_id", "permissions", "config", "agent_id", "disable_global_guardrails", "surprise"):
            assert refused(relation, frozenset({field}), new=True) == [field]


def test_the_stronger_may_set_what_the_weaker_may() -> None:
    assert SETTABLE[Relation.USER] <= SETTABLE[Relation.MEMBER] <= SETTABLE[Relation.TEAM_ADMIN]
    assert SETTABLE[Relation.TEAM_ADMIN] < SETTABLE[Relation.ORG_ADMIN]
    assert refused(Relation.USER, frozenset({"blocked", "models", "tags"}), new=False) == ["blocked", "tags"]
    assert refused(Relation.USER, frozenset({"tags"}), new=True) == []
    assert refused(Relation.VIEWER, frozenset({"models"}), new=True) == ["models"]
