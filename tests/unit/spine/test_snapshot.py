from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.spine.samples import SNAPSHOT

from phantom_gateway.spine import snapshot
from phantom_gateway.spine.codec import encode, worker_decoder
from phantom_gateway.spine.messages import Welcome


def structs(value: Any) -> list[msgspec.Struct]:
    """``value`` and every struct inside it."""
    if isinstance(value, msgspec.Struct):
        inner = [getattr(value, name) for name in value.__struct_fields__]
        return [value, *(found for each in inner for found in structs(each))]
    if isinstance(value, tuple | list):
        return [found for each in value for found in structs(each)]
    return []


def test_nothing_in_a_snapshot_changes() -> None:
    for struct in structs(SNAPSHOT):
        with pytest.raises(AttributeError):
            setattr(struct, struct.__struct_fields__[0], None)


def test_an_empty_snapshot_is_a_snapshot() -> None:
    empty = snapshot.Snapshot(revision=1)
    (welcome,) = worker_decoder().feed(encode(Welcome(version=1, revision=1, snapshot=empty)))
    assert isinstance(welcome, Welcome)
    assert welcome.snapshot == empty


def test_no_credential_is_shown() -> None:
    text = repr(SNAPSHOT)
    for secret in ("sk-provider", "second", "u:p@", "abab"):
        assert secret not in text


def test_defaults_are_safe() -> None:
    limits = snapshot.HttpLimits()
    for name in limits.__struct_fields__:
        value = getattr(limits, name)
        assert value == () or 0 < value < float("inf"), name
    assert snapshot.Address(scheme="https").verify
    assert snapshot.Address(scheme="https").allow_private == ()
    assert snapshot.Settings().journal_sync == "group"
    assert snapshot.Prices().cache_read is None, "missing is not free"
