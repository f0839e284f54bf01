"""How long answers take: counts in fixed logarithmic bins, so that days, models and nodes add up and percentiles follow.

A bin is a quarter of a doubling (19 %) wide; a percentile is interpolated within its bin, so it is off by some percent at most.
What the bins are may never change: they are what stored counts mean. Counts are kept by UTC day of the kinds in ``KINDS`` alone,
of requests that succeeded.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from phantom_gateway.store.rollup_tables import LATENCY_SPREAD

BOUNDS: tuple[int, ...] = tuple([round(1_000 * 2 ** (n / 4)) for n in range(89)])
"""Microseconds at which a bin ends and the next begins: from a millisecond to over an hour."""
FIRSTS = 1_000
"""Added to the bin of a time to the first byte, where one number names both."""
KINDS = ("model", "owner")


class Spread(NamedTuple):
    """Counts by bin. ``answers``: whole answers; ``firsts``: first bytes."""

    answers: Mapping[int, int]
    firsts: Mapping[int, int]


def quantile(counts: Mapping[int, int], share: float) -> int | None:
    """The time in microseconds that ``share`` of all were not longer than; ``None`` of nothing."""
    total = sum(counts.values())
    if total <= 0:
        return None
    rank, seen = share * total, 0
    place = low = high = 0
    for place in sorted(counts):
        count = counts[place]
        low, high = _edges(place)
        if seen + count >= rank:
            within = (rank - seen) / count
            return int(low * float(high / low) ** within)
        seen += count
    return high


@functools.cache
def bin_in_sql(column: str) -> sa.ColumnElement[int]:
    """The bin of the time in a column, as ``bisect_right(BOUNDS, time)`` finds it: a tree of comparisons.

    ``column`` is trusted SQL. The tree is text, because SQLAlchemy would walk through all of it for every statement.
    """
    return sa.literal_column(_tree(column, 0, len(BOUNDS)), sa.BigInteger)


def merged(rows: Sequence[tuple[int, int, int]]) -> Spread:
    """Of (bin, answers, firsts)."""
    answers: dict[int, int] = {}
    firsts: dict[int, int] = {}
    for place, whole, first in rows:
        if whole:
            answers[place] = answers.get(place, 0) + int(whole)
        if first:
            firsts[place] = firsts.get(place, 0) + int(first)
    return Spread(answers, firsts)


def clear(connection: sa.Connection) -> None:
    """Forget all counts."""
    connection.execute(sa.delete(LATENCY_SPREAD))


def _edges(place: int) -> tuple[int, int]:
    low = BOUNDS[place - 1] if place else BOUNDS[0] // 2
    return low, BOUNDS[place] if place < len(BOUNDS) else 2 * low


def _tree(column: str, low: int, high: int) -> str:
    if low == high:
        return str(low)
    middle = (low + high) // 2
    below, above = _tree(column, low, middle), _tree(column, middle + 1, high)
    return f"CASE WHEN {column} < {BOUNDS[middle]} THEN {below} ELSE {above} END"
