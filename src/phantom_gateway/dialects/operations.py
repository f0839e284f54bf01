"""The operations of the API that the data plane serves, as data: names, paths, where the output limit is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from phantom_gateway.dialects.chat import errors as chat_errors
from phantom_gateway.dialects.gemini import errors as gemini_errors
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
GOOGLE = Errors(gemini_errors.body, gemini_errors.event)


@dataclass(frozen=True, slots=True)
class Operation:
    """One kind of call.

    ``name`` keys ``Deployment.paths``; ``call_type`` is LiteLLM's name in the spend log; ``output_fields`` name the request
    fields that bound the output, in order of precedence. ``free`` calls cost nothing wherever they are served. ``streamed``: the
    answer is always a stream, because the path says so. ``configured``: bounds stand inside of ``generationConfig``, and the
    model only in the path.
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


CHAT = Operation("chat", "acompletion", True, ("max_completion_tokens", "max_tokens"), "messages")
COMPLETIONS = Operation("completions", "atext_completion", True, ("max_tokens",), "prompt")
EMBEDDINGS = Operation("embeddings", "aembedding", False, (), "input")
MESSAGES = Operation("messages", "anthropic_messages", True, ("max_tokens",), "messages", ANTHROPIC)
COUNT_TOKENS = Operation("count_tokens", "acount_tokens", False, (), "messages", ANTHROPIC, free=True)
GENERATE = Operation(
    "generate", "agenerate_content", False, ("generationConfig.maxOutputTokens",), "contents", GOOGLE, configured=True
)
STREAM_GENERATE = replace(GENERATE, call_type="agenerate_content_stream", streamed=True)
COUNT_CONTENTS = Operation("count_contents", "acount_tokens", False, (), "contents", GOOGLE, free=True, configured=True)

_SUFFIXES = {
    "/chat/completions": CHAT,
    "/completions": COMPLETIONS,
    "/embeddings": EMBEDDINGS,
}

_EXACT: dict[bytes, Operation] = {}
for _suffix, _operation in _SUFFIXES.items():
    for _prefix in ("", "/v1"):
        _EXACT[(_prefix + _suffix).encode()] = _operation
for _path in (b"/cursor/chat/completions", b"/queue/chat/completions"):
    _EXACT[_path] = CHAT
for _prefix in ("", "/anthropic"):
    _EXACT[f"{_prefix}/v1/messages".encode()] = MESSAGES
    _EXACT[f"{_prefix}/v1/messages/count_tokens".encode()] = COUNT_TOKENS

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
    """Every path that is served, with ``{model}`` where the model's name stands in it."""
    for path, operation in _EXACT.items():
        yield path.decode(), operation
    for prefix in _WITH_MODEL:
        for suffix, operation in _SUFFIXES.items():
            yield f"{prefix.decode()}{{model}}{suffix}", operation
    for prefix in _OF_GOOGLE:
        for method, operation in _METHODS.items():
            yield f"{prefix.decode()}{{model}}:{method.decode()}", operation


def find(path: bytes) -> tuple[Operation, str] | None:
    """The operation served at a raw request path, and the model named in the path (Azure and engines style) or ``""``."""
    operation = _EXACT.get(path)
    if operation is not None:
        return operation, ""
    for prefix in _WITH_MODEL:
        if path.startswith(prefix):
            return _find_with_model(path[len(prefix) :])
    for prefix in _OF_GOOGLE:
        if path.startswith(prefix):
            return _find_method(path[len(prefix) :])
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
