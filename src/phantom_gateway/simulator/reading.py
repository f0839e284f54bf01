"""What the simulator reads in a request body: the texts, their words, the limits, the tools."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from phantom_gateway.simulator.controls import Controls, merge, split_model
from phantom_gateway.wire import multipart

TOKENS_PER_MESSAGE = 3
MAX_CHOICES = 128


class BadRequestError(ValueError):
    """The body is not what the endpoint takes; answered with 400 in OpenAI's shape."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


@dataclass(frozen=True, slots=True)
class Ask:
    """A request body, decoded, with what every endpoint needs of it."""

    body: dict[str, Any]
    model: str
    user: str
    controls: Controls
    digest: str
    """24 hex digits of the body: the ids of the answer."""
    files: Mapping[str, int] = field(default_factory=dict)
    """The files of a form: their names and sizes; its other fields are in ``body``."""

    @property
    def stream(self) -> bool:
        """Whether the answer is asked for as a stream."""
        return self.body.get("stream") in (True, "true")

    @property
    def include_usage(self) -> bool:
        """``stream_options.include_usage``."""
        options = self.body.get("stream_options")
        return isinstance(options, dict) and options.get("include_usage") is True


def read(raw: bytes, header: str, model: str = "") -> Ask:
    """Decode a body, JSON or a form, and its controls; ``model``: where the path names it.

    Raises BadRequestError or ControlError.
    """
    body, files = _form(raw) if raw.startswith(b"--") else (_object(raw), {})
    named = model or body.get("model")
    if not isinstance(named, str) or not named:
        raise BadRequestError("you must provide a model parameter", "model")
    model, suffix = split_model(named)
    user = body.get("user")
    metadata = body.get("metadata")
    if user is None and isinstance(metadata, dict):
        user = metadata.get("user_id")
    digest = hashlib.blake2b(raw, digest_size=12).hexdigest()
    controls = merge(suffix, body.get("simulate"), header)
    return Ask(body, model, user if isinstance(user, str) else "", controls, digest, files)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequestError(f"The body is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise BadRequestError("The body must be a JSON object.")
    return body


def _form(raw: bytes) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        parts = multipart.parse(raw, raw[2:].partition(b"\r\n")[0])
    except multipart.FormError as error:
        raise BadRequestError(f"The body is no form: {error}") from error
    texts = {part.name: bytes(part.content).decode("utf-8", "replace") for part in parts if not part.is_file}
    files = {f"{index}:{part.name}": len(part.content) for index, part in enumerate(parts) if part.is_file}
    return {name: int(text) if text.isdecimal() else text for name, text in texts.items()}, files


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The chat messages. Raises BadRequestError when there are none or they are not objects."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("Missing required parameter: 'messages'.", "messages")
    if not all(isinstance(message, dict) for message in messages):
        raise BadRequestError("Invalid type for 'messages': expected objects.", "messages")
    return messages


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list joined by a space."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    texts = (part.get("text") if isinstance(part, dict) else part for part in content)
    return " ".join(text for text in texts if isinstance(text, str))


def count_messages(messages: list[dict[str, Any]]) -> int:
    """Words of all texts and three per message."""
    return sum(len(text_of(message.get("content")).split()) + TOKENS_PER_MESSAGE for message in messages)


def prompts_of(value: Any, name: str) -> list[str]:
    """A prompt or input as a list of texts; token ids are taken as words. Raises BadRequestError."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and value:
        if all(isinstance(item, str) for item in value):
            return value
        if all(isinstance(item, int) for item in value):
            return [" ".join(map(str, value))]
        if all(isinstance(item, list) for item in value):
            return [" ".join(map(str, item)) for item in value]
    raise BadRequestError(f"Missing or invalid parameter: '{name}'.", name)


def choices_of(body: dict[str, Any]) -> int:
    """``n``, default 1. Raises BadRequestError."""
    n = body.get("n")
    if n is None:
        return 1
    if not isinstance(n, int) or isinstance(n, bool) or not 1 <= n <= MAX_CHOICES:
        raise BadRequestError(f"Invalid 'n': expected an integer from 1 to {MAX_CHOICES}.", "n")
    return n


def max_tokens_of(body: dict[str, Any]) -> int | None:
    """The lower of ``max_completion_tokens`` and ``max_tokens``, or None. Raises BadRequestError."""
    found = []
    for name in ("max_completion_tokens", "max_tokens"):
        value = body.get(name)
        if value is None:
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise BadRequestError(f"Invalid '{name}': expected a positive integer.", name)
        found.append(value)
    return min(found, default=None)
