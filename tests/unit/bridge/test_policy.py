"""Decisions from figures."""

from __future__ import annotations

import pytest

from phantom_gateway.bridge.policy import Load, fate, reachable, victim, wants_another
from phantom_gateway.spine.bridge import BridgeSettings, BridgeSlot

SETTINGS = BridgeSettings(processes=2, memory_mb=100, idle_s=300, hang_s=30)


def load(**fields: float) -> Load:
    found = Load(0.0, 0.0, 0.0)
    for name, value in fields.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"beat": 999, "used": 999}, ""),
        ({"beat": 999, "used": 999, "grown": 101 << 20}, "memory"),
        ({"beat": 960, "used": 999, "in_flight": 1}, "hung"),
        ({"beat": 999, "used": 600}, "idle"),
        ({"beat": 999, "used": 600, "in_flight": 1}, ""),
        ({"beat": 999, "used": 600, "ending": True}, ""),
    ],
)
def test_who_is_to_go(fields: dict[str, float], what: str) -> None:
    assert fate(load(**fields), 1000.0, SETTINGS) == what


def test_help_comes_when_all_are_busy() -> None:
    busy, idle = load(in_flight=40), load(cpu_share=0.1)
    assert not wants_another([], 0, SETTINGS), "who is not there needs no help"
    assert wants_another([busy], 0, SETTINGS)
    assert wants_another([load(cpu_share=0.9)], 0, SETTINGS)
    assert not wants_another([busy], 1, SETTINGS)
    assert not wants_another([busy, idle], 0, BridgeSettings(processes=9))
    assert not wants_another([busy, busy], 0, SETTINGS)
    assert wants_another([busy, load(ending=True)], 0, SETTINGS)


def test_the_one_unused_for_longest_makes_room() -> None:
    children = [
        ("a", load(used=3)),
        ("b", load(used=1, in_flight=1)),
        ("c", load(used=2)),
        ("d", load(used=0, ending=True)),
    ]
    assert victim(children) == "c"
    assert victim([("b", load(in_flight=1))]) is None


def test_a_share_of_the_processor_is_measured_over_time() -> None:
    found = load()
    found.heard(0.01, 0, 0, 0.5)
    assert found.cpu_share == 0.0, "a moment says nothing"
    found.heard(1.0, 2, 5, 0.5)
    assert (found.cpu_share, found.used, found.in_flight) == (0.5, 1.0, 2)
    found.heard(2.0, 0, 5, 0.5)
    assert (found.cpu_share, found.used) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("host", "port", "tls", "blocks"),
    [
        ("api.example.com", 443, True, ("10.0.0.0/8",)),
        ("API.example.com.", 443, True, ("10.0.0.0/8",)),
        ("example.com", 443, True, ("10.0.0.0/8",)),
        ("notexample.com", 443, True, None),
        ("example.com.evil.test", 443, True, None),
        ("api.example.com", 8443, True, None),
        ("api.example.com", 443, False, None),
        ("mine.test", 8080, False, ("192.168.1.1/32", "10.0.0.0/8")),
        ("mine.test", 22, True, ("192.168.1.1/32", "10.0.0.0/8")),
        ("sub.mine.test", 443, True, None),
    ],
)
def test_where_the_sdk_may_go(host: str, port: int, tls: bool, blocks: tuple[str, ...] | None) -> None:
    slot = BridgeSlot(
        id="s",
        provider="p",
        hosts={"mine.test": ("192.168.1.1/32",)},
        suffixes=("example.com",),
        allow_private=("10.0.0.0/8",),
    )
    assert reachable(slot, host, port, tls=tls) == blocks


def test_of_unknown_providers_any_host_by_tls() -> None:
    slot = BridgeSlot(id="s", provider="p")
    assert reachable(slot, "any.test", 443, tls=True) == ()
    assert reachable(slot, "any.test", 80, tls=False) is None
