"""The neutral form: a conversation with a model, and its answer, without anybody's spelling.

Each API format has a folder with the same modules (``request``, ``response``, ``stream``, ``errors``) that read it into this
form and write it from it. What a format has and another has not is kept here by its meaning (cache breakpoints, signatures of
thinking, citations, usage by class); what only one format knows is kept as it came: ``Opaque`` parts and tools, and ``extra``
fields of the request. Nothing here does I/O.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

Cache = dict[str, Any] | None
"""A cache breakpoint, in Anthropic's words (``{"type": "ephemeral", "ttl": "1h"}``): OpenAI's format has none of its own."""


GEMINI_SIGNED = "gemini:"
"""Begins a signature that Gemini gave: callers carry signatures from one provider to another, and nobody takes a stranger's."""


class Untranslatable(ValueError):
    """What was said in one format cannot be said in the other, or is malformed. ``param`` names the place."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


@dataclass(slots=True)
class Text:
    """A piece of text. ``citations`` are kept as they came."""

    text: str
    cache: Cache = None
    citations: list[Any] | None = None


@dataclass(slots=True)
class Image:
    """An image: by address, by bytes (``data`` in base64, with ``media_type``), or by the id of a file at the provider."""

    url: str = ""
    media_type: str = ""
    data: str = ""
    file_id: str = ""
    detail: str = ""
    cache: Cache = None


@dataclass(slots=True)
class Document:
    """A file to read: by address, by bytes in base64, as plain text, or by the id of a file at the provider."""

    url: str = ""
    media_type: str = ""
    data: str = ""
    text: str = ""
    file_id: str = ""
    title: str = ""
    context: str = ""
    citations: dict[str, Any] | None = None
    cache: Cache = None


@dataclass(slots=True)
class ToolCall:
    """The model calls a function; ``arguments`` is the JSON text as the model wrote it."""

    id: str
    name: str
    arguments: str
    cache: Cache = None


@dataclass(slots=True)
class ToolResult:
    """What a called function gave."""

    call_id: str
    parts: list[Part]
    is_error: bool = False
    cache: Cache = None


@dataclass(slots=True)
class Thinking:
    """Reasoning the provider shows. Without its ``signature`` the provider does not take it back."""

    text: str
    signature: str = ""


@dataclass(slots=True)
class Redacted:
    """Reasoning the provider does not show, to be given back as it came."""

    data: str


@dataclass(slots=True)
class Opaque:
    """A part or tool that only one format knows; ``dialect`` is its name."""

    dialect: str
    value: dict[str, Any]

    @property
    def kind(self) -> str:
        """What it is, for people: its type, or the name of its only field."""
        return str(self.value.get("type") or next(iter(self.value), "unknown"))[:64]


Part = Text | Image | Document | ToolCall | ToolResult | Thinking | Redacted | Opaque
Role = Literal["system", "user", "assistant"]


@dataclass(slots=True)
class Message:
    """What one side said."""

    role: Role
    parts: list[Part]
    name: str = ""


@dataclass(slots=True)
class Tool:
    """A function the model may call; ``schema`` describes its arguments (JSON Schema)."""

    name: str
    description: str = ""
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    cache: Cache = None


@dataclass(slots=True)
class Choice:
    """Whether tools must be called, and which."""

    kind: Literal["auto", "none", "required", "named"]
    name: str = ""


@dataclass(slots=True)
class Structure:
    """The answer has to be JSON, of this schema if there is one."""

    schema: dict[str, Any] | None = None
    name: str = ""
    strict: bool | None = None


@dataclass(slots=True)
class Settings:
    """How to answer. None: the caller is silent."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] | None = None
    user: str | None = None
    effort: str | None = None
    """How hard to think: ``none``, ``minimal``, ``low``, ``medium``, ``high``, ``xhigh``, ``max``."""
    thinking: dict[str, Any] | None = None
    """The same in Anthropic's words (``{"type": "enabled", "budget_tokens": 2048}``)."""
    structure: Structure | None = None
    choice: Choice | None = None
    parallel: bool | None = None
    """Whether several tools may be called at once."""


@dataclass(slots=True)
class Ask:
    """A request. ``extra`` holds the fields that the reader has no place for, as they came."""

    messages: list[Message]
    tools: list[Tool | Opaque] = field(default_factory=list)
    settings: Settings = field(default_factory=Settings)
    stream: bool = False
    cache: Cache = None
    """A cache breakpoint of the whole request."""
    extra: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """Fields without a meaning outside of the format they were said in."""


@dataclass(slots=True)
class Terms:
    """What the writer of a request has to know of where it goes."""

    model: str
    output_limit: int = 0
    """Output tokens the model can give; 0: unknown."""
    ask_usage: bool = False
    """Usage at the end of a stream has to be asked for."""
    traits: frozenset[str] = frozenset()
    """What is known of the upstream (``Deployment.traits``)."""
    drop: bool = False
    """Leave out parameters that change the answer and that the upstream does not have, rather than refusing."""


@dataclass(slots=True)
class Written:
    """A request in the words of an upstream."""

    body: dict[str, Any]
    dropped: list[str] = field(default_factory=list)
    """Parameters that the upstream does not have and that were left out."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Tools under another name, and what the caller calls them."""


class Stop(Enum):
    """Why an answer ended."""

    END = "end"
    LENGTH = "length"
    TOOL = "tool"
    SEQUENCE = "sequence"
    FILTER = "filter"
    PAUSE = "pause"


@dataclass(slots=True)
class Tokens:
    """Usage in disjoint classes of input; ``output`` includes ``reasoning``. For showing; bills come from ``ledger.usage``."""

    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int | None = None


@dataclass(slots=True)
class Answer:
    """A whole answer."""

    id: str
    parts: list[Part]
    stop: Stop = Stop.END
    sequence: str | None = None
    """The stop sequence that was met."""
    tokens: Tokens | None = None
    logprobs: list[Any] | None = None
    """How likely each token was, in OpenAI's words."""
    others: list[Answer] = field(default_factory=list)
    """Further answers to the same question, where several were asked for; they have no usage of their own."""


# --- the events of a stream, in order: Started, (Opened, Grew..., Shut)..., Stopped, Ended; Failed at any time


@dataclass(slots=True)
class Started:
    """The answer begins."""

    id: str
    tokens: Tokens | None = None


@dataclass(slots=True)
class Opened:
    """A part begins; it is empty, or (``Redacted``, ``Opaque``) whole."""

    index: int
    part: Part


@dataclass(slots=True)
class Grew:
    """A part gets longer. ``value``: the citation, the whole delta (``opaque``), what tokens were likely (``logprobs``)."""

    index: int
    kind: Literal["text", "thinking", "signature", "arguments", "citation", "logprobs", "opaque"]
    text: str = ""
    value: Any = None


@dataclass(slots=True)
class Shut:
    """A part is whole."""

    index: int


@dataclass(slots=True)
class Stopped:
    """The answer is whole, and why."""

    stop: Stop
    sequence: str | None = None
    tokens: Tokens | None = None


@dataclass(slots=True)
class Ended:
    """The upstream said that nothing follows."""


@dataclass(slots=True)
class Failed:
    """The upstream broke off and said so."""

    kind: str
    message: str


StreamEvent = Started | Opened | Grew | Shut | Stopped | Ended | Failed
