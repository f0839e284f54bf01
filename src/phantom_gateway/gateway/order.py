"""What a request orders beside text: images, speech, a transcript, a ranking. What it can cost at most, and what it has cost.

Providers bill these by the image (by size and quality, or by pixel), the spoken character, the second, the search unit, or in
tokens of images and audio; which of it holds is known from the prices, and from what the answer reports.

Sources: OpenAI's guides on image generation (tokens by size and quality) and Cohere's on rerank (search units), read November 2026.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from phantom_gateway.dialects import audio
from phantom_gateway.gateway.errors import invalid_request
from phantom_gateway.gateway.form import Form
from phantom_gateway.ledger.money import MILLION
from phantom_gateway.ledger.usage import Media as Counts
from phantom_gateway.ledger.usage import Usage, estimate

if TYPE_CHECKING:
    from phantom_gateway.dialects.operations import Media
    from phantom_gateway.gateway.body import Call
    from phantom_gateway.spine.snapshot import Prices

MAX_PIXELS = 3840 * 2160
"""Assumed of an image whose size is left to a model that lists none."""
USUAL_PIXELS = 1536 * 1024
TOKENS_PER_PIXEL = 1 / 240
"""Of an image in the best quality (4,160 for 1024 x 1024), with a little to spare."""
_QUALITIES = {"low": 4, "medium": 2}
"""What such an image has at least fewer tokens by."""
TOKENS_PER_PICTURE = 8192
"""Of an image that is sent along."""
TOKENS_PER_PARTIAL = 100
USUAL_SIZE, USUAL_QUALITY = "1024x1024", "standard"

SPOKEN_PER_S, SLOWEST_PER_S = 12, 4
"""Characters of speech in a second."""
SPOKEN_TOKENS_PER_S, HEARD_TOKENS_PER_S = 21, 25
USUAL_OCTETS_PER_S, FEWEST_OCTETS_PER_S = 4000, 750
"""Bytes of a recording in a second: 32 kbit/s, and what is hardly understood any more."""
UNIT = 100
"""Documents in a search unit."""
PIECE = 250
"""Bytes of a document that may count as one more: longer ones are cut, at 500 tokens with the question."""

_SIZE = re.compile(r"([1-9][0-9]{1,4})x([1-9][0-9]{1,4})")
_ESTIMATED = ("estimated_units",)


class Order:
    """One request's. ``unit`` says which of the other fields mean something."""

    __slots__ = (
        "audio_ms",
        "characters",
        "images",
        "octets",
        "partials",
        "pictures",
        "quality",
        "queries",
        "size",
        "speed",
        "text",
        "unit",
    )

    def __init__(self, unit: Literal["text", "image", "speech", "audio", "query"], text: int) -> None:
        self.unit = unit
        self.text = text
        """Bytes that a model may read."""
        self.images = 0
        self.size = ""
        self.quality = ""
        self.partials = 0
        self.pictures = 0
        """Images that are sent along."""
        self.characters = 0
        self.speed = 1.0
        self.octets = 0
        """Of the recording."""
        self.audio_ms: int | None = None
        """Its length, where its headers say it."""
        self.queries = 0
        """Search units at most."""

    # --- before the call ---------------------------------------------------------------------------------------------

    def ceiling(self, prices: Prices) -> int:
        """The most it can cost, in nano-dollars rounded up."""
        exact = self.text * max(prices.input, prices.cache_read or 0)
        requests = 1
        if self.unit == "image":
            exact += self._dearest_images(prices)
        elif self.unit == "speech":
            ms = self._spoken_ms(SLOWEST_PER_S)
            made = max(prices.output, prices.audio_output or 0)
            exact += self.characters * prices.character
            exact += max(ms * prices.audio_ms, ms * HEARD_TOKENS_PER_S * made // 1000)
        elif self.unit == "audio":
            ms = self._heard_ms(FEWEST_OCTETS_PER_S)
            both = max(prices.input, prices.audio_input or 0) + prices.output
            exact += max(ms * prices.audio_ms, ms * HEARD_TOKENS_PER_S * both // 1000)
        elif self.unit == "query":
            requests = self.queries
        return -(-exact // MILLION) + prices.request * requests

    # --- after it ----------------------------------------------------------------------------------------------------

    def unseen(self) -> Usage:
        """What is billed when the answer is lost."""
        return self._counted(Usage(input=estimate(self.text).input, output=0, source="estimated"))

    def answered(self, usage: Usage, reported: dict[str, Any] | None) -> Usage:
        """Usage of a whole answer: as ``reported``, else as ordered."""
        if usage.input is None or usage.output is None:
            known = estimate(self.text).input if usage.input is None else usage.input
            usage = msgspec.structs.replace(usage, input=known, output=usage.output or 0, source=_source(usage))
        made = (reported or {}).get("images")
        return self._counted(usage, made if type(made) is int else None)

    def priced(self, usage: Usage, prices: Prices) -> tuple[Usage, Prices]:
        """What of ``usage`` is billed, and at which prices: nothing twice."""
        if self.unit == "image":
            return self._images_priced(usage, prices)
        media = usage.media
        if self.unit == "speech" and not prices.character:
            if usage.audio_output is None and prices.audio_ms:
                length = self._spoken_ms(SPOKEN_PER_S)
                usage = _estimated(usage, media or Counts(), audio_ms=length)
            elif usage.audio_output is None and (prices.audio_output or prices.output):
                tokens = self._spoken_ms(SPOKEN_PER_S) * SPOKEN_TOKENS_PER_S // 1000
                usage = msgspec.structs.replace(
                    usage, audio_output=tokens, source="estimated", flags=usage.flags + _ESTIMATED
                )
        if self.unit == "audio" and usage.audio_input is None and usage.source == "estimated" and not prices.audio_ms:
            tokens = self._heard_ms(USUAL_OCTETS_PER_S) * 10 // 1000
            usage = msgspec.structs.replace(usage, audio_input=tokens, flags=usage.flags + _ESTIMATED)
        return usage, prices

    # --- inside ------------------------------------------------------------------------------------------------------

    def _counted(self, usage: Usage, made: int | None = None) -> Usage:
        """With the units that are ordered, where the answer says nothing of them."""
        media = usage.media or Counts()
        if self.unit == "image":
            return msgspec.structs.replace(usage, images=self.images if made is None else min(made, self.images))
        if self.unit == "speech":
            media = msgspec.structs.replace(media, characters=self.characters)
        elif self.unit == "audio":
            if media.audio_ms is None and usage.audio_input is None and usage.source != "provider":
                return _estimated(
                    usage, media, audio_ms=self._heard_ms(USUAL_OCTETS_PER_S), known=self.audio_ms is not None
                )
        elif self.unit == "query" and media.queries is None:
            return usage
        return msgspec.structs.replace(usage, media=media) if media != Counts() else usage

    def _images_priced(self, usage: Usage, prices: Prices) -> tuple[Usage, Prices]:
        media = usage.media
        if media is not None and media.image_output is not None and (prices.image_output or prices.output):
            return usage, msgspec.structs.replace(prices, image=None)
        each = self._image_price(prices)
        if not each and prices.image_output:
            tokens = (usage.images or 0) * self._tokens_per_image(prices)
            return _estimated(usage, media or Counts(), image_output=tokens), prices
        counts = None if media is None else msgspec.structs.replace(media, image_input=None, image_output=None)
        plain = msgspec.structs.replace(usage, media=counts if counts != Counts() else None)
        return plain, msgspec.structs.replace(prices, image=each)

    def _image_price(self, prices: Prices) -> int:
        """Nano-dollars per million images of what is asked for."""
        if prices.sizes:
            return self._by_size(prices.sizes, prices.image)
        if prices.pixel:
            width, height = _measure(self.size) or _measure(USUAL_SIZE) or (0, 0)
            return prices.pixel * width * height
        return prices.image or 0

    def _by_size(self, sizes: dict[str, int], other: int | None) -> int:
        """The price of what is asked for, or of the usual; else the model's own, or the dearest that fits."""
        size, quality = self.size or USUAL_SIZE, self.quality or USUAL_QUALITY
        exact = sizes.get(f"{quality}/{size}") or (sizes.get(size) if not self.quality else None)
        if exact is not None or other is not None:
            return exact or other or 0
        fit = [
            price
            for name, price in sizes.items()
            if (not _measure(self.size) or name.endswith(self.size))
            and (self.quality in ("", "auto") or name.startswith(f"{self.quality}/"))
        ]
        return max(fit or sizes.values())

    def _dearest_images(self, prices: Prices) -> int:
        """Millionths of a nano-dollar."""
        listed = self._image_price(prices)
        if prices.sizes and (self.size in ("", "auto") or self.quality in ("", "auto")):
            listed = max(listed, *prices.sizes.values())
        if not (self.size and _measure(self.size)) and prices.pixel:
            listed = max(listed, prices.pixel * MAX_PIXELS)
        made = max(prices.output, prices.image_output or 0)
        tokens = self._tokens_per_image(prices) + self.partials * TOKENS_PER_PARTIAL
        seen = self.pictures * TOKENS_PER_PICTURE * max(prices.input, prices.image_input or 0)
        return self.images * max(listed, tokens * made) + seen

    def _tokens_per_image(self, prices: Prices) -> int:
        measured = _measure(self.size)
        pixels = measured[0] * measured[1] if measured else USUAL_PIXELS if prices.sizes else MAX_PIXELS
        return int(pixels * TOKENS_PER_PIXEL / _QUALITIES.get(self.quality, 1)) + 1

    def _spoken_ms(self, per_s: int) -> int:
        return int(self.characters * 1000 / per_s / self.speed) + 1

    def _heard_ms(self, octets_per_s: int) -> int:
        if self.audio_ms is not None:
            return self.audio_ms if octets_per_s == USUAL_OCTETS_PER_S else self.audio_ms * 102 // 100 + 1000
        return self.octets * 1000 // octets_per_s + 1


def read(call: Call, media: Media) -> Order:
    """The order of a parsed request; sets what else its fields say of the call. Raises ApiError 400 naming a field."""
    order = Order(media.unit, call.size)
    if media.unit == "image":
        _read_images(order, call)
    elif media.unit == "speech":
        text = call.field("input")
        if not isinstance(text, str):
            raise invalid_request("The field 'input' must be a text.", "input")
        order.characters = len(text)
        order.speed = _number(call, "speed", (0.25, 4.0)) or 1.0
        call.stream = call.field("stream_format") == "sse"
    elif media.unit == "audio":
        files = call.files if isinstance(call, Form) else []
        if not files:
            raise invalid_request("The form has no file.", "file")
        order.octets = sum([len(file.content) for file in files])
        length = audio.seconds(files[0].content) if len(files) == 1 else None
        order.audio_ms = None if length is None else round(length * 1000)
    elif media.unit == "query":
        _read_query(order, call)
    return order


def _read_images(order: Order, call: Call) -> None:
    count = _number(call, "n", (1, 1 << 16))
    order.images = call.choices = int(count) if count else 1
    order.size, order.quality = _word(call, "size"), _word(call, "quality")
    order.partials = int(_number(call, "partial_images", (0, 100)) or 0)
    if isinstance(call, Form):
        order.pictures = len(call.files)
    else:
        sent = call.field("images") or call.field("image") or []
        order.pictures = len(sent) if isinstance(sent, list) else 1


def _read_query(order: Order, call: Call) -> None:
    documents = call.field("documents")
    if not isinstance(documents, list):
        raise invalid_request("The field 'documents' must be a list.", "documents")
    order.queries = -(-(len(documents) + call.size // PIECE) // UNIT) or 1


def _number(call: Call, name: str, bounds: tuple[float, float]) -> float | None:
    """A field that is a number; in a form every field is a text."""
    value = call.field(name)
    if value is None or value == "":
        return None
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not bounds[0] <= number <= bounds[1]:
        raise invalid_request(f"The field '{name}' must be a number from {bounds[0]:g} to {bounds[1]:g}.", name)
    return number


def _word(call: Call, name: str) -> str:
    value = call.field(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 32:
        raise invalid_request(f"The field '{name}' must be a short text.", name)
    return value.lower()


def _measure(size: str) -> tuple[int, int] | None:
    match = _SIZE.fullmatch(size)
    return None if match is None else (int(match[1]), int(match[2]))


def _source(usage: Usage) -> Literal["provider", "estimated"]:
    return "provider" if usage.source == "provider" else "estimated"


def _estimated(usage: Usage, media: Counts, *, known: bool = False, **counts: int) -> Usage:
    """With counts of our own."""
    flags = usage.flags if known else usage.flags + _ESTIMATED
    return msgspec.structs.replace(
        usage, media=msgspec.structs.replace(media, **counts), source="estimated", flags=flags
    )
