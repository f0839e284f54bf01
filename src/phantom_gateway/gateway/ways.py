"""How a deployment serves an operation: directly, translated into another operation of its own, or answered here.

Compiled once per deployment and operation; the attempt loop finds everything it needs of either format in a ``Way``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from phantom_gateway.dialects import media, openai
from phantom_gateway.dialects.gemini import tap as gemini
from phantom_gateway.dialects.messages import tap as messages
from phantom_gateway.dialects.operations import STORED
from phantom_gateway.dialects.responses import tap as responses
from phantom_gateway.dialects.translation import FORMATS, TRANSLATED, Format
from phantom_gateway.ledger.media_usage import from_audio, from_images, from_rerank, from_speech
from phantom_gateway.ledger.usage import Usage, from_anthropic, from_gemini, from_openai

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret
    from phantom_gateway.security.response_ids import ResponseIds


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

    @property
    def sequence(self) -> int:
        """Number of the caller's next event, where they are numbered."""

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
    stamp: Callable[[str, str, bytes], tuple[bytes, bytes] | None] = openai.stamp_pair
    unmarked: bool = False
    """Streams have no end marker: they are whole when they have said why the answer ended."""


OPENAI = Reading(openai.read_answer, openai.said, from_openai, openai.StreamTap)
ANTHROPIC = Reading(messages.read_answer, messages.said, from_anthropic, messages.MessagesTap)
GOOGLE = Reading(gemini.read_answer, gemini.said, from_gemini, gemini.GenerateTap, gemini.stamp, unmarked=True)
RESPONSES = Reading(responses.read_answer, responses.said, from_openai, responses.ResponsesTap)
KEPT = Reading(responses.read_stored, responses.said, from_openai, responses.ResponsesTap)
IMAGES = Reading(media.read_images, media.said, from_images, media.MediaTap)
SPEECH = Reading(openai.read_answer, media.said, from_speech, media.MediaTap)
AUDIO = Reading(media.read_transcript, media.said, from_audio, media.MediaTap)
RANKING = Reading(media.read_ranking, media.said, from_rerank, media.MediaTap)
_READINGS: Mapping[str, Reading] = MappingProxyType(
    dict.fromkeys(("messages", "count_tokens"), ANTHROPIC)
    | dict.fromkeys(("generate", "count_contents", "embed_contents"), GOOGLE)
    | dict.fromkeys(("responses", "compact", "input_tokens"), RESPONSES)
    | {each.name: KEPT for each in STORED}
    | dict.fromkeys(("images", "image_edits", "image_variations"), IMAGES)
    | dict.fromkeys(("transcriptions", "translations"), AUDIO)
    | {"speech": SPEECH, "rerank": RANKING}
)
COUNTING = ("count_tokens", "count_contents", "input_tokens")
"""What is counted here where the upstream does not count."""
STREAMED: Mapping[str, tuple[str, str]] = MappingProxyType(
    {"generate": (":generateContent", ":streamGenerateContent?alt=sse")}
)
"""Operations that are streamed at a path of their own, and what of their path is different there."""
_ASKED_FOR_USAGE = frozenset({"chat", "completions"})
FORMS = frozenset({"image_edits", "image_variations", "transcriptions", "translations"})
"""Asked in the content type that the caller has chosen."""


class Way:
    """One operation at one deployment."""

    __slots__ = (
        "asks_usage", "caller", "configured", "defaults", "form", "forwards", "here", "ids", "model_in_path", "place",
        "prefix", "reading", "streaming", "upstream",
    )  # fmt: skip

    def __init__(self, operation: str, prefix: bytes = b"", *, model_in_path: bool = False) -> None:
        self.prefix = prefix
        """The request head up to the value of Content-Length; of what is kept, what follows on the place."""
        self.streaming = b""
        """The same for streams, where they have a path of their own."""
        self.model_in_path = model_in_path
        self.reading = _READINGS.get(operation, OPENAI)
        self.forwards = self.reading is ANTHROPIC
        """Whether Anthropic's headers of the caller go on."""
        self.configured = self.reading is GOOGLE
        """Whether what a deployment sets stands inside of ``generationConfig``, and the model only in the path."""
        self.asks_usage = operation in _ASKED_FOR_USAGE
        """Whether usage at the end of a stream may have to be asked for."""
        self.defaults: Mapping[str, bytes] = MappingProxyType({})
        """What the deployment sets where the caller is silent, in the words of the upstream's format."""
        self.ids: ResponseIds | None = None
        """How the caller's names of what the upstream keeps are made, if it keeps anything."""
        self.place = b""
        """Path and query of where the upstream keeps things, for requests about them."""
        self.form = operation in FORMS
        """Whether the content type is that of each call."""
        self.caller: Format | None = None
        self.upstream: Format | None = None
        """The two formats, where they are not the same."""
        self.here = False
        """Answered by the gateway itself."""


def of(paths: Iterable[str], render: Callable[[str], Way]) -> dict[str, Way]:
    """All ways of a deployment with these operations of its own; ``render`` makes the way of one of them."""
    ways = {operation: render(operation) for operation in paths}
    for asked, served in TRANSLATED:
        if asked not in ways and served in ways and ways[served].caller is None:
            way = ways[asked] = render(served)
            way.caller, way.upstream = FORMATS[asked], FORMATS[served]
    for counting in COUNTING:
        if counting not in ways and "chat" in ways:
            ways[counting] = Way(counting)
            ways[counting].here = True
    return ways
