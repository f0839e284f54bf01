from __future__ import annotations

from phantom_gateway.control.conversations import OVERHEAD, Conversations
from phantom_gateway.spine.snapshot import Settings


class World:
    def __init__(self, **settings: float) -> None:
        self.settings = Settings(**settings)  # type: ignore[arg-type]
        self.now = 0.0
        self.kept = Conversations(lambda: self.settings, lambda: self.now)


def test_what_is_kept_is_there_for_its_time() -> None:
    world = World(conversations_s=10.0)
    kept = world.kept
    assert kept.do("keep", "a", b"one") is None
    assert kept.do("get", "a", b"") == b"one"
    kept.do("keep", "a", b"two")
    assert kept.do("get", "a", b"") == b"two"
    world.now = 10.0
    assert kept.do("get", "a", b"") is None
    assert kept.do("drop", "a", b"") is None


def test_what_is_dropped_is_gone() -> None:
    kept = World(conversations_s=10.0).kept
    kept.do("keep", "a", b"one")
    assert kept.do("drop", "a", b"") == b"one"
    assert kept.do("get", "a", b"") is None


def test_the_oldest_go_first_and_what_is_too_large_is_not_kept() -> None:
    world = World(conversations_s=10.0, conversations_bytes=2 * (OVERHEAD + 10))
    kept = world.kept
    for name in ("a", "b", "c"):
        kept.do("keep", name, b"x" * 10)
    assert [kept.do("get", name, b"") is None for name in ("a", "b", "c")] == [True, False, False]
    kept.do("keep", "d", b"x" * 1000)
    assert kept.do("get", "d", b"") is None
    assert kept.do("get", "c", b"") is not None


def test_nothing_is_kept_unless_it_is_wanted() -> None:
    world = World(conversations_s=10.0)
    world.kept.do("keep", "a", b"one")
    world.settings = Settings()
    assert world.kept.do("get", "a", b"") is None
    world.kept.do("keep", "b", b"two")
    world.settings = Settings(conversations_s=10.0)
    assert [world.kept.do("get", name, b"") for name in ("a", "b")] == [None, None]
