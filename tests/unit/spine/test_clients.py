from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.spine.clients import UNIX, Clients


def clients(
    allowed: tuple[str, ...] | None = None, trusted: tuple[str, ...] = (), *, believes: bool = False
) -> Clients:
    return Clients(allowed, trusted, believes=believes)


@pytest.mark.parametrize(
    ("address", "served"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("::ffff:192.0.2.7", True),
        ("2001:db8::1", True),
        ("2001:db8::2", False),
        ("", False),
        ("somewhere", False),
        (UNIX, True),
    ],
)
def test_addresses_and_blocks_are_served(address: str, served: bool) -> None:
    assert clients(allowed=("192.0.2.0/24", "2001:db8::1")).admits(address) is served


def test_an_empty_list_serves_nobody_and_none_everybody() -> None:
    assert not clients(allowed=()).admits("192.0.2.7")
    assert clients().admits("192.0.2.7")


@pytest.mark.parametrize(
    ("settings", "peer", "said", "found"),
    [
        ({}, "192.0.2.1", "203.0.113.9", "192.0.2.1"),
        ({"believes": True}, "192.0.2.1", "", "192.0.2.1"),
        ({"believes": True}, "192.0.2.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),
        ({"believes": True}, "192.0.2.1", "1.2.3.4, unknown", "192.0.2.1"),
        ({"believes": True}, UNIX, "203.0.113.9", "203.0.113.9"),
        ({"believes": True, "trusted": ("10.0.0.0/8",)}, "192.0.2.1", "1.2.3.4", "192.0.2.1"),
        ({"believes": True, "trusted": ("10.0.0.0/8",)}, "10.0.0.1", "1.2.3.4", "1.2.3.4"),
        (
            {"believes": True, "trusted": ("10.0.0.0/8",)},
            "10.0.0.1",
            "6.6.6.6, 1.2.3.4, 10.9.9.9",
            "1.2.3.4",
        ),
    ],
)
def test_what_proxies_say_is_believed_where_it_is_configured(
    settings: dict[str, Any], peer: str, said: str, found: str
) -> None:
    assert clients(**settings).address(peer, said) == found
