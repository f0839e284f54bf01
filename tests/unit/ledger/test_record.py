from __future__ import annotations

import msgspec
import pytest
from tests.unit.ledger.samples import closed, opened

from phantom_gateway.ledger.frames import MAX_PAYLOAD
from phantom_gateway.ledger.record import Closed, Opened, Record, Spend, clipped, decoder, encoder, storable
from phantom_gateway.ledger.usage import Usage

# The serialised form is for ever: these arrays were written by release 0.1.0 and may only grow at their ends.
OPENED_0_1_0 = [
    1, 7, "id", 5, "k", "g", "d", [["budget:key:k:30d", 0.0, 9]], 9, 3, "acompletion", "u", "t", "o", True, "m", "openai",
    "gpt", "e", ["x"], "alias", "s", "tr", "v",
]  # fmt: skip
CLOSED_0_1_0 = [
    2, 8, 7, "id", 5, 6, 4, "k", "alias", "u", "t", "o", "e", ["x"], "m", "g", "d", "openai", "gpt", "acompletion", True,
    "success", 200, "", [1, None, None, None, 0, None, None, None, None, "provider", []], [9, 9, 0, 0, 0, 0, 0, 0, 0], "v",
    [["budget:key:k:30d", 0.0, 9]], 1, 0, False, False, "s", "tr",
]  # fmt: skip


USAGE_FIELDS = 10
"""More has only the usage of the records that are nested, and that may have grown at its end, too."""


@pytest.mark.parametrize("array", [OPENED_0_1_0, CLOSED_0_1_0])
def test_what_was_written_stays_readable(array: list[object]) -> None:
    record = decoder.decode(msgspec.msgpack.encode(array))
    again = msgspec.msgpack.decode(encoder.encode(record))
    for written, kept in zip(array, again, strict=False):
        if isinstance(written, list) and len(written) > USAGE_FIELDS:
            assert kept[: len(written)] == written
        else:
            assert kept == written


@pytest.mark.parametrize("record", [opened(), closed()])
def test_fields_of_later_releases_are_ignored(record: Record) -> None:
    array = msgspec.msgpack.decode(encoder.encode(record))
    assert decoder.decode(msgspec.msgpack.encode([*array, "new", {"x": 1}])) == record


def test_missing_trailing_fields_get_their_defaults() -> None:
    record = decoder.decode(msgspec.msgpack.encode(CLOSED_0_1_0[:8]))
    assert isinstance(record, Closed)
    assert (record.key_id, record.status, record.spends) == ("k", "success", ())


def test_an_unknown_kind_is_an_error() -> None:
    with pytest.raises(msgspec.MsgspecError):
        decoder.decode(msgspec.msgpack.encode([3, 1, "x"]))


def test_none_and_zero_differ_after_the_journey() -> None:
    record = closed()
    record.usage = Usage(input=0, output=None, source="provider")
    back = decoder.decode(encoder.encode(record))
    assert isinstance(back, Closed)
    assert (back.usage.input, back.usage.output) == (0, None)


def test_a_monstrous_record_is_cut_and_kept() -> None:
    record = closed()
    for name in record.__struct_fields__:
        if isinstance(getattr(record, name), str | None) and name not in ("status", "ttft_us"):
            setattr(record, name, "\U0001f600" * 100_000)
    record.model = "bad \ud800 text"
    record.tags = tuple("t" * 5000 for _ in range(1000))
    record.cost = record.cost._replace(total=1 << 70)
    small = clipped(record)
    payload = encoder.encode(small)
    assert len(payload) <= MAX_PAYLOAD
    assert isinstance(small, Closed)
    assert small.model == "bad ? text"
    assert small.spends == record.spends
    assert isinstance(small.spends[0], Spend)
    assert small.usage == record.usage
    assert decoder.decode(payload) == small


def test_clipping_changes_nothing_in_a_normal_record() -> None:
    record = opened()
    assert clipped(record) == record
    assert isinstance(clipped(record), Opened)


@pytest.mark.parametrize("record", [opened(), closed()])
def test_a_record_without_nul_is_stored_as_it_is(record: Record) -> None:
    assert storable(record) is record


@pytest.mark.parametrize("record", [opened(), closed()])
def test_nul_is_replaced_in_every_text(record: Record) -> None:
    names = [
        name
        for name, value in zip(record.__struct_fields__, msgspec.structs.astuple(record), strict=True)
        if isinstance(value, str) and name != "status"
    ]
    for name in names:
        bad = msgspec.structs.replace(record, **{name: "a\0b"})
        assert getattr(storable(bad), name) == "a\ufffdb"
    bad = msgspec.structs.replace(record, tags=("x", "\0"), **{_charges(record): (Spend("budget:a\0:", 0.0, 3),)})
    clean = storable(bad)
    assert clean.tags == ("x", "\ufffd")
    assert getattr(clean, _charges(clean)) == (Spend("budget:a\ufffd:", 0.0, 3),)


def _charges(record: Record) -> str:
    return "spends" if isinstance(record, Closed) else "reserved"
