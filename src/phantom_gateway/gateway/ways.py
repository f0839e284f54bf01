"""How a deployment serves an operation: directly, translated into another operation of its own, or answered here.

Compiled once per deployment and operation; the attempt loop finds everything it needs of either format in a ``Way``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from phantom_gateway.dialects import openai
from phantom_gateway.dialects.messages import tap as messages
from phantom_gateway.dialects.translation import FORMATS, Format
from phantom_gateway.ledger.usage import Usage, from_anthropic, from_openai

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret


class Tap(Protocol):
    """Stands in a stream: lets bytes pass, or translates them, and reads what accounting needs."""

    @property
    def done(self) -> bool:
        """The upstream said that nothing follows."""

    @property
    def error(self) -> Any:
        """The error the upstream sent inside the stream, if it did."""

    @property
    def events(self) -> int:
        """How many came."""

    @property
    def octets(self) -> int:
        """How many bytes of text came."""

    @property
    def tail(self) -> bytes:
        """What may be sent only when the request is in the journal."""

    @property
    def usage(self) -> dict[str, Any] | None:
        """As the upstream reported it."""

    @property
    def complete(self) -> bool:
        """Whether the stream said its end, or why the answer ended."""

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, give the caller's bytes. Raises BadResponse."""

    def produced(self) -> int:
        """Tokens so far, for a stream without usage."""

    def finish(self) -> None:
        """The response ended cleanly and the answer is complete: put into ``tail`` what is still to be said."""


class Reading(NamedTuple):
    """How answers of an upstream's format are read for accounting."""

    read_answer: Callable[[bytes], openai.Answer | None]
    said: Callable[[bytes], int]
    usage: Callable[[Mapping[str, Any]], Usage]
    tap: Callable[[str, bool, int, Secret | None], Tap]


OPENAI = Reading(openai.read_answer, openai.said, from_openai, openai.StreamTap)
ANTHROPIC = Reading(messages.read_answer, messages.said, from_anthropic, messages.MessagesTap)
_READINGS: Mapping[str, Reading] = MappingProxyType({"messages": ANTHROPIC, "count_tokens": ANTHROPIC})
_TRANSLATED = (("chat", "messages"), ("messages", "chat"))
"""What callers ask, and what it is translated to where the upstream does not have it."""
COUNTING = "count_tokens"


class Way:
    """One operation at one deployment."""

    __slots__ = ("caller", "forwards", "here", "model_in_path", "prefix", "reading", "upstream")

    def __init__(self, operation: str, prefix: bytes = b"", *, model_in_path: bool = False) -> None:
        self.prefix = prefix
        """The request head up to the value of Content-Length."""
        self.model_in_path = model_in_path
        self.reading = _READINGS.get(operation, OPENAI)
        self.forwards = self.reading is ANTHROPIC
        """Whether Anthropic's headers of the caller go on."""
        self.caller: Format | None = None
        self.upstream: Format | None = None
        """The two formats, where they are not the same."""
        self.here = False
        """Answered by the gateway itself."""


def of(paths: Iterable[str], render: Callable[[str], Way]) -> dict[str, Way]:
    """All ways of a deployment with these operations of its own; ``render`` makes the way of one of them."""
    ways = {operation: render(operation) for operation in paths}
    for asked, served in _TRANSLATED:
        if asked not in ways and served in ways and ways[served].caller is None:
            way = ways[asked] = render(served)
            way.caller, way.upstream = FORMATS[asked], FORMATS[served]
    if COUNTING not in ways and "chat" in ways:
        ways[COUNTING] = Way(COUNTING)
        ways[COUNTING].here = True
    return ways
