"""Request bodies on their way in: who may send one, and how much of them is held at once.

A body that comes in one read with its head is served at once. Any other is judged first, by its head alone: a stranger is
answered before anything is kept for him. What is held, for requests still coming and for those being served, is counted
against one bound; callers nobody vouches for share a quarter of it, so that they cannot lock out the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from phantom_gateway.wire.message import Request

SMALL_BODY = 16 * 1024
"""Bytes up to which a body that came in one read is not counted."""
STRANGERS_SHARE = 4
"""The part of the bound, as a divisor, for bodies without a known caller."""


class Refusal(NamedTuple):
    """The answer to a head whose body is not wanted; the connection closes after it (RFC 9112, 9.3 and 9.6)."""

    status: int
    block: bytes
    """Rendered headers (``message.header_block``)."""
    body: bytes


Verdict = Refusal | bool
"""True: the caller is known; False: he is not, but may go on."""


class Gate(Protocol):
    """Judges requests by their heads (the body is empty as yet). Never raises."""

    def knows(self, request: Request, /) -> bool:
        """Whether the caller is known, without asking anybody."""

    async def judge(self, request: Request, /) -> Verdict:
        """The same when it must be asked."""


class Intake:
    """Bytes of request bodies held by one server."""

    __slots__ = ("known", "limit", "strangers")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.known = 0
        self.strangers = 0

    def room(self, size: int, *, known: bool) -> bool:
        """Whether ``size`` more bytes could be held now."""
        if size <= 0:
            return True
        if self.known + self.strangers + size > self.limit:
            return False
        return known or self.strangers + size <= self.limit // STRANGERS_SHARE

    def take(self, size: int, *, known: bool) -> bool:
        """Hold ``size`` more bytes (less, when negative); False when there is no room, and then nothing is held."""
        if not self.room(size, known=known):
            return False
        if known:
            self.known += size
        else:
            self.strangers += size
        return True

    def give_back(self, size: int, *, known: bool) -> None:
        """They are gone."""
        self.take(-size, known=known)
