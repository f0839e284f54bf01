from __future__ import annotations

import json

import pytest
from bench.books.asks import GROUPS, MODES, PRICES, Ask, Draw, cost

from phantom_gateway.simulator import MODES as KNOWN
from phantom_gateway.simulator.desk import Desk


def test_the_simulator_knows_every_mode_and_every_group_has_prices() -> None:
    assert set(MODES) <= set(KNOWN)
    assert {name for names in GROUPS.values() for name in names} == set(PRICES)


def test_the_same_seed_draws_the_same_requests() -> None:
    first, second, other = (Draw(seed, ("c",), ("t", "u")) for seed in (1, 1, 2))
    drawn = [first.next() for _ in range(1000)]
    assert drawn == [second.next() for _ in range(1000)]
    assert drawn[0] != other.next()
    assert len({ask.label for ask in drawn}) == 1000
    assert {ask.mode for ask in drawn} > {"ok", "fin"}
    assert {ask.leave for ask in drawn} == {"", "sending", "waiting", "reading"}


@pytest.mark.parametrize("stream", [False, True])
def test_the_simulator_counts_what_is_expected(stream: bool) -> None:
    ask = Ask(label="l", words=7, chunks=60, limit=40, stream=stream, customer="c")
    body = json.loads(ask.body()) | {"model": "up-a1"}
    desk = Desk()
    script, tally = desk.receive(b"POST", b"/v1/chat/completions", [], json.dumps(body).encode(), b"")
    assert tally is desk.books.tally("up-a1", "l")
    assert script.bill.prompt == ask.prompt == 10
    assert sum(piece.tokens for piece in script.pieces) == ask.output == 40


def test_costs() -> None:
    assert cost("up-a1", 3, 2) == 7000
    assert cost("up-c", 1, 1) == 1111  # 123.457 + 987.654 = 1,111.111
    assert cost("up-c", 5, 0) == 617  # 617.285
    ask = Ask(label="l", model="beta", limit=40)
    size = len(ask.body())
    assert ask.question == -(-size // 4)
    assert ask.estimate() == (size // 4 + 1) * 1000 + 40 * 3100
    assert ask.worst() == size * 1000 + 40 * 3100
