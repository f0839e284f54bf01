from __future__ import annotations

import pytest
from tests.unit.limits.sharing import limit

from phantom_gateway.limits.alone import Alone
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.shares import Place, Shares
from phantom_gateway.limits.slices import Slice

START = 1_000_000.0 - 1_000_000.0 % 60


def shares(since: float) -> Shares:
    found = Shares()
    found.placed(Place(2, 0), since)
    return found


@pytest.mark.parametrize(("since", "kind"), [(START - 1, LimitExceeded), (START + 1, LimiterUnavailable)])
async def test_who_came_after_the_window_began_does_not_say_that_a_limit_is_reached(
    since: float, kind: type[Exception]
) -> None:
    rpm = limit("requests", 10, "60s")
    piece = Slice(rpm, START, START + 60, START)
    found = Alone(shares(since)).refusal(rpm, piece, 1, OSError("away"))
    assert type(found) is kind


async def test_nobody_knows_what_is_left_of_a_budget() -> None:
    found = Alone(shares(0.0)).refusal(limit("budget", 10), None, 1, OSError())
    assert isinstance(found, LimiterUnavailable)
    assert str(found) == "OSError"
