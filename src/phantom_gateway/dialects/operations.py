"""The operations of the API that the data plane serves, as data: names, paths, where the output limit is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from phantom_gateway.dialects.chat import errors as chat_errors
from phantom_gateway.dialects.messages import errors as messages_errors

if TYPE_CHECKING:
    from phantom_gateway.dialects.problem import Problem


@dataclass(frozen=True, slots=True)
class Errors:
    """How an API says that something went wrong."""

    body: Callable[[Problem], bytes]
    event: Callable[[Problem], bytes]


OPENAI = Errors(chat_errors.body, chat_errors.event)
ANTHROPIC = Errors(messages_errors.body, messages_errors.event)


@dataclass(frozen=True, slots=True)
class Media:
    """What is special about calls that are not about text alone.

    ``unit`` says what is billed beside tokens: images, spoken characters, seconds of a recording, search units.
    """

    unit: Literal["text", "image", "speech", "audio", "query"]
    form: bool = False
    """May come as ``multipart/form-data``."""
    raw: bool = False
    """The answer is passed on as it comes, without being read."""
    streams: bool = False
    """By a field ``stream``."""
    model: str = ""
    """What is asked when the request names no model."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of call.

    ``name`` keys ``Deployment.paths``; ``call_type`` is LiteLLM's name in the spend log; ``output_fields`` name the request
    fields that bound the output, in order of precedence. ``free`` calls cost nothing wherever they are served.
    """

    name: str
    call_type: str
    streams: bool
    output_fields: tuple[str, ...]
    input_field: str
    errors: Errors = OPENAI
    free: bool = False
    media: Media | None = None


CHAT = Operation("chat", "acompletion", True, ("max_completion_tokens", "max_tokens"), "messages")
COMPLETIONS = Operation("completions", "atext_completion", True, ("max_tokens",), "prompt")
EMBEDDINGS = Operation("embeddings", "aembedding", False, (), "input")
MESSAGES = Operation("messages", "anthropic_messages", True, ("max_tokens",), "messages", ANTHROPIC)
COUNT_TOKENS = Operation("count_tokens", "acount_tokens", False, (), "messages", ANTHROPIC, free=True)
MODERATIONS = Operation(
    "moderations", "amoderation", False, (), "input", media=Media("text", model="omni-moderation-latest")
)
IMAGES = Operation("images", "aimage_generation", True, (), "prompt", media=Media("image", streams=True))
IMAGE_EDITS = Operation("image_edits", "aimage_edit", True, (), "prompt", media=Media("image", form=True, streams=True))
IMAGE_VARIATIONS = Operation(
    "image_variations", "aimage_variation", False, (), "image", media=Media("image", form=True)
)
SPEECH = Operation("speech", "aspeech", False, (), "input", media=Media("speech", raw=True))
TRANSCRIPTIONS = Operation(
    "transcriptions", "atranscription", True, (), "file", media=Media("audio", form=True, streams=True)
)
TRANSLATIONS = Operation("translations", "atranslation", False, (), "file", media=Media("audio", form=True))
RERANK = Operation("rerank", "arerank", False, (), "documents", media=Media("query"))

_SUFFIXES = {
    "/chat/completions": CHAT,
    "/completions": COMPLETIONS,
    "/embeddings": EMBEDDINGS,
    "/moderations": MODERATIONS,
    "/images/generations": IMAGES,
    "/images/edits": IMAGE_EDITS,
    "/images/variations": IMAGE_VARIATIONS,
    "/audio/speech": SPEECH,
    "/audio/transcriptions": TRANSCRIPTIONS,
    "/audio/translations": TRANSLATIONS,
    "/rerank": RERANK,
}

_EXACT: dict[bytes, Operation] = {}
for _suffix, _operation in _SUFFIXES.items():
    for _prefix in ("", "/v1"):
        _EXACT[(_prefix + _suffix).encode()] = _operation
_EXACT[b"/cursor/chat/completions"] = CHAT
_EXACT[b"/v2/rerank"] = RERANK
for _prefix in ("", "/anthropic"):
    _EXACT[f"{_prefix}/v1/messages".encode()] = MESSAGES
    _EXACT[f"{_prefix}/v1/messages/count_tokens".encode()] = COUNT_TOKENS

_WITH_MODEL = (b"/engines/", b"/openai/deployments/")


def paths() -> Iterator[tuple[str, Operation]]:
    """Every path that is served, with ``{model}`` where the model's name stands in it."""
    for path, operation in _EXACT.items():
        yield path.decode(), operation
    for prefix in _WITH_MODEL:
        for suffix, operation in _SUFFIXES.items():
            yield f"{prefix.decode()}{{model}}{suffix}", operation


def find(path: bytes) -> tuple[Operation, str] | None:
    """The operation served at a raw request path, and the model named in the path (Azure and engines style) or ``""``."""
    operation = _EXACT.get(path)
    if operation is not None:
        return operation, ""
    for prefix in _WITH_MODEL:
        if path.startswith(prefix):
            return _find_with_model(path[len(prefix) :])
    return None


def _find_with_model(rest: bytes) -> tuple[Operation, str] | None:
    """``rest`` is ``{model}/chat/completions``; a model name may itself contain slashes."""
    for suffix, operation in _SUFFIXES.items():
        if rest.endswith(suffix.encode()) and len(rest) > len(suffix):
            try:
                return operation, rest[: -len(suffix)].decode("ascii")
            except UnicodeDecodeError:
                return None
    return None
