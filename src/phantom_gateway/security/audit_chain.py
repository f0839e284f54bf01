"""The chain of audit records: what is hashed, how, and what a break means.

``hash = SHA-256(canonical record)``; the record contains ``prev``, the hash of the record before it. So every record vouches
for all before it, and changing, removing or moving one shows. A tail that was cut off does not show in a chain: whoever
verifies must know how far it has been (``Verifier``'s ``known``).

The canonical form is RFC 8785. ``before`` and ``after`` are canonical JSON themselves and enter the record as text: they are
hashed as they are stored, byte by byte, and no reader has to parse them to verify.
"""

from __future__ import annotations

import enum
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

GENESIS = "0" * 64
"""``prev`` of the first record."""
CLOCK_TOLERANCE_US = 1_000_000
"""Clocks of several nodes may differ by as much without a word."""
_MOVED_WITHIN = 1000
_KEY_ORDER = "utf-16-be"


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One audit record without its hash. ``ts`` in Unix microseconds. Missing texts are empty.

    The fields stand in the order of RFC 8785: encoding the struct gives the canonical form (a test compares the two).
    """

    action: str
    actor: str
    """Who was authenticated."""
    actor_kind: str
    after: str | None
    before: str | None
    changed_by: str
    """In whose name, as the caller says it (``litellm-changed-by``), or the actor."""
    event: str
    key_id: str
    """The id of the key the actor came with."""
    node: str
    object_id: str
    prev: str
    request_id: str
    result: str
    seq: int
    table_name: str
    team_id: str
    """The team the object belongs to."""
    tenant: str
    """The organisation the object belongs to."""
    ts: int


def hash_of(record: Record) -> str:
    """Hex SHA-256 of the canonical form."""
    return hashlib.sha256(msgspec.json.encode(record)).hexdigest()


def canonical(value: Any) -> str:
    """``value`` as RFC 8785 JSON.

    Integers are written as they are, also beyond 2^53, where RFC 8785 would round them. Raises ValueError for NaN and
    infinities, TypeError for what JSON has not.
    """
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("a name in JSON is text")
        ordered = sorted(value.items(), key=lambda item: item[0].encode(_KEY_ORDER, "surrogatepass"))
        return "{" + ",".join(f"{canonical(key)}:{canonical(entry)}" for key, entry in ordered) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(canonical, value)) + "]"
    raise TypeError(f"{type(value).__name__} is not JSON")


def _number(value: float) -> str:
    """ECMAScript's Number::toString, as RFC 8785 asks: ``repr`` finds the same digits, but writes them otherwise."""
    if not math.isfinite(value):
        raise ValueError("JSON has neither NaN nor infinities")
    if value == 0:
        return "0"
    sign, digit_tuple, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    digits = "".join(map(str, digit_tuple))
    count, point = len(digits), len(digits) + exponent
    if count <= point <= 21:
        text = digits + "0" * (point - count)
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        fraction = f".{digits[1:]}" if count > 1 else ""
        text = f"{digits[0]}{fraction}e{point - 1:+d}"
    return f"-{text}" if sign else text


class Reason(enum.StrEnum):
    """What is wrong with a record."""

    CHANGED = "payload changed"
    LINK = "link broken"
    MISSING = "records missing"
    ORDER = "wrong order"
    TRUNCATED = "tail truncated"
    REWRITTEN = "chain rewritten"
    """Sound in itself, but not the chain that was seen before."""


@dataclass(frozen=True, slots=True)
class Fault:
    """The first record that does not hold. ``seq`` is its number, or the number of the first missing one."""

    seq: int
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Head:
    """How far a chain reaches; ``Head(0, GENESIS)`` is an empty one."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(slots=True)
class Verifier:
    """Takes records in the order of the log and finds the first that does not hold.

    ``known`` are hashes somebody remembers, by seq. After a fault nothing more is taken.
    """

    known: Mapping[int, str] = field(default_factory=dict)
    head: Head = Head()
    fault: Fault | None = None
    records: int = 0
    clock_back: int = 0
    """How often the clock went back: a warning, because clocks do."""
    first_clock_back: int = 0
    _ts: int = 0

    def take(self, record: Record, stored_hash: str) -> bool:
        """Check the next record; whether the chain holds so far."""
        if self.fault is not None:
            return False
        # The usual record costs one hash and four comparisons; what exactly is wrong is asked afterwards.
        actual = hash_of(record)
        if actual != stored_hash or record.seq != self.head.seq + 1 or record.prev != self.head.hash:
            self.fault = self._diagnosis(record, actual, stored_hash)
            return False
        if self.known and self.known.get(record.seq, actual) != actual:
            self.fault = Fault(record.seq, Reason.REWRITTEN, "the record that was seen here before had another hash")
            return False
        if record.ts < self._ts - CLOCK_TOLERANCE_US:
            self.clock_back += 1
            self.first_clock_back = self.first_clock_back or record.seq
        self._ts = record.ts
        self.records += 1
        self.head = Head(record.seq, actual)
        return True

    def finish(self, expected: Head | None, remembered_by: str) -> bool:
        """Compare the end with where the chain is known to reach; whether everything holds."""
        if self.fault is None and expected is not None:
            if expected.seq > self.head.seq:
                detail = f"the log ends at {self.head.seq}, {remembered_by} knows of {expected.seq}"
                self.fault = Fault(self.head.seq + 1, Reason.TRUNCATED, detail)
            elif expected.seq == self.head.seq and expected.hash != self.head.hash:
                self.fault = Fault(expected.seq, Reason.REWRITTEN, f"{remembered_by} remembers another last record")
        return self.fault is None

    def refuse(self, seq: int, reason: Reason, detail: str) -> None:
        """Note a fault that was found elsewhere, unless there is one already."""
        self.fault = self.fault or Fault(seq, reason, detail)

    def _diagnosis(self, record: Record, actual: str, stored_hash: str) -> Fault:
        expected = self.head.seq + 1
        if record.seq < expected:
            return Fault(record.seq, Reason.ORDER, f"stands after record {self.head.seq}")
        if actual != stored_hash:
            home = _home(record, stored_hash)
            if home:
                return Fault(record.seq, Reason.ORDER, f"the record that belongs at {home} stands here")
        if record.seq > expected:
            last = record.seq - 1
            which = f"record {expected} is" if last == expected else f"records {expected} to {last} are"
            return Fault(expected, Reason.MISSING, f"{which} not there")
        if actual != stored_hash:
            return Fault(record.seq, Reason.CHANGED, "its content does not match its hash")
        return Fault(record.seq, Reason.LINK, "it does not follow from the record before it")


def _home(record: Record, stored_hash: str) -> int:
    """Where a record that fails at its place would be sound; 0 when nowhere near."""
    for seq in range(max(1, record.seq - _MOVED_WITHIN), record.seq + _MOVED_WITHIN):
        if hash_of(msgspec.structs.replace(record, seq=seq)) == stored_hash:
            return seq
    return 0
