"""What the data plane says when it refuses or fails; one shape, rendered in the caller's dialect.

ApiError
├── raised by authenticate: auth_error, token_not_found_in_db, expired_key
├── raised by admit: budget_exceeded, throttling_error, *_model_access_denied, ...
├── raised by route and call: invalid_request_error (unknown model), internal_server_error, timeout_error
└── upstream answers that are passed on: the upstream's own status and words, without secrets

``type`` values are LiteLLM's (1.106.2, read November 2026), so clients that parse them go on working.
"""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects.operations import OPENAI, Errors
from phantom_gateway.dialects.problem import Problem


class ApiError(Exception):
    """An error with everything a client (person or agent) needs to act on it.

    ``details`` is machine-readable: entity, window, limit, reset time, retry advice. ``upstream`` marks failures of the
    provider rather than of the request.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.message = message
        self.param = param
        self.code = code
        self.details = details
        self.headers = headers
        self.call_id = ""
        """Under which the failure is in the ledger, once it has an entry there."""

    def body(self, shape: Errors = OPENAI) -> bytes:
        """The error object in the caller's dialect."""
        return shape.body(self._problem())

    def event(self, shape: Errors = OPENAI, sequence: int = 0) -> bytes:
        """The error as a server-sent event, for a stream that has begun; ``sequence``: its number, where events have one."""
        return shape.event(self._problem()._replace(sequence=sequence))

    def _problem(self) -> Problem:
        return Problem(self.status, self.kind, self.message, self.param, self.code, self.details, call_id=self.call_id)


def invalid_request(message: str, param: str | None = None, **details: Any) -> ApiError:
    """400: the request cannot be understood or asks for something that does not exist."""
    return ApiError(400, "invalid_request_error", message, param=param, details=details or None)


def unavailable(message: str, kind: str = "service_unavailable", retry_after: int = 1) -> ApiError:
    """503: this node cannot serve right now; the request was not sent anywhere."""
    return ApiError(
        503,
        kind,
        message,
        headers=((b"retry-after", str(retry_after).encode()),),
        details={"retry_after_s": retry_after},
    )
