from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.ledger.record import Closed, clipped, decoder, encoder
from phantom_gateway.ledger.trail import MAX_HEADER, MAX_STEPS, Step, bounded, header

steps = st.builds(Step, st.text(max_size=9), st.text(max_size=300), st.text(max_size=9), st.integers(0, 2**40))


def closed(*trail: Step) -> Closed:
    return Closed(opened=1, id="c", at_ns=1, key_id="k", trail=trail)


def test_it_is_part_of_the_record() -> None:
    trail = (Step("skip", "d2", "resting", 4), Step("try", "d1", "success", 12))
    assert decoder.decode(encoder.encode(closed(*trail))) == closed(*trail)


def test_a_record_without_it_can_still_be_read() -> None:
    """The form of the release before ends earlier."""
    values = msgspec.msgpack.decode(encoder.encode(closed()))
    place = 1 + Closed.__struct_fields__.index("trail")
    assert values[place] == []
    assert decoder.decode(msgspec.msgpack.encode(values[:place])) == closed()


def test_a_clipped_record_keeps_its_steps() -> None:
    record = clipped(closed(Step("try", "x" * 1000, "success", 1)))
    assert isinstance(record, Closed)
    assert record.trail == (Step("try", "x" * 256, "success", 1),)


def test_a_long_one_keeps_its_beginning_and_its_end() -> None:
    many = [Step("try", str(n)) for n in range(100)]
    found = bounded(many)
    assert len(found) == MAX_STEPS
    assert (found[0].name, found[-1].name) == ("0", "99")
    assert bounded(many[:3]) == tuple(many[:3])


def test_as_a_header() -> None:
    found = header([Step("skip", "d2", "resting", 4), Step("try", "d1", "ServiceUnavailable 503", 12)])
    assert found == b"skip d2 resting 4; try d1 ServiceUnavailable 503 12"


@given(st.lists(steps, max_size=60))
def test_a_header_is_one_bounded_line(trail: list[Step]) -> None:
    found = header(trail)
    assert len(found) <= MAX_HEADER
    assert all(32 <= byte < 127 for byte in found)
