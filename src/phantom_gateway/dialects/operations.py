"""The operations of the API that the data plane serves, as data: names, paths, where the output limit is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

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
class Operation:
    """One kind of call.

    ``name`` keys ``Deployment.paths``; ``call_type`` is LiteLLM's name in the spend log; ``output_fields`` name the request
    fields that bound the output, in order of precedence. ``free`` calls cost nothing wherever they are served. ``cached`` ones
    may be answered from the cache: asking again does nothing but give an answer.
    """

    name: str
    call_type: str
    streams: bool
    output_fields: tuple[str, ...]
    input_field: str
    errors: Errors = OPENAI
    free: bool = False
    cached: bool = False


CHAT = Operation("chat", "acompletion", True, ("max_completion_tokens", "max_tokens"), "messages", cached=True)
COMPLETIONS = Operation("completions", "atext_completion", True, ("max_tokens",), "prompt", cached=True)
EMBEDDINGS = Operation("embeddings", "aembedding", False, (), "input", cached=True)
MESSAGES = Operation("messages", "anthropic_messages", True, ("max_tokens",), "messages", ANTHROPIC, cached=True)
COUNT_TOKENS = Operation("count_tokens", "acount_tokens", False, (), "messages", ANTHROPIC, free=True)

_SUFFIXES = {
    "/chat/completions": CHAT,
    "/completions": COMPLETIONS,
    "/embeddings": EMBEDDINGS,
}

_EXACT: dict[bytes, Operation] = {}
for _suffix, _operation in _SUFFIXES.items():
    for _prefix in ("", "/v1"):
        _EXACT[(_prefix + _suffix).encode()] = _operation
_EXACT[b"/cursor/chat/completions"] = CHAT
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
