from __future__ import annotations

from phantom_gateway.gateway.beside import Beside
from phantom_gateway.limits.slices import Registry, Reservation, Slice
from phantom_gateway.spine.messages import Limit, Spend


def piece(name: str) -> Slice:
    limit = Limit(
        scope=f"budget:deployment:{name}:", kind="budget", entity=f"deployment:{name}", amount=1000, window=""
    )
    made = Slice(limit, 0.0, 1e12, 0.0)
    made.credit(100)
    return made


def reserved(of: Slice, amount: int, open_: Registry) -> Reservation:
    of.free -= amount
    of.reserved += amount
    return Reservation([of], [amount], open_, None, 0.0)


def test_only_the_present_attempt_holds_something() -> None:
    first, second = piece("a"), piece("b")
    held = Registry()
    beside = Beside()
    beside.begin(reserved(first, 40, held))
    beside.begin(reserved(second, 60, held))
    assert (first.free, first.reserved, second.free) == (100, 0, 40)
    assert beside.spends(9) == (Spend("budget:deployment:b:", 0.0, 9),)
    beside.settle(0, 9)
    assert (second.free, second.reserved, held) == (91, 0, set())


def test_a_failed_attempt_counts_as_a_request_and_nothing_else() -> None:
    requests = Slice(
        Limit(scope="requests:deployment:a:60s", kind="requests", entity="deployment:a", amount=10), 0.0, 60.0, 0.0
    )
    requests.credit(5)
    money = piece("a")
    requests.free, requests.reserved, money.free, money.reserved = 4, 1, 60, 40
    held = Registry()
    beside = Beside()
    beside.begin(Reservation([requests, money], [1, 40], held, None, 0.0))
    beside.failed()
    beside.begin(None)
    assert (requests.free, requests.reserved, money.free, money.reserved, held) == (4, 0, 100, 0, set())


def test_a_lost_attempt_is_billed_where_it_was_made() -> None:
    first, second = piece("a"), piece("b")
    held = Registry()
    beside = Beside()
    beside.begin(reserved(first, 40, held))
    beside.lost(3, 7)
    beside.begin(None)
    beside.begin(reserved(second, 60, held))
    assert sorted(beside.spends(9)) == [
        Spend("budget:deployment:a:", 0.0, 7),
        Spend("budget:deployment:b:", 0.0, 9),
    ]
    beside.settle(0, 9)
    assert (first.free, second.free, held) == (93, 91, set())


def test_without_a_record_the_money_stays_reserved() -> None:
    first, second = piece("a"), piece("b")
    held = Registry()
    beside = Beside()
    beside.begin(reserved(first, 40, held))
    beside.lost(3, 7)
    beside.begin(reserved(second, 60, held))
    beside.abandon()
    assert (first.reserved, second.reserved) == (40, 60)
    assert held == set()


def test_nothing_beside_is_nothing() -> None:
    beside = Beside()
    beside.lost(1, 1)
    assert beside.spends(5) == ()
    beside.settle(1, 1)
    beside.abandon()
