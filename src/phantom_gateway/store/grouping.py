"""What a batch of records adds up to by everything that sums are kept by: one look at each record, whatever is summed then.

Most records of a batch belong to the same few, so that what follows works on far fewer groups than there are records.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any

from phantom_gateway.ledger.record import Closed
from phantom_gateway.store.owners import Owners
from phantom_gateway.store.rollup_tables import HOUR_US, METRICS
from phantom_gateway.store.spread import BOUNDS, FIRSTS

Group = tuple[int, tuple[Any, ...]]
"""(hour, the fields ``OWNED`` and ``CALLED`` of a record)"""
Groups = dict[Group, tuple[list[int], dict[int, int]]]
"""By group the sums of its records: ``METRICS``, then when the last of them ended (Unix nanoseconds); and ``spread``'s bins."""

OWNED = len(Owners._fields)
"""How many of a group's fields say whom it belongs to, as ``Owners`` has them."""
CALLED = ("upstream_model", "model", "group", "provider", "call_type")
WIDTH = len(METRICS)
_HOUR_NS = HOUR_US * 1000
_fields: Callable[[Closed], tuple[Any, ...]] = attrgetter(*Owners._fields, *CALLED)


def owned(groups: Groups) -> Iterator[tuple[tuple[Any, ...], int, int, int]]:
    """What groups add to totals, as ``owners.sums`` takes it."""
    for (_, fields), (sums, _bins) in groups.items():
        yield fields[:OWNED], sums[3], sums[0], sums[WIDTH]


def grouped(closed: Iterable[Closed]) -> Groups:
    """The groups of these records."""
    groups: Groups = {}
    for record in closed:
        at_ns, duration_us, usage = record.at_ns, record.duration_us, record.usage
        if usage.media is not None:
            usage = usage.flat()
        group = (at_ns // _HOUR_NS, _fields(record))
        found = groups.get(group)
        if found is None:
            found = groups[group] = ([0] * (WIDTH + 1), {})
        sums, bins = found
        first_us, paid = record.ttft_us, record.cost
        sums[0] += 1
        if record.status == "success":
            sums[1] += 1
            place = bisect_right(BOUNDS, duration_us)
            bins[place] = bins.get(place, 0) + 1
            if first_us is not None:
                place = FIRSTS + bisect_right(BOUNDS, first_us)
                bins[place] = bins.get(place, 0) + 1
        else:
            sums[2] += 1
        sums[3] += paid.total
        sums[18] += record.saved
        sums[19] += paid.input
        sums[20] += paid.cache_read
        sums[21] += paid.cache_write
        if usage.input is None and usage.output is None:
            sums[13] += 1
        sums[4] += usage.input or 0
        sums[8] += usage.output or 0
        if not usage.plain():
            sums[5] += usage.cache_read or 0
            sums[6] += usage.cache_write_5m or 0
            sums[7] += usage.cache_write_1h or 0
            sums[9] += usage.reasoning or 0
            sums[10] += usage.audio_input or 0
            sums[11] += usage.audio_output or 0
            sums[12] += usage.images or 0
        if record.cache_hit:
            sums[14] += 1
        sums[15] += duration_us
        if first_us is not None:
            sums[16] += first_us
            sums[17] += 1
        ended = at_ns + duration_us * 1000
        if ended > sums[WIDTH]:
            sums[WIDTH] = ended
    return groups
