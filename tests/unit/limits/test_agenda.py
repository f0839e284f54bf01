from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.limits.agenda import Agenda


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0, 100))), st.integers(1, 5))
def test_everything_comes_once_and_not_too_early(entries: list[tuple[int, float]], most: int) -> None:
    agenda: Agenda[tuple[int, float]] = Agenda()
    for entry in entries:
        agenda.put(entry, entry[1])
    came: list[tuple[int, float]] = []
    for now in range(102):
        while found := agenda.due(now, most):
            assert len(found) <= most
            assert all(when <= now < when + 2 for _, when in found)
            came += found
    assert sorted(came) == sorted(entries)


def test_never_is_never() -> None:
    agenda: Agenda[str] = Agenda()
    agenda.put("x", math.inf)
    assert agenda.due(1e12, 10) == []
