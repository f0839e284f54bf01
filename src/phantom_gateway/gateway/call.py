"""One attempt: a request goes to one deployment, its answer comes back, and what went wrong gets its name.

Which deployment is asked, and what follows from a failure, is the business of ``route``.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Mapping
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import msgspec

from phantom_gateway.dialects.neutral import Failed
from phantom_gateway.gateway import headers
from phantom_gateway.gateway.asking import own_answer, question, tap_of, translated, with_own_ids
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.relay import BeganWithError, StreamRelay
from phantom_gateway.providers.tokens import TokenError, Tokens
from phantom_gateway.wire import errors as wire

if TYPE_CHECKING:
    from typing import TypeAlias

    from phantom_gateway.config.secret import Secret
    from phantom_gateway.gateway.asking import Question
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.mock import CountedResponse, MockedResponse
    from phantom_gateway.gateway.settle import Accounting
    from phantom_gateway.gateway.table import Target
    from phantom_gateway.spine.snapshot import Fault, TokenGrant
    from phantom_gateway.wire.client import HttpClient, Response, Timeouts

    AnyResponse: TypeAlias = Response | MockedResponse | CountedResponse

MAX_ANSWER = 64 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024
MAX_RETRY_AFTER_S = 60
MIN_TIMEOUT_S = 0.001
BRIDGE_FAILED = b"x-phantom-bridge-failed"

_any = msgspec.json.Decoder(Any)


class AttemptFailed(Exception):
    """One attempt failed before the caller saw a byte; ``error`` is what the caller gets if nobody does better."""

    def __init__(
        self,
        error: ApiError,
        fault: Fault = "InternalServer",
        *,
        same_again: bool = True,
        rest_s: float = 0.0,
        wait_s: float = 0.0,
        free: bool = False,
    ) -> None:
        super().__init__(error.message)
        self.wait_s = wait_s
        """How long the deployment asked to wait before the same is asked of it again; 0: it did not say."""
        self.error = error
        self.fault = fault
        self.same_again = same_again
        """Whether the same deployment may be asked again."""
        self.rest_s = rest_s
        """How long the deployment asked to be left alone."""
        self.free = free
        """A pooled connection had gone stale: not the deployment's fault and not counted."""


class RequestRefused(ApiError):
    """The upstream found fault with the request itself: no other upstream is asked, but for a ``reason`` there is help for."""

    reason: Literal["context_window", "content_policy"] | None = None

    @property
    def fault(self) -> Fault:
        """What kind of failure this is."""
        return "ContentPolicyViolation" if self.reason == "content_policy" else "BadRequest"


class Caller:
    """Carries requests to upstreams. One per worker."""

    def __init__(self, client: HttpClient) -> None:
        self._client = client
        self._tokens = Tokens(client)
        self.patience_s = 0.0
        """How long an unstreamed call may go on when its caller has left; 0: it is stopped."""

    async def attempt(self, exchange: Exchange, target: Target, model: str) -> bool:
        """Answer the exchange from ``target``; whether the deployment did its part to the end.

        Raises AttemptFailed and RequestRefused, nothing being delivered, and ApiError when it cannot be recorded.
        """
        call, accounting = exchange.call, exchange.accounting
        upstream_model = target.fixed_model or target.upstream_model(model)
        if target.grant is not None:
            await self._sign(target, target.grant, exchange.deadline - time.monotonic())
        asked = question(exchange, target, upstream_model)
        timeouts = target.stream_timeouts if call.stream else target.timeouts
        if exchange.attempts or exchange.fallbacks or exchange.wishes.is_impatient:
            timeouts = _bounded(timeouts, exchange)
        accounting.sent(target, upstream_model, asked.way.reading)
        health = target.health
        health.in_flight += 1
        health.requests += 1
        try:
            response: Response | MockedResponse | CountedResponse | None = None
            if asked.way.here or target.deployment.mock_response is not None:
                response = own_answer(exchange, target, upstream_model, asked.way)
            if response is None:
                if not call.stream:
                    exchange.responder.patience_s = self.patience_s
                response = await self._client.request(target.origin, asked.head, asked.body, timeouts)
            try:
                if response.status != 200:
                    _refuse(response, await response.read(MAX_ERROR_BODY), target)
                health.probing = False
                if call.order is not None and not call.stream:
                    accounting.kind = _kind(response)
                if call.stream or (call.order is not None and exchange.is_raw):
                    return await self._stream(exchange, response, asked)
                return await self._whole(exchange, response, asked)
            finally:
                response.close()
        except wire.UpstreamError as error:
            failed = _failure(error, target.deployment.api_key)
            if _may_be_billed(error, accounting):
                accounting.attempt_lost()
            else:
                accounting.attempt_failed(sent=not failed.free)
            raise failed from error
        except (ApiError, AttemptFailed) as error:
            accounting.attempt_failed()
            if target.grant is not None and isinstance(error, AttemptFailed) and error.fault == "Authentication":
                self._tokens.forget(target.grant, target.token)
            raise
        finally:
            health.in_flight -= 1
            exchange.responder.patience_s = 0.0

    async def _sign(self, target: Target, grant: TokenGrant, seconds: float) -> None:
        """Have the request carry a token that is good, had within what is left for the call. Raises AttemptFailed."""
        try:
            async with asyncio.timeout(seconds):
                token = await self._tokens.of(grant)
        except TimeoutError as error:
            late = ApiError(
                504, "timeout_error", "The service that gives the upstream's tokens did not answer in time."
            )
            raise AttemptFailed(late, "Timeout") from error
        except TokenError as error:
            if error.refused:
                refused = ApiError(502, "upstream_authentication_error", str(error))
                raise AttemptFailed(refused, "Authentication", same_again=False, rest_s=5.0) from error
            raise AttemptFailed(_gateway_error(502, str(error)), "BadGateway") from error
        if token is not target.token:
            target.sign(token)

    async def _whole(self, exchange: Exchange, response: AnyResponse, asked: Question) -> bool:
        accounting = exchange.accounting
        accounting.answered(response.headers)
        body = await response.read(MAX_ANSWER)
        answer = asked.way.reading.read_answer(body)
        if answer is None:
            accounting.came = bool(body) and not (response.get(b"content-type") or b"").startswith(b"text/html")
            raise wire.BadResponse("the answer is not a JSON object")
        if answer.error is not None and answer.usage is None:
            raise _answered_with_error(
                answer.error, None if exchange.target is None else exchange.target.deployment.api_key
            )
        accounting.measured(answer.usage, body)
        if exchange.responder.gone:
            accounting.close_left()
            return True
        if asked.way.caller is not None:
            body = translated(asked, body, exchange.call.model)
            if exchange.talk is not None:
                body = await exchange.talk.keep(body)
        else:
            pair = asked.way.reading.stamp(answer.model, exchange.call.model, body)
            if asked.way.ids is not None and exchange.target is not None:
                body = with_own_ids(asked, exchange, exchange.target, body)
            if pair:
                body = body.replace(*pair, 1)
        await accounting.close_success()
        exchange.responder.send(200, accounting.header_block(), body)
        if exchange.cache is not None:
            exchange.cache.keep(exchange, body)
        return True

    async def _stream(self, exchange: Exchange, response: AnyResponse, asked: Question) -> bool:
        kind = response.get(b"content-type") or b""
        if kind.startswith((b"application/json", b"text/html")):
            raise wire.BadResponse("the upstream did not answer with an event stream")
        accounting = exchange.accounting
        accounting.answered(response.headers)
        tap = tap_of(asked, exchange)
        if exchange.cache is not None:
            tap = exchange.cache.listen(tap)
        relay = StreamRelay(response, exchange.responder, tap, accounting.header_block())
        accounting.streams(tap, relay)
        try:
            await response.relay(relay)
            if relay.refused is not None:
                accounting.came = tap.error is None or tap.produced() > 0
                raise relay.refused
            if not tap.events:
                accounting.came = relay.touched
                raise wire.BadResponse("there was no event in the stream")
            if tap.error is None and not tap.complete:
                raise wire.Truncated("the stream ended without saying so")
            if not tap.done:
                tap.finish()
        except wire.UpstreamError as error:
            # What breaks behind the end marker was no part of the answer, also where all of it came at once.
            ended = tap.done or (asked.way.reading.unmarked and tap.complete)
            whole = ended and tap.events > 0 and relay.refused is None
            if not relay.delivered and not whole:
                raise
            if ended and not tap.done:
                tap.finish()
            elif not ended:
                self._broken_off(exchange, relay, _failure(relay.refused or error).error, tap.sequence)
                return False
        if tap.error is not None:
            await accounting.close_failure("upstream_error", 200)
        else:
            if exchange.talk is not None:
                await exchange.talk.keep_stream()
            await accounting.close_success()
        relay.end()
        if exchange.cache is not None and tap.error is None:
            exchange.cache.keep_stream(exchange)
        return tap.error is None

    @staticmethod
    def _broken_off(exchange: Exchange, relay: StreamRelay, error: ApiError, sequence: int) -> None:
        """The stream died after the caller had bytes: bill what came, say so, never invent an end."""
        exchange.accounting.close_cut(error.kind, error.status)
        error.call_id = exchange.call_id
        if exchange.is_raw:
            exchange.responder.abort()
            return
        relay.end(error.event(exchange.operation.errors, sequence))


def _bounded(timeouts: Timeouts, exchange: Exchange) -> Timeouts:
    """The configured patience, but no more than the caller has and the deadline leaves."""
    wishes, stream = exchange.wishes, exchange.call.stream
    wanted = (stream and wishes.stream_timeout_s) or wishes.timeout_s or math.inf
    most = max(min(wanted, exchange.deadline - time.monotonic()), MIN_TIMEOUT_S)
    first_byte = most if timeouts.first_byte_s is None else min(timeouts.first_byte_s, most)
    total = timeouts.total_s if stream else min(timeouts.total_s or math.inf, most)
    return replace(timeouts, connect_s=min(timeouts.connect_s, most), first_byte_s=first_byte, total_s=total)


def _kind(response: AnyResponse) -> bytes:
    """The content type of an answer that is not about text alone. Raises BadResponse for a page, which is none."""
    kind = response.get(b"content-type")
    if kind is not None and kind.lower().startswith((b"text/html", b"application/xhtml")):
        raise wire.BadResponse("the answer is a page", sent=True, received=True)
    return headers.kind_of(kind)


def _may_be_billed(error: wire.UpstreamError, accounting: Accounting) -> bool:
    """Whether the upstream did the work, or goes on doing it, though its answer is lost: it had begun to answer, or it was
    given up as too slow. Who answers with an error, refuses or is not there bills nothing.
    """
    return (
        accounting.came
        or error.status == 200
        or isinstance(error, wire.FirstByteTimeout)
        or (isinstance(error, wire.DeadlineExceeded) and error.sent)
    )


def _failure(error: wire.UpstreamError, key: Secret | None = None) -> AttemptFailed:
    """What a failure on the wire means for the caller and for the next attempt."""
    if isinstance(error, BeganWithError):
        return _answered_with_error(error.said, key)
    if isinstance(error, wire.ConnectionLost) and error.reused and not error.received:
        return AttemptFailed(_gateway_error(502, "The upstream closed the connection."), free=True)
    if isinstance(error, wire.FirstByteTimeout | wire.BodyStalled | wire.DeadlineExceeded | wire.ConnectTimeout):
        return AttemptFailed(ApiError(504, "timeout_error", "The upstream did not answer in time."), "Timeout")
    if isinstance(error, wire.Truncated):
        return AttemptFailed(_gateway_error(502, "The upstream broke off its answer."))
    if isinstance(error, wire.EgressDenied):
        message = "The upstream's address is not allowed by the egress rules of this gateway."
        return AttemptFailed(_gateway_error(502, message), same_again=False)
    if isinstance(error, wire.BadResponse | wire.ResponseTooLarge):
        return AttemptFailed(_gateway_error(502, "The upstream's answer was not understood."))
    return AttemptFailed(_gateway_error(502, "The upstream cannot be reached."))


def _answered_with_error(said: object, key: Secret | None) -> AttemptFailed:
    """Status 200, and then an error instead of the answer: streamed or not, with the upstream's words."""
    words = _message(said, key)
    return AttemptFailed(_gateway_error(502, f"The upstream answered with an error{f': {words}' if words else '.'}"))


def _gateway_error(status: int, message: str) -> ApiError:
    return ApiError(status, "internal_server_error", message)


def _refuse(response: AnyResponse, body: bytes, target: Target) -> NoReturn:
    """Judge an answer other than 200. The upstream's words are passed on where they concern the caller's request.

    Raises AttemptFailed where another deployment may do better, else RequestRefused.
    """
    status, words = response.status, _words(body, target.deployment.api_key)
    if status in (401, 402, 403):  # 402: the account behind them has nothing left, which is no caller's fault either
        refused_what = "account" if status == 402 else "credentials"
        message = f"The upstream refused the gateway's {refused_what} (status {status})."
        error = ApiError(502, "upstream_authentication_error", message)
        raise AttemptFailed(error, "Authentication", same_again=False, rest_s=5.0)
    if status in (429, 529):
        raise _rate_limited(response, words)
    if status >= 500:
        message = "The upstream failed."
        if target.bridged and response.get(BRIDGE_FAILED) is not None:
            message = words or message  # it is our own: what has to be done for the bridge to serve
        error = _gateway_error(status if status in (500, 502, 503, 504) else 502, message)
        seconds = _retry_after(response.get(b"retry-after")) if status == 503 else 0
        if seconds:
            error.headers = ((b"retry-after", str(seconds).encode()),)
        raise AttemptFailed(error, _FAULTS.get(status, "InternalServer"), wait_s=float(seconds))
    if status < 400:
        message = "The upstream answered with a redirect or without content, which is never followed."
        raise AttemptFailed(_gateway_error(502, message), same_again=False)
    words = words or f"The upstream refused the request (status {status})."
    if status in (404, 408, 409, 425):
        kind = "not_found_error" if status == 404 else "timeout_error" if status == 408 else "invalid_request_error"
        fault = _FAULTS.get(status, "Default")
        raise AttemptFailed(ApiError(status, kind, words), fault, same_again=status != 404)
    refused = RequestRefused(status, "invalid_request_error", words)
    refused.reason = _reason(body)
    if refused.reason == "context_window":
        refused.code = "context_length_exceeded"
    raise refused


_FAULTS: Mapping[int, Fault] = {
    404: "NotFound",
    408: "Timeout",
    502: "BadGateway",
    503: "ServiceUnavailable",
    504: "Timeout",
}
_TOO_LONG = re.compile(
    rb"context_length_exceeded|maximum context length|context window|prompt is too long|input is too long"
    rb"|too many (?:input )?tokens|exceeds the maximum number of tokens|input token count"
)
_FILTERED = re.compile(
    rb"content_filter|content_policy_violation|content policy|content management policy|responsibleaipolicyviolation"
    rb"|safety system"
)
"""How providers say so (OpenAI, Azure, Anthropic, Gemini, vLLM; November 2026)."""


def _reason(body: bytes) -> Literal["context_window", "content_policy"] | None:
    """Why a request was refused, as far as other models may do better."""
    text = body.lower()
    if _TOO_LONG.search(text):
        return "context_window"
    return "content_policy" if _FILTERED.search(text) else None


def _rate_limited(response: AnyResponse, words: str) -> AttemptFailed:
    seconds = _retry_after(response.get(b"retry-after"))
    overloaded = response.status == 529
    error = ApiError(
        503 if overloaded else 429,
        "internal_server_error" if overloaded else "throttling_error",
        words or ("The upstream is overloaded." if overloaded else "The upstream's rate limit is reached."),
        headers=((b"retry-after", str(seconds).encode()),) if seconds else (),
        details={"retry_after_s": seconds} if seconds else None,
    )
    fault: Fault = "ServiceUnavailable" if overloaded else "RateLimit"
    return AttemptFailed(error, fault, same_again=False, rest_s=float(seconds or 1), wait_s=float(seconds))


def _retry_after(value: bytes | None) -> int:
    """Seconds from a Retry-After header in either form (RFC 9110, 10.2.3), bounded; 0 when absent or unreadable."""
    if not value or len(value) > 64:
        return 0
    if value.isdigit():
        seconds = int(value)
    else:
        try:
            seconds = round(parsedate_to_datetime(value.decode("latin-1")).timestamp() - time.time())
        except (ValueError, OverflowError):
            return 0
    return min(max(seconds, 0), MAX_RETRY_AFTER_S)


def _words(body: bytes, key: Secret | None) -> str:
    """The upstream's own error message, bounded; some providers repeat the key they were sent."""
    try:
        value = _any.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return _message(value.get("error") if isinstance(value, dict) else None, key)


def _message(error: object, key: Secret | None) -> str:
    """What an error object of any format says, bounded, without the key."""
    message = error.message if isinstance(error, Failed) else error.get("message") if isinstance(error, dict) else error
    if not isinstance(message, str):
        return ""
    return (message.replace(key.reveal(), "[key]") if key else message)[:2000]
