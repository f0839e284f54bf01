from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.sign_in.throttle import (
    FORGET_S,
    FREE_BY_ACCOUNT,
    FREE_BY_NETWORK,
    LONGEST_WAIT_S,
    Throttle,
    network_of,
)


def fail(throttle: Throttle, times: int, account: str = "ada", address: str = "192.0.2.1", now: float = 0.0) -> None:
    for _ in range(times):
        throttle.failed(account, address, now)


def test_each_further_attempt_waits_twice_as_long() -> None:
    throttle = Throttle()
    fail(throttle, FREE_BY_ACCOUNT - 1)
    assert throttle.wait_s("ada", "198.51.100.1", 0.0) == 0
    waits = []
    for _ in range(4):
        fail(throttle, 1)
        waits.append(throttle.wait_s("ada", "198.51.100.1", 0.0))
    assert waits == [1, 2, 4, 8]
    assert throttle.wait_s("ada", "198.51.100.1", 8.0) == 0
    fail(throttle, 1000)
    assert throttle.wait_s("ada", "198.51.100.1", 0.0) == LONGEST_WAIT_S
    assert throttle.wait_s("ada", "198.51.100.1", FORGET_S) == 0


def test_a_network_counts_as_one() -> None:
    throttle = Throttle()
    for number in range(FREE_BY_NETWORK):
        throttle.failed(f"user{number}", f"192.0.2.{number}", 0.0)
    assert throttle.wait_s("somebody", "192.0.2.200", 0.0) > 0
    assert throttle.wait_s("somebody", "192.0.3.1", 0.0) == 0


def test_nobody_locks_the_owner_out() -> None:
    throttle = Throttle()
    throttle.failed("ada", "198.51.100.1", 0.0)
    throttle.succeeded("ada", "198.51.100.1")
    fail(throttle, 100)
    assert throttle.wait_s("ada", "192.0.2.1", 0.0) > 0
    assert throttle.wait_s("ada", "203.0.113.1", 0.0) > 0
    assert throttle.wait_s("ada", "198.51.100.9", 0.0) == 0, "from here she has signed in before"
    for number in range(FREE_BY_NETWORK):
        throttle.failed(f"user{number}", "198.51.100.9", 0.0)
    assert throttle.wait_s("eve", "198.51.100.9", 0.0) > 0
    assert throttle.wait_s("ada", "198.51.100.9", 0.0) == 0, "nor do neighbours"
    fail(throttle, FREE_BY_ACCOUNT, address="198.51.100.9")
    assert throttle.wait_s("ada", "198.51.100.9", 0.0) == 1, "but tries on her very account count"


def test_waiting_is_told_once() -> None:
    throttle = Throttle()
    assert not throttle.is_new_refusal("ada", "192.0.2.1", 0.0)
    fail(throttle, FREE_BY_ACCOUNT)
    assert [throttle.is_new_refusal("ada", "192.0.2.1", 0.0) for _ in range(3)] == [True, False, False]
    fail(throttle, 1)
    assert throttle.is_new_refusal("ada", "192.0.2.1", 0.0)


def test_an_account_of_ones_own_buys_no_tries_on_others() -> None:
    throttle = Throttle()
    for number in range(FREE_BY_NETWORK * 2):
        throttle.failed(f"victim{number}", "192.0.2.1", 0.0)
        throttle.failed("mallory", "192.0.2.1", 0.0)
        throttle.succeeded("mallory", "192.0.2.1")
    assert throttle.wait_s("another", "192.0.2.1", 0.0) > 0


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200), st.booleans()), max_size=300))
def test_memory_is_bounded(steps: list[tuple[int, int, bool]]) -> None:
    throttle = Throttle(max_entries=16)
    for account, network, good in steps:
        throttle.failed(str(account), f"10.0.{network}.1", 0.0)
        if good:
            throttle.succeeded(str(account), f"10.0.{network}.1")
    assert max(len(throttle._accounts), len(throttle._networks), len(throttle._known)) <= 16


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"), ("::ffff:192.0.2.77", "192.0.2.0/24"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"), ("unix", "unix"), ("", ""), ("x" * 100, "x" * 64),
    ],
)  # fmt: skip
def test_networks(address: str, network: str) -> None:
    assert network_of(address) == network
