"""The sockets of the bridge, held for whatever keeper is there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from phantom_gateway.bridge.inside.link import Link
from phantom_gateway.cli.bridge_sockets import BridgeSockets
from phantom_gateway.spine.bridge import BridgePlan, BridgeSettings, BridgeSlot, written


def plan(*names: str) -> dict[str, Any]:
    return written(
        BridgePlan(settings=BridgeSettings(), slots=tuple(BridgeSlot(id=name, provider="p") for name in names))
    )


@pytest.fixture
def subject(tmp_path: Path) -> Iterator[BridgeSockets]:
    (tmp_path / "run").mkdir()
    made = BridgeSockets(tmp_path)
    yield made
    made.close()
    assert list((tmp_path / "run").iterdir()) == []


def keeper(subject: BridgeSockets) -> Link:
    """A keeper that has just started."""
    _, (fd,) = subject.prepare()
    theirs = Link(socket.fromfd(fd, socket.AF_UNIX, socket.SOCK_SEQPACKET))
    subject.started()
    return theirs


def heard(link: Link) -> list[Any]:
    link.sock.settimeout(0.2)
    found: list[Any] = []
    while True:
        try:
            said = link.receive()
        except TimeoutError:
            return found
        if said is None:
            return [*found, None]
        found.append(said.message.get("slots") or said.message["slot"]["id"])
        said.close()


def test_who_connects_waits_for_a_keeper(subject: BridgeSockets, tmp_path: Path) -> None:
    subject.take(plan("a", "b"))
    with socket.socket(socket.AF_UNIX) as early:
        early.connect(str(tmp_path / "run" / "b-a.sock"))
        link = keeper(subject)
        assert heard(link) == [["a", "b"], "a", "b"]
        subject.take(plan("b", "c"))
        assert heard(link) == [["b", "c"], "c"]
        second = keeper(subject)
        assert heard(link) == [None]
        assert heard(second) == [["b", "c"], "b", "c"], "the next one is told everything"
        link.close()
        second.close()
    assert not (tmp_path / "run" / "b-a.sock").exists()
    assert (tmp_path / "run" / "b-b.sock").stat().st_mode & 0o777 == 0o600


def test_a_plan_that_is_none_changes_nothing(subject: BridgeSockets) -> None:
    subject.take(plan("a"))
    subject.take({"settings": {}, "slots": [{"id": 1}]})
    assert subject.needed


def test_a_socket_that_was_left_behind_is_taken_over(subject: BridgeSockets, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as old:
        old.bind(str(tmp_path / "run" / "b-a.sock"))
    subject.take(plan("a"))
    assert subject.needed
