"""What the SDK raises, as a status and an error in OpenAI's words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from phantom_gateway.bridge.inside import http

Concealer = Callable[[str], str]
SHORTEST = 8
"""Characters a credential has at least: shorter ones would be found in any text."""
MAX_MESSAGE = 2000
_PREFIX = re.compile(r"^(?:litellm\.(?:exceptions\.)?\w+: *)+")
_CODES = {
    "ContextWindowExceededError": "context_length_exceeded",
    "ContentPolicyViolationError": "content_policy_violation",
    "UnsupportedParamsError": "unsupported_parameter",
    "RateLimitError": "rate_limit_exceeded",
}
_STATUS = {"APIConnectionError": 502, "APIError": 502, "APIResponseValidationError": 502, "Timeout": 504}
"""Where the SDK's own number says something else than what happened."""
_OURS = (
    "TypeError",
    "AttributeError",
    "KeyError",
    "ValueError",
    "ImportError",
    "ModuleNotFoundError",
    "NotImplementedError",
)


class Failure(NamedTuple):
    """A refused or failed call."""

    status: int
    body: bytes
    headers: list[tuple[str, str]]


class Refused(Exception):
    """The bridge itself refuses a call; the message is for the caller."""

    def __init__(self, message: str, param: str = "", status: int = 400) -> None:
        super().__init__(message)
        self.message, self.param, self.status_code = message, param, status


def concealer(values: list[str]) -> Concealer:
    """Takes credentials out of texts: providers quote them in errors."""
    found = sorted({value for value in values if len(value) >= SHORTEST}, key=len, reverse=True)

    def conceal(text: str) -> str:
        for value in found:
            text = text.replace(value, "[key]")
        return text

    return conceal


def told(error: BaseException, conceal: Concealer) -> Failure:
    """How a failure is told."""
    name = type(error).__name__
    status = _STATUS.get(name) or getattr(error, "status_code", None)
    if type(status) is not int or not 400 <= status <= 599:
        status = 500
    message = _PREFIX.sub("", str(getattr(error, "message", "")) or str(error) or name).partition("\nTraceback (")[0]
    if status == 500 and name in _OURS:
        message = f"The SDK failed: {name}: {message}"
    headers = []
    if isinstance(error, ImportError):
        # an optional package of the SDK: for the operator, who asks the caller what he was told
        status, headers = 501, [("x-phantom-bridge-failed", "1")]
    body = http.failure(conceal(message)[:MAX_MESSAGE], name, _CODES.get(name, ""))
    after = _header(error, "retry-after")
    return Failure(status, body, [*headers, ("retry-after", after)] if after else headers)


def _header(error: BaseException, name: str) -> str:
    for headers in (
        getattr(getattr(error, "response", None), "headers", None),
        getattr(error, "litellm_response_headers", None),
    ):
        look: Any = getattr(headers, "get", None)
        if look is not None:
            value: Any = look(name)
            if isinstance(value, str) and value.isascii() and value.isprintable() and len(value) <= 64:
                return value
    return ""
