"""The operations of the API that the data plane serves, as data: names, paths, where the output limit is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal
from urllib.parse import unquote_to_bytes

from phantom_gateway.dialects.chat import errors as chat_errors
from phantom_gateway.dialects.gemini import errors as gemini_errors
from phantom_gateway.dialects.messages import errors as messages_errors
from phantom_gateway.dialects.responses import errors as responses_errors

if TYPE_CHECKING:
    from phantom_gateway.dialects.problem import Problem


@dataclass(frozen=True, slots=True)
class Errors:
    """How an API says that something went wrong."""

    body: Callable[[Problem], bytes]
    event: Callable[[Problem], bytes]


OPENAI = Errors(chat_errors.body, chat_errors.event)
ANTHROPIC = Errors(messages_errors.body, messages_errors.event)
GOOGLE = Errors(gemini_errors.body, gemini_errors.event)
OPENAI_RESPONSES = Errors(responses_errors.body, responses_errors.event)


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
    fields that bound the output, in order of precedence. ``free`` calls cost nothing wherever they are served. ``streamed``: the
    answer is always a stream, because the path says so. ``configured``: bounds stand inside of ``generationConfig``, and the
    model only in the path. ``keeps``: it may go on with what an upstream has kept. ``stored``: it is about such a thing, named in
    the path; the suffix that asks for it. ``other``: what the same path means under another method.
    ``cached`` ones may be answered from the cache: asking again does nothing but give an answer, which is nobody's own.
    """

    name: str
    call_type: str
    streams: bool
    output_fields: tuple[str, ...]
    input_field: str
    errors: Errors = OPENAI
    free: bool = False
    streamed: bool = False
    configured: bool = False
    keeps: bool = False
    stored: str | None = None
    method: str = "POST"
    other: Operation | None = None
    media: Media | None = None
    cached: bool = False


CHAT = Operation("chat", "acompletion", True, ("max_completion_tokens", "max_tokens"), "messages", cached=True)
COMPLETIONS = Operation("completions", "atext_completion", True, ("max_tokens",), "prompt", cached=True)
EMBEDDINGS = Operation("embeddings", "aembedding", False, (), "input", cached=True)
MESSAGES = Operation("messages", "anthropic_messages", True, ("max_tokens",), "messages", ANTHROPIC, cached=True)
COUNT_TOKENS = Operation("count_tokens", "acount_tokens", False, (), "messages", ANTHROPIC, free=True)
GENERATE = Operation(
    "generate",
    "agenerate_content",
    False,
    ("generationConfig.maxOutputTokens",),
    "contents",
    GOOGLE,
    configured=True,
    cached=True,
)
STREAM_GENERATE = replace(GENERATE, call_type="agenerate_content_stream", streamed=True)
COUNT_CONTENTS = Operation("count_contents", "acount_tokens", False, (), "contents", GOOGLE, free=True, configured=True)
_OUTPUT = ("max_output_tokens",)
# A response is never given twice: its id is one key's own, and may be of something that the provider keeps.
RESPONSES = Operation("responses", "aresponses", True, _OUTPUT, "input", OPENAI_RESPONSES, keeps=True)
COMPACT = Operation("compact", "acompact_responses", False, _OUTPUT, "input", OPENAI_RESPONSES, keeps=True)
INPUT_TOKENS = Operation(
    "input_tokens", "ainput_tokens_responses", False, (), "input", OPENAI_RESPONSES, free=True, keeps=True
)


def _stored(name: str, call_type: str, method: str, suffix: str = "", other: Operation | None = None) -> Operation:
    return Operation(
        name, call_type, False, (), "", OPENAI_RESPONSES, free=True, stored=suffix, method=method, other=other
    )


DELETE_RESPONSE = _stored("delete_response", "adelete_responses", "DELETE")
GET_RESPONSE = _stored("get_response", "aget_responses", "GET", other=DELETE_RESPONSE)
CANCEL_RESPONSE = _stored("cancel_response", "acancel_responses", "POST", "/cancel")
RESPONSE_INPUT = _stored("response_input", "alist_input_items", "GET", "/input_items")
STORED = (GET_RESPONSE, DELETE_RESPONSE, CANCEL_RESPONSE, RESPONSE_INPUT)
"""About a response that an upstream has kept."""
# None of these is given twice: pictures and voices are made to differ, recordings and forms are not read, and what a judgement or
# a ranking costs depends on more than what it says.
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
for _path in (b"/cursor/chat/completions", b"/queue/chat/completions"):
    _EXACT[_path] = CHAT
_EXACT[b"/v2/rerank"] = RERANK
for _prefix in ("", "/anthropic"):
    _EXACT[f"{_prefix}/v1/messages".encode()] = MESSAGES
    _EXACT[f"{_prefix}/v1/messages/count_tokens".encode()] = COUNT_TOKENS
_RESPONSES = ("/v1/responses", "/responses", "/openai/v1/responses")
for _prefix in _RESPONSES:
    _EXACT[_prefix.encode()] = RESPONSES
    _EXACT[f"{_prefix}/compact".encode()] = COMPACT
    _EXACT[f"{_prefix}/input_tokens".encode()] = INPUT_TOKENS

_WITH_MODEL = (b"/engines/", b"/openai/deployments/")
_METHODS = {
    b"generateContent": GENERATE,
    b"streamGenerateContent": STREAM_GENERATE,
    b"countTokens": COUNT_CONTENTS,
}
_OF_GOOGLE = (b"/v1beta/models/", b"/v1/models/", b"/models/")
"""Before the model's name and, behind a colon, one of ``_METHODS``; google-genai asks under ``/v1`` since its release 3."""
GOOGLES = b"/v1beta/"
"""Begins the paths that nobody but Google's clients asks for."""


def paths() -> Iterator[tuple[str, Operation]]:
    """Every path that is served, with ``{model}`` or ``{response_id}`` where such a name stands in it."""
    for path, operation in _EXACT.items():
        yield path.decode(), operation
    for prefix in _WITH_MODEL:
        for suffix, operation in _SUFFIXES.items():
            yield f"{prefix.decode()}{{model}}{suffix}", operation
    for prefix in _OF_GOOGLE:
        for method, operation in _METHODS.items():
            yield f"{prefix.decode()}{{model}}:{method.decode()}", operation
    for base in _RESPONSES:
        for operation in STORED:
            yield f"{base}/{{response_id}}{operation.stored}", operation


def find(path: bytes) -> tuple[Operation, str] | None:
    """The operation served at a raw request path, and the model (Azure and engines style) or response named in it, or ``""``."""
    operation = _EXACT.get(path)
    if operation is not None:
        return operation, ""
    for prefix in _WITH_MODEL:
        if path.startswith(prefix):
            return _find_with_model(path[len(prefix) :])
    for prefix in _OF_GOOGLE:
        if path.startswith(prefix):
            return _find_method(path[len(prefix) :])
    if path.find(b"/responses/") >= 0:
        return _find_stored(path)
    return None


def _find_stored(path: bytes) -> tuple[Operation, str] | None:
    """A kept response: its id, and what is asked of it."""
    text = path.decode("latin-1")
    for prefix in _RESPONSES:
        if text.startswith(f"{prefix}/"):
            name, slash, rest = text[len(prefix) + 1 :].partition("/")
            for operation in (GET_RESPONSE, CANCEL_RESPONSE, RESPONSE_INPUT):
                if name and slash + rest == operation.stored:
                    return operation, name
    return None


def is_google(path: bytes) -> bool:
    """Whether only Google's clients ask there: they may send their key in the address, and want their own errors."""
    found = None if path.startswith(GOOGLES) else find(path)
    return path.startswith(GOOGLES) or (found is not None and found[0].errors is GOOGLE)


def _find_method(rest: bytes) -> tuple[Operation, str] | None:
    """``rest`` is ``{model}:generateContent``; the name may have slashes, also percent-encoded."""
    name, _, method = rest.rpartition(b":")
    operation = _METHODS.get(method)
    if operation is None or not name:
        return None
    try:
        return operation, unquote_to_bytes(name).decode()
    except UnicodeDecodeError:
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
