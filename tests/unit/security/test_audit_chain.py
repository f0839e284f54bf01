from __future__ import annotations

import hashlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.security.audit_chain import (
    CLOCK_TOLERANCE_US,
    GENESIS,
    Head,
    Reason,
    Record,
    Verifier,
    canonical,
    hash_of,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def record(seq: int = 1, prev: str = GENESIS, **fields: Any) -> Record:
    values: dict[str, Any] = {
        "action": "created", "actor": "ada", "actor_kind": "master", "after": '{"a":1}', "before": None, "changed_by": "ada",
        "event": "key.created", "key_id": "m", "node": "n", "object_id": "k", "request_id": "r", "result": "success",
        "table_name": "T", "team_id": "", "tenant": "", "ts": 5,
    }  # fmt: skip
    return Record(seq=seq, prev=prev, **values | fields)


def chain(count: int) -> list[tuple[Record, str]]:
    made: list[tuple[Record, str]] = []
    for seq in range(1, count + 1):
        one = record(seq, made[-1][1] if made else GENESIS)
        made.append((one, hash_of(one)))
    return made


def verified(records: list[tuple[Record, str]], **fields: Any) -> Verifier:
    verifier = Verifier(**fields)
    for one, digest in records:
        verifier.take(one, digest)
    return verifier


@given(TEXT, TEXT, st.integers(0, 2**53))
def test_the_fast_form_is_the_canonical_form(text: str, other: str, number: int) -> None:
    one = record(actor=text, after=other, ts=number)
    assert msgspec.json.encode(one) == canonical(msgspec.structs.asdict(one)).encode()


def test_the_hash_is_pinned() -> None:
    """Every stored chain would break if this changed."""
    assert canonical(msgspec.structs.asdict(record())) == (
        '{"action":"created","actor":"ada","actor_kind":"master","after":"{\\"a\\":1}","before":null,"changed_by":"ada",'
        '"event":"key.created","key_id":"m","node":"n","object_id":"k","prev":"' + GENESIS + '","request_id":"r",'
        '"result":"success","seq":1,"table_name":"T","team_id":"","tenant":"","ts":5}'
    )
    assert hash_of(record()) == hashlib.sha256(canonical(msgspec.structs.asdict(record())).encode()).hexdigest()


@given(JSON)
def test_canonical_text_is_the_same_value_and_stays_what_it_is(value: Any) -> None:
    text = canonical(value)
    # To RFC 8785 every number is a double.
    again = json.loads(text, parse_int=float)
    assert again == value
    assert canonical(again) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        # The examples of RFC 8785, section 3.2.2 and appendix B.
        (333333333.33333329, "333333333.3333333"),
        (1e30, "1e+30"),
        (4.50, "4.5"),
        (2e-3, "0.002"),
        (0.000000000000000000000000001, "1e-27"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-1.7976931348623157e308, "-1.7976931348623157e+308"),
        (9007199254740994.0, "9007199254740994"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e23, "1e+23"),
        (1e21, "1e+21"),
        (999999999999999700000.0, "999999999999999700000"),
        (0.000001, "0.000001"),
        (1e-7, "1e-7"),
        (333333333.3333332, "333333333.3333332"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (2**63, "9223372036854775808"),
        ("\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"/", '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
        ({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7},
         '{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'),
    ],
)  # fmt: skip
def test_the_examples_of_the_rfc(value: Any, text: str) -> None:
    assert canonical(value) == text


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), {1: 2}, b"x", [set()]])
def test_what_json_has_not_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        canonical(value)


def test_a_sound_chain_holds() -> None:
    made = chain(5)
    verifier = verified(made)
    assert (verifier.fault, verifier.records, verifier.head) == (None, 5, Head(5, made[-1][1]))
    assert verifier.finish(Head(5, made[-1][1]), "x")
    assert verifier.finish(None, "x")


@given(st.integers(2, 8), st.data())
def test_any_damage_is_found_at_its_place(count: int, data: st.DataObject) -> None:
    made = chain(count)
    at = data.draw(st.integers(0, count - 1))
    kind = data.draw(st.sampled_from(("change", "remove", "swap", "double")))
    damaged = list(made)
    if kind == "change":
        damaged[at] = (msgspec.structs.replace(made[at][0], actor="eve"), made[at][1])
        expected: tuple[int, Reason] | None = (at + 1, Reason.CHANGED)
    elif kind == "remove":
        del damaged[at]
        expected = None if at == count - 1 else (at + 1, Reason.MISSING)
    elif kind == "swap":
        other = (at + 1) % count
        first, second = min(at, other), max(at, other)
        damaged[first], damaged[second] = (
            (msgspec.structs.replace(made[second][0], seq=first + 1), made[second][1]),
            (msgspec.structs.replace(made[first][0], seq=second + 1), made[first][1]),
        )
        expected = (first + 1, Reason.ORDER)
    else:
        damaged.insert(at + 1, made[at])
        expected = (at + 1, Reason.ORDER)
    verifier = verified(damaged)
    assert (verifier.fault and (verifier.fault.seq, verifier.fault.reason)) == expected
    if expected is None:
        assert not verifier.finish(Head(count, made[-1][1]), "the file")
        assert verifier.fault is not None
        assert verifier.fault.reason is Reason.TRUNCATED


def test_a_record_that_was_replaced_whole_breaks_the_link_after_it() -> None:
    made = chain(3)
    forged = msgspec.structs.replace(made[1][0], actor="eve")
    made[1] = (forged, hash_of(forged))
    fault = verified(made).fault
    assert fault is not None
    assert (fault.seq, fault.reason) == (3, Reason.LINK)


def test_a_chain_made_anew_is_not_the_one_that_is_remembered() -> None:
    made = chain(3)
    forged = [(one, hash_of(one)) for one in (record(actor="eve"),)]
    fault = verified(forged, known={1: made[0][1]}).fault
    assert fault is not None
    assert (fault.seq, fault.reason) == (1, Reason.REWRITTEN)


def test_after_a_fault_nothing_is_taken() -> None:
    made = chain(3)
    verifier = verified([made[0], made[2], made[1]])
    assert verifier.records == 1
    verifier.refuse(9, Reason.LINK, "later")
    assert verifier.fault is not None
    assert verifier.fault.seq == 2


def test_clocks_may_differ_a_little() -> None:
    verifier = Verifier()
    previous = GENESIS
    for seq, ts in enumerate((5_000_000, 5_000_000 - CLOCK_TOLERANCE_US, 1_000_000, 900_000), 1):
        one = record(seq, previous, ts=ts)
        previous = hash_of(one)
        assert verifier.take(one, previous)
    assert (verifier.clock_back, verifier.first_clock_back) == (1, 3)
