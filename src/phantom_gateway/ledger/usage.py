"""Normalised usage: what a provider says it counted, in disjoint classes.

Providers nest their counts (cached tokens are part of prompt tokens, reasoning is part of completion tokens). Billing needs
classes that never overlap, so every adapter maps to ``Usage`` and only ``Usage`` is priced. ``None`` means "not reported",
0 means "reported as zero": the first may be filled by an estimate, the second never is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

Source = Literal["provider", "estimated", "none"]

MAX_COUNT = 1 << 40
"""A count above this is absurd and treated as not reported."""

BYTES_PER_TOKEN = 4
"""Mean over English text of the common tokenizers; only used where nobody counted."""

_EMPTY: Mapping[str, Any] = {}


COUNTS = (
    "input", "cache_read", "cache_write_5m", "cache_write_1h", "output", "reasoning", "audio_input", "audio_output", "images",
)  # fmt: skip
"""The fields of ``Usage`` that count something."""


class Media(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Counts of what is not text, disjoint from each other and from those of ``Usage``. Part of the journal's form."""

    image_input: int | None = None
    """Tokens."""
    image_output: int | None = None
    """Tokens."""
    characters: int | None = None
    """Of a text that is spoken."""
    audio_ms: int | None = None
    """Milliseconds of a recording that nobody counted in tokens."""
    queries: int | None = None
    """Search units of a ranking; None: the request itself is one."""

    def plus(self, other: Media) -> Media:
        """Both together, each count that either has."""
        return Media(
            **{
                name: (mine or 0) + (its or 0)
                for name in self.__struct_fields__
                for mine, its in ((getattr(self, name), getattr(other, name)),)
                if mine is not None or its is not None
            }
        )


class Usage(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Counts of one request in disjoint classes, all in tokens but ``images`` and what ``media`` says of its own.

    The serialised form is part of the journal (see ``phantom_gateway.ledger.record``): new fields go to the end, with a default.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    output: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    images: int | None = None
    source: Source = "none"
    flags: tuple[str, ...] = ()
    """What was wrong with the report: ``bad:<field>``, ``details_exceed_total``, ``total_exceeds_parts``."""
    media: Media | None = None

    @property
    def cache_write(self) -> int:
        """Tokens written to the provider's cache, both lifetimes."""
        return (self.cache_write_5m or 0) + (self.cache_write_1h or 0)

    @property
    def prompt_tokens(self) -> int:
        """Input side in the sense of OpenAI: cached and audio tokens included."""
        cached = (self.cache_read or 0) + (self.cache_write_5m or 0) + (self.cache_write_1h or 0)
        seen = 0 if self.media is None else self.media.image_input or 0
        return (self.input or 0) + cached + (self.audio_input or 0) + seen

    @property
    def completion_tokens(self) -> int:
        """Output side in the sense of OpenAI: reasoning and audio tokens included."""
        drawn = 0 if self.media is None else self.media.image_output or 0
        return (self.output or 0) + (self.reasoning or 0) + (self.audio_output or 0) + drawn

    @property
    def total(self) -> int:
        """Tokens of both sides."""
        return self.prompt_tokens + self.completion_tokens

    def sides(self) -> tuple[int, int]:
        """``prompt_tokens`` and ``completion_tokens``, in one call: this is on the path of every request."""
        prompt, completion = self.input or 0, self.output or 0
        if self.plain():
            return prompt, completion
        return self.prompt_tokens, self.completion_tokens

    def plain(self) -> bool:
        """Whether there is nothing but input and output."""
        return not (
            self.cache_read
            or self.reasoning
            or self.cache_write_5m
            or self.cache_write_1h
            or self.audio_input
            or self.audio_output
            or self.images
            or self.media
        )

    @property
    def complete(self) -> bool:
        """Whether both sides are known, so that nothing needs an estimate."""
        return self.input is not None and self.output is not None

    def plus(self, other: Usage) -> Usage:
        """Both together, each count that either has; as uncertain as the less certain of them."""
        counts = {
            name: (mine or 0) + (its or 0)
            for name in COUNTS
            for mine, its in ((getattr(self, name), getattr(other, name)),)
            if mine is not None or its is not None
        }
        sources = {self.source, other.source} - {"none"}
        source: Source = "estimated" if "estimated" in sources else "provider" if sources else "none"
        media = self.media.plus(other.media) if self.media and other.media else self.media or other.media
        return Usage(**counts, source=source, flags=tuple(dict.fromkeys((*self.flags, *other.flags))), media=media)

    def flat(self) -> Usage:
        """The same with the tokens of images among those of text, as the request log counts them."""
        media = self.media
        if media is None or not (media.image_input or media.image_output):
            return self
        return msgspec.structs.replace(
            self,
            input=(self.input or 0) + (media.image_input or 0),
            output=(self.output or 0) + (media.image_output or 0),
            media=msgspec.structs.replace(media, image_input=None, image_output=None),
        )

    def filled(self, estimate: Usage) -> Usage:
        """This usage with unreported input or output taken from ``estimate``; then the source is ``estimated``."""
        if self.complete:
            return self
        return msgspec.structs.replace(
            self,
            input=estimate.input if self.input is None else self.input,
            output=estimate.output if self.output is None else self.output,
            source="estimated",
        )


def estimate(input_bytes: int, output_chars: int = 0, chunks: int = 0) -> Usage:
    """Usage counted by size, for providers that report nothing and for interrupted requests.

    A stream's chunk carries at least one token, so the number of ``chunks`` is a floor for the output.
    """
    output = max(-(-output_chars // BYTES_PER_TOKEN), chunks)
    return Usage(input=-(-max(input_bytes, 0) // BYTES_PER_TOKEN), output=max(output, 0), source="estimated")


class Counter:
    """Takes counts out of a stranger's JSON; what is no sane count is flagged and read as not reported."""

    __slots__ = ("flags",)

    def __init__(self) -> None:
        self.flags: list[str] = []

    def count(self, where: Mapping[str, Any], *names: str) -> int | None:
        """The first sane count among ``names``."""
        for name in names:
            value = where.get(name)
            if value is None:
                continue
            if type(value) is float and value.is_integer():
                value = int(value)
            if type(value) is int and 0 <= value <= MAX_COUNT:
                return value
            self.flag(f"bad:{name}")
        return None

    def table(self, where: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
        """The first object among ``names``, or an empty one."""
        for name in names:
            value = where.get(name)
            if type(value) is dict or isinstance(value, Mapping):
                return value
            if value is not None:
                self.flag(f"bad:{name}")
        return _EMPTY

    def flag(self, flag: str) -> None:
        if flag not in self.flags:
            self.flags.append(flag)

    def part(self, value: int | None, left: int) -> int | None:
        """``value``, but never more than the ``left`` of the total it belongs to."""
        if value is None or value <= left:
            return value
        self.flag("details_exceed_total")
        return left


def from_openai(usage: Mapping[str, Any]) -> Usage:
    """Map the ``usage`` object of an OpenAI-compatible answer (chat, completions, embeddings or responses).

    ``prompt_tokens`` includes cached and audio tokens and ``completion_tokens`` includes reasoning and audio. Known
    deviations are told apart by arithmetic: cache counts of Anthropic beside a total that does not contain them,
    reasoning outside of ``completion_tokens`` (xAI), and a ``total_tokens`` above the sum of the parts (thinking tokens of
    Gemini's compatible endpoint), which counts as reasoning. DeepSeek's ``prompt_cache_hit_tokens`` is a cache read.

    Never raises on a mapping; a negative, absurd or wrongly typed count is not reported and flagged.
    """
    plain = _plain(usage)
    if plain is not None:
        return plain
    read = Counter()
    prompt = read.count(usage, "prompt_tokens", "input_tokens")
    completion = read.count(usage, "completion_tokens", "output_tokens")
    total = read.count(usage, "total_tokens")
    side = _input_side(read, usage, prompt, (completion, total))
    out = _output_side(read, usage, completion, (prompt, total, side.pop("outside")))
    values = {**side, **out}
    reported = any(value is not None for value in values.values())
    return Usage(**values, source="provider" if reported else "none", flags=tuple(read.flags))


def from_anthropic(usage: Mapping[str, Any]) -> Usage:
    """Map the ``usage`` object of Anthropic's messages: classes of input that do not overlap, output that includes thinking.

    Never raises on a mapping; a negative, absurd or wrongly typed count is not reported and flagged.
    """
    read = Counter()
    write_5m, write_1h = _cache_writes(read, usage, _EMPTY)
    output = read.count(usage, "output_tokens")
    thought = read.count(read.table(usage, "output_tokens_details"), "thinking_tokens")
    if output is not None:
        thought = read.part(thought, output)
        output -= thought or 0
    values: dict[str, Any] = {
        "input": read.count(usage, "input_tokens"),
        "cache_read": read.count(usage, "cache_read_input_tokens"),
        "cache_write_5m": write_5m,
        "cache_write_1h": write_1h,
        "output": output,
        "reasoning": thought,
    }
    reported = any(value is not None for value in values.values())
    return Usage(**values, source="provider" if reported else "none", flags=tuple(read.flags))


TOKENS_PER_IMAGE = 1290
"""Of an image that a Gemini model makes, up to 1024 by 1024 (Google's price list, November 2026)."""


def from_gemini(usage: Mapping[str, Any]) -> Usage:
    """Map ``usageMetadata`` of Gemini's API: ``promptTokenCount`` includes cached tokens, ``candidatesTokenCount`` no thoughts.

    Tokens of tools the provider calls itself are input beside the prompt. Images that were made count as images, which is how
    they are priced. What is zero is not in the report; that a side is zero and not unknown follows from the total.

    Never raises on a mapping; a negative, absurd or wrongly typed count is not reported and flagged.
    """
    read = Counter()
    prompt, cached = read.count(usage, "promptTokenCount"), read.count(usage, "cachedContentTokenCount")
    output, thought = read.count(usage, "candidatesTokenCount"), read.count(usage, "thoughtsTokenCount")
    tools, total = read.count(usage, "toolUsePromptTokenCount"), read.count(usage, "totalTokenCount")
    if total is not None and prompt is None and not read.flags:
        prompt = max(total - (output or 0) - (thought or 0) - (tools or 0), 0)
    if total is not None and output is None and prompt is not None and not read.flags:
        output = max(total - prompt - (thought or 0) - (tools or 0), 0)
    if output is not None and thought and total == (prompt or 0) + (tools or 0) + output:
        output = max(output - thought, 0)  # some endpoints count them among the candidates
    heard, spoken = _of_kind(read, usage, "promptTokensDetails"), _of_kind(read, usage, "candidatesTokensDetails")
    drawn = _of_kind(read, usage, "candidatesTokensDetails", "IMAGE")
    again = _of_kind(read, usage, "cacheTokensDetails")
    if prompt is not None:
        cached = read.part(cached, prompt)
        prompt -= cached or 0
        heard = None if heard is None else read.part(max(heard - (again or 0), 0), prompt)
        prompt += (tools or 0) - (heard or 0)
    if output is not None:
        spoken = read.part(spoken, output)
        drawn = read.part(drawn, output - (spoken or 0))
        output -= (spoken or 0) + (drawn or 0)
    values: dict[str, Any] = {
        "input": prompt, "cache_read": cached, "output": output, "reasoning": thought, "audio_input": heard,
        "audio_output": spoken, "images": None if not drawn else -(-drawn // TOKENS_PER_IMAGE),
    }  # fmt: skip
    reported = any(value is not None for value in values.values())
    return Usage(**values, source="provider" if reported else "none", flags=tuple(read.flags))


def _of_kind(read: Counter, usage: Mapping[str, Any], name: str, kind: str = "AUDIO") -> int | None:
    """Tokens of one modality in a list of details; None where there are none."""
    found: int | None = None
    details = usage.get(name)
    for each in details if isinstance(details, list) else ():
        if isinstance(each, dict) and each.get("modality") == kind:
            count = read.count(each, "tokenCount")
            found = count if found is None else found + (count or 0)
    return found


def _plain(usage: Mapping[str, Any]) -> Usage | None:
    """The usual report, three sane counts and nothing else, read without ceremony: it is on the path of every request."""
    if len(usage) != 3:
        return None
    prompt, completion, total = usage.get("prompt_tokens"), usage.get("completion_tokens"), usage.get("total_tokens")
    if (
        type(prompt) is int
        and type(completion) is int
        and prompt + completion == total
        and 0 <= prompt <= MAX_COUNT >= completion >= 0
    ):
        return Usage(input=prompt, output=completion, source="provider")
    return None


def _input_side(
    read: Counter, usage: Mapping[str, Any], prompt: int | None, others: tuple[int | None, int | None]
) -> dict[str, Any]:
    completion, total = others
    details = read.table(usage, "prompt_tokens_details", "input_tokens_details")
    anthropic_read = read.count(usage, "cache_read_input_tokens")
    cache_read = anthropic_read
    if cache_read is None:
        cache_read = read.count(details, "cached_tokens")
    if cache_read is None:
        cache_read = read.count(usage, "prompt_cache_hit_tokens")
    write_5m, write_1h = _cache_writes(read, usage, details)
    audio = read.count(details, "audio_tokens")
    cached = (cache_read or 0) + (write_5m or 0) + (write_1h or 0)
    outside = 0
    if prompt is not None:
        foreign = anthropic_read is not None or "cache_creation_input_tokens" in usage
        native = "prompt_tokens" not in usage and not details
        beyond = cached > prompt or (total is not None and total == prompt + (completion or 0) + cached)
        if foreign and cached and (native or beyond):
            outside = cached
        left = prompt + outside
        cache_read = read.part(cache_read, left)
        left -= cache_read or 0
        write_5m = read.part(write_5m, left)
        left -= write_5m or 0
        write_1h = read.part(write_1h, left)
        left -= write_1h or 0
        audio = read.part(audio, left)
        prompt = left - (audio or 0)
    return {
        "input": prompt,
        "cache_read": cache_read,
        "cache_write_5m": write_5m,
        "cache_write_1h": write_1h,
        "audio_input": audio,
        "outside": outside,
    }


def _cache_writes(read: Counter, usage: Mapping[str, Any], details: Mapping[str, Any]) -> tuple[int | None, int | None]:
    """Cache writes by lifetime; a count without lifetimes is the default one of five minutes."""
    written = read.count(usage, "cache_creation_input_tokens")
    if written is None:
        written = read.count(details, "cache_creation_tokens", "cache_write_tokens")
    lifetimes = read.table(usage, "cache_creation")
    long = read.count(lifetimes, "ephemeral_1h_input_tokens")
    short = read.count(lifetimes, "ephemeral_5m_input_tokens")
    if written is None:
        return short, long
    long = read.part(long, written)
    return written - (long or 0), long


def _output_side(
    read: Counter,
    usage: Mapping[str, Any],
    completion: int | None,
    others: tuple[int | None, int | None, int],
) -> dict[str, int | None]:
    prompt, total, outside = others
    details = read.table(usage, "completion_tokens_details", "output_tokens_details")
    reasoning = read.count(details, "reasoning_tokens")
    audio = read.count(details, "audio_tokens")
    if completion is None:
        return {"output": None, "reasoning": reasoning, "audio_output": audio}
    extra = 0
    if total is not None and prompt is not None:
        extra = max(total - prompt - outside - completion, 0)
    if extra and extra == reasoning:
        completion += extra
    elif extra:
        read.flag("total_exceeds_parts")
        completion += extra
        reasoning = (reasoning or 0) + extra
    reasoning = read.part(reasoning, completion)
    left = completion - (reasoning or 0)
    audio = read.part(audio, left)
    return {"output": left - (audio or 0), "reasoning": reasoning, "audio_output": audio}
