from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from tests.unit.spine.samples import FROM_CONTROL, FROM_WORKER, KEY, LIMIT

from phantom_gateway.spine import messages


def struct_types() -> list[Any]:
    return [kind for kind in vars(messages).values() if isinstance(kind, type) and issubclass(kind, msgspec.Struct)]


def test_both_directions_know_all_messages() -> None:
    sent = {type(message) for message in FROM_WORKER}, {type(message) for message in FROM_CONTROL}
    assert sent == (set(get_args(messages.ToControl)), set(get_args(messages.ToWorker)))
    every = {kind for kind in struct_types() if issubclass(kind, messages.Message)} - {messages.Message}
    assert every == sent[0] | sent[1]


def test_tags_are_unique() -> None:
    tags = [type(message).__struct_config__.tag for message in (*FROM_WORKER, *FROM_CONTROL)]
    assert len(set(tags)) == len({type(message) for message in (*FROM_WORKER, *FROM_CONTROL)})
    assert None not in tags


@pytest.mark.parametrize("message", [*FROM_WORKER, *FROM_CONTROL], ids=lambda message: type(message).__name__)
def test_messages_never_change(message: Any) -> None:
    with pytest.raises(AttributeError):
        setattr(message, message.__struct_fields__[0], None)


def test_a_record_carries_no_key() -> None:
    assert not {"key", "token", "secret"} & set(messages.KeyRecord.__struct_fields__)
    assert KEY.limits == (LIMIT,)


def test_answers_repeat_the_number_of_their_question() -> None:
    for kind in (messages.Resolve, messages.Resolved, messages.LeaseAsk, messages.LeaseGrant):
        assert "seq" in kind.__struct_fields__
        assert "seq" not in dict(
            zip(reversed(kind.__struct_fields__), reversed(kind.__struct_defaults__), strict=False)
        )


def test_a_spend_stands_in_journals_as_three_values() -> None:
    """Its fields may not be reordered: journals outlive releases."""
    assert messages.Spend._fields == ("scope", "window_start", "amount")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(messages.Spend("s", 1.5, 7))) == ["s", 1.5, 7]


@pytest.mark.parametrize("count", [0, 1, 15, 16, 300])
def test_packed_spends_are_written_like_others(count: int) -> None:
    spends = [messages.Spend(f"budget:key:{n}:30d", float(n), 1_000_000 * n) for n in range(count)]
    parts = messages.packed_windows([messages.packed_window(each.scope, each.window_start) for each in spends])
    for amount in (0, 1, 255, 10**9, 10**18):
        expected = [each._replace(amount=amount) for each in spends]
        assert msgspec.msgpack.encode(amount).join(parts) == msgspec.msgpack.encode(expected)
