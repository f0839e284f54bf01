"""What a caller asks of the gateway itself, beside the call: labels for the record, and less patience than configured.

Taken from ``x-litellm-*`` headers and from LiteLLM's own fields of the body, which stay here; a header wins over the body.
Nothing of it names a destination or a credential, and no bound of the configuration can be exceeded by it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from phantom_gateway.gateway.caching import controls
from phantom_gateway.gateway.errors import invalid_request

if TYPE_CHECKING:
    from phantom_gateway.gateway.body import Call

MAX_TEXT = 256
MAX_TAGS = 32
MAX_FALLBACKS = 20
_CONTROL = re.compile("[\\x00-\\x1f\\x7f]")

Reason = Literal["general", "context_window", "content_policy"]
"""Why a request is to go on elsewhere."""

_FALLBACKS: Mapping[Reason, str] = {
    "general": "fallbacks",
    "context_window": "context_window_fallbacks",
    "content_policy": "content_policy_fallbacks",
}
_MOCKS: Mapping[Reason, str] = {
    "general": "mock_testing_fallbacks",
    "context_window": "mock_testing_context_fallbacks",
    "content_policy": "mock_testing_content_policy_fallbacks",
}
_ROUTING = frozenset({"disable_fallbacks", *_FALLBACKS.values(), *_MOCKS.values()})
_FIELDS = frozenset(
    {
        "user", "timeout", "request_timeout", "stream_timeout", "num_retries", "tags", "metadata", "litellm_metadata",
        "litellm_session_id", "litellm_trace_id", "cache", *_ROUTING,
    }
)  # fmt: skip


_NOTHING: Mapping[Reason, tuple[str, ...]] = MappingProxyType({})


class Wishes(NamedTuple):
    """Everything a caller may ask for. None: nothing was said."""

    end_user: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    timeout_s: float | None = None
    """For each attempt."""
    stream_timeout_s: float | None = None
    """For the first byte of a stream in each attempt."""
    num_retries: int | None = None
    tags: tuple[str, ...] = ()
    priority: str | None = None
    """A lower one than the key has."""
    is_impatient: bool = False
    """Whether there is a timeout among them."""
    fallbacks: Mapping[Reason, tuple[str, ...]] = _NOTHING
    """Models to go on with instead of the configured ones, by the reason."""
    no_fallbacks: bool = False
    mocked: Reason | None = None
    """The first attempt is taken as failed for this reason, to try the fallbacks."""
    cache: controls.Controls = controls.NONE

    def further(self) -> tuple[str, ...]:
        """All models the request names itself."""
        return tuple([name for names in self.fallbacks.values() for name in names])


NONE = Wishes()


def read(call: Call, headers: Mapping[bytes, bytes], customer_headers: tuple[bytes, ...]) -> Wishes:
    """The wishes of one request. Raises ApiError 400 for a number that is none, and for a name with control characters.

    Such a name is refused rather than left out: who has a limit must not get round it by a name that nobody can look up.
    """
    from_body = not _FIELDS.isdisjoint(call.fields)
    from_headers = b"".join(headers).find(b"x-litellm-") >= 0
    if not from_body and not from_headers and not customer_headers:
        return NONE
    field: dict[str, Any] = {name: call.field(name) for name in _FIELDS & call.fields.keys()} if from_body else {}
    if not from_headers:
        headers = {name: headers[name] for name in customer_headers if name in headers}
    timeout = field.get("timeout", field.get("request_timeout"))
    timeout_s = _seconds(_header(headers, b"x-litellm-timeout"), "x-litellm-timeout") or _seconds(timeout, "timeout")
    stream_timeout_s = _seconds(_header(headers, b"x-litellm-stream-timeout"), "x-litellm-stream-timeout") or _seconds(
        field.get("stream_timeout"), "stream_timeout"
    )
    fallbacks: Mapping[Reason, tuple[str, ...]] = _NOTHING
    mocked: Reason | None = None
    no_fallbacks = False
    if not _ROUTING.isdisjoint(field):
        fallbacks = {
            reason: _names(field[name], name, call.model)
            for reason, name in _FALLBACKS.items()
            if field.get(name) is not None
        }
        mocked = next((reason for reason, name in _MOCKS.items() if field.get(name) is True), None)
        no_fallbacks = field.get("disable_fallbacks") is True
    return Wishes(
        end_user=_text(field.get("user"), "user")
        or _named(field.get("metadata"))
        or named_by(headers, customer_headers)
        or _header(headers, b"x-litellm-end-user-id")
        or _header(headers, b"x-litellm-customer-id"),
        session_id=_header(headers, b"x-litellm-session-id")
        or _text(field.get("litellm_session_id"), "litellm_session_id"),
        trace_id=_header(headers, b"x-litellm-trace-id") or _text(field.get("litellm_trace_id"), "litellm_trace_id"),
        timeout_s=timeout_s,
        stream_timeout_s=stream_timeout_s,
        is_impatient=timeout_s is not None or stream_timeout_s is not None,
        num_retries=_retries(headers, field),
        tags=_tags(headers, field),
        priority=_header(headers, b"x-litellm-priority"),
        fallbacks=fallbacks,
        no_fallbacks=no_fallbacks,
        mocked=mocked,
        cache=controls.read(field.get("cache")),
    )


def _names(value: Any, field: str, model: str) -> tuple[str, ...]:
    """Model names, in the ways LiteLLM takes them: ``["a"]``, ``[{"model": "a"}]``, ``[{"asked": ["a", "b"]}]``.

    Raises ApiError 400 for anything else: LiteLLM's other parameters of a fallback would change what is asked.
    """
    found: list[Any] = []
    for each in value if isinstance(value, list) else [None]:
        if isinstance(each, str):
            found.append(each)
        elif isinstance(each, dict) and each.keys() == {"model"}:
            found.append(each["model"])
        elif isinstance(each, dict) and each and all(isinstance(names, list) for names in each.values()):
            found += each.get(model) or each.get("*") or []
        else:
            found.append(None)
    if len(found) > MAX_FALLBACKS or not all(isinstance(name, str) and 0 < len(name) <= MAX_TEXT for name in found):
        raise invalid_request(
            f"'{field}' must be a list of at most {MAX_FALLBACKS} model names, and nothing else.", field
        )
    return tuple(dict.fromkeys(found))


def named_by(headers: Mapping[bytes, bytes], names: tuple[bytes, ...]) -> str | None:
    """What the first of these headers that is there says. Raises ApiError 400 for control characters."""
    return next(filter(None, [_header(headers, name) for name in names]), None)


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    if not value:
        return None
    text = value.decode("latin-1")[:MAX_TEXT]
    return text if text.isprintable() else _checked(text, name.decode("latin-1"))


def _text(value: Any, name: str) -> str | None:
    if not isinstance(value, str) or not value:
        return None
    text = value[:MAX_TEXT]
    return text if text.isprintable() else _checked(text, name)


def _checked(text: str, name: str) -> str:
    if _CONTROL.search(text):
        raise invalid_request(f"'{name}' must not contain control characters.", name)
    return text


def _named(metadata: Any) -> str | None:
    """Anthropic's place for the caller's user."""
    return _text(metadata.get("user_id"), "metadata.user_id") if isinstance(metadata, dict) else None


def _seconds(value: Any, name: str) -> float | None:
    if value is None:
        return None
    seconds = _number(value, name)
    if seconds <= 0:
        raise invalid_request(f"'{name}' must be a number of seconds above 0.", name)
    return seconds


def _number(value: Any, name: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise invalid_request(f"'{name}' must be a number.", name)
    return number


def _retries(headers: Mapping[bytes, bytes], field: Mapping[str, Any]) -> int | None:
    name = "x-litellm-num-retries"
    value: Any = _header(headers, name.encode())
    if value is None:
        name, value = "num_retries", field.get("num_retries")
    if value is None:
        return None
    number = _number(value, name)
    if number < 0 or number != int(number):
        raise invalid_request(f"'{name}' must be a whole number from 0.", name)
    return int(number)


def _tags(headers: Mapping[bytes, bytes], field: Mapping[str, Any]) -> tuple[str, ...]:
    """Of the header (comma-separated), of ``tags``, ``metadata.tags`` and ``litellm_metadata.tags``: all of them, once each."""
    found = [each.strip() for each in (_header(headers, b"x-litellm-tags") or "").split(",")]
    for name in ("tags", "metadata", "litellm_metadata"):
        value = field.get(name)
        if name != "tags":
            value = value.get("tags") if isinstance(value, dict) else None
        if isinstance(value, list):
            said = name if name == "tags" else f"{name}.tags"
            found += [_checked(each[:MAX_TEXT], said) for each in value if isinstance(each, str)]
    return tuple(dict.fromkeys([each for each in found if each]))[:MAX_TAGS]
