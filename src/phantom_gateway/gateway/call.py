"""The one attempt loop: which upstream is asked, how often, for how long, and what its failures mean.

An attempt may be followed by another only as long as the caller has not been sent a byte. Within a model group other
deployments come first; a deployment whose fault it was rests; then the configured fallbacks have their turn.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn

import msgspec

from phantom_gateway.dialects.openai import stamp_pair
from phantom_gateway.gateway.aside import reserve_aside
from phantom_gateway.gateway.asking import own_answer, question, tap_of, translated
from phantom_gateway.gateway.errors import ApiError, invalid_request
from phantom_gateway.gateway.relay import StreamRelay
from phantom_gateway.gateway.table import choose
from phantom_gateway.wire import errors as wire

if TYPE_CHECKING:
    from typing import TypeAlias

    from phantom_gateway.config.secret import Secret
    from phantom_gateway.gateway.asking import Question
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.mock import CountedResponse, MockedResponse
    from phantom_gateway.gateway.settle import Accounting
    from phantom_gateway.gateway.table import Group, Table, Target
    from phantom_gateway.limits.book import LeaseBook
    from phantom_gateway.wire.client import HttpClient, Response, Timeouts

    AnyResponse: TypeAlias = Response | MockedResponse | CountedResponse

MAX_ANSWER = 64 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024
BACKOFF_S = 0.05
MAX_RETRY_AFTER_S = 60
JITTER = 0.1
MIN_TIMEOUT_S = 0.001

_any = msgspec.json.Decoder(Any)


class AttemptFailed(Exception):
    """One attempt failed before the caller saw a byte; ``error`` is what the caller gets if nobody does better."""

    def __init__(
        self,
        error: ApiError,
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
        self.same_again = same_again
        """Whether the same deployment may be asked again."""
        self.rest_s = rest_s
        """How long the deployment asked to be left alone."""
        self.free = free
        """A pooled connection had gone stale: not the deployment's fault and not counted."""


class RequestRefused(ApiError):
    """The upstream found fault with the request itself: no other upstream is asked."""


class Caller:
    """Carries requests to upstreams. One per worker."""

    def __init__(self, client: HttpClient, book: LeaseBook) -> None:
        self._client = client
        self._book = book
        self.patience_s = 0.0
        """How long an unstreamed call may go on when its caller has left; 0: it is stopped."""

    async def run(self, exchange: Exchange, table: Table) -> None:
        """Answer the exchange from its group or its fallbacks. Raises ApiError when nobody could, nothing being delivered."""
        exchange.deadline = time.monotonic() + table.total_timeout_s
        names = [exchange.routed, *exchange.group.fallbacks]
        failure: ApiError | None = None
        for position, name in enumerate(names):
            found = table.find(name)
            if found is None:
                continue
            exchange.fallbacks = position
            try:
                if exchange.operation.name not in found[0].operations:
                    raise _not_served(exchange)
                await self._ask_group(exchange, table, *found)
            except RequestRefused:
                raise
            except ApiError as error:
                failure = failure or error
                if exchange.responder.gone or time.monotonic() >= exchange.deadline:
                    break
            else:
                return
        assert failure is not None, "the group of an admitted request exists"
        raise failure

    async def _ask_group(self, exchange: Exchange, table: Table, group: Group, model: str) -> None:
        operation = exchange.operation.name
        tried: set[str] = set()
        banned: set[str] = set()
        failure: ApiError | None = None
        exhausted: ApiError | None = None
        """Why a deployment was not asked at all."""
        attempt = 0
        waiting_for: tuple[Target, float] | None = None
        """Who said how long to wait, and how long: asked again, once, when there is nobody else."""
        waited: set[str] = set()
        again_s = 0.0
        while True:
            now = time.monotonic()
            candidates = group.candidates(operation, now, tried | banned) or group.candidates(operation, now, banned)
            if not candidates and waiting_for is not None:
                target, wait_s = waiting_for
                waiting_for = None
                await _pause(exchange, wait_s, failure)
                candidates = [target]
                tried.discard(target.id)
            if not candidates:
                raise failure or exhausted or _all_resting(group, now)
            target = candidates[0] if len(candidates) == 1 else choose(candidates, table.draw)
            if failure is not None:
                exchange.attempts += 1
                if target.id in tried:
                    pause_s = max(table.routing.retry_after_s, BACKOFF_S * 2 ** min(attempt, 6), again_s)
                    await _pause(exchange, pause_s, failure)
            if target.limits or exchange.fallbacks:
                refused = await reserve_aside(exchange, target, model, table, self._book)
                if refused is not None:
                    exhausted = _sooner(exhausted, refused)
                    banned.add(target.id)
                    continue
            tried.add(target.id)
            exchange.target = target
            try:
                await self._attempt(exchange, target, model)
            except AttemptFailed as failed:
                if failed.free:
                    continue
                failure = failed.error
                self._judge(target, failed, table, alone=len(group.targets) == 1)
                again_s = failed.wait_s
                if not failed.same_again:
                    if again_s and target.id not in waited:
                        waited.add(target.id)
                        waiting_for = (target, again_s)
                    banned.add(target.id)
                attempt += 1
                if exchange.responder.gone or attempt > _retries(exchange, target, table):
                    raise failure from failed
            else:
                return

    @staticmethod
    def _judge(target: Target, failed: AttemptFailed, table: Table, *, alone: bool) -> None:
        """Let a deployment rest whose fault it was. One without an alternative rests only when it asks for it: its own answer
        says more than "try again", and no caller can take it away from the others by asking a wildcard for nonsense.
        """
        asked_for = failed.error.status == 429 and bool(target.fixed_model)
        if table.routing.cooldown_s <= 0 or (alone and not asked_for):
            return
        now = time.monotonic()
        if failed.rest_s:
            target.health.rest(now, failed.rest_s)
        elif failed.error.status >= 500 or failed.error.status == 408:
            target.health.failed(now, table.routing.allowed_fails, table.routing.cooldown_s)

    async def _attempt(self, exchange: Exchange, target: Target, model: str) -> None:
        call, accounting = exchange.call, exchange.accounting
        upstream_model = target.fixed_model or target.upstream_model(model)
        asked = question(exchange, target, upstream_model)
        timeouts = target.stream_timeouts if call.stream else target.timeouts
        if exchange.attempts or exchange.fallbacks or exchange.wishes.is_impatient:
            timeouts = _bounded(timeouts, exchange)
        accounting.sent(target, upstream_model, asked.way.reading)
        target.health.in_flight += 1
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
                    _refuse(response, _words(await response.read(MAX_ERROR_BODY), target.deployment.api_key))
                if call.stream:
                    await self._stream(exchange, response, asked)
                else:
                    await self._whole(exchange, response, asked)
            finally:
                response.close()
        except wire.UpstreamError as error:
            failed = _failure(error)
            if _may_be_billed(error, accounting):
                accounting.attempt_lost()
            else:
                accounting.attempt_failed(sent=not failed.free)
            raise failed from error
        except (ApiError, AttemptFailed):
            accounting.attempt_failed()
            raise
        finally:
            target.health.in_flight -= 1
            exchange.responder.patience_s = 0.0
        if target.health.fails:
            target.health.succeeded()

    async def _whole(self, exchange: Exchange, response: AnyResponse, asked: Question) -> None:
        accounting = exchange.accounting
        accounting.answered(response.headers)
        body = await response.read(MAX_ANSWER)
        answer = asked.way.reading.read_answer(body)
        if answer is None:
            accounting.came = bool(body) and not (response.get(b"content-type") or b"").startswith(b"text/html")
            raise wire.BadResponse("the answer is not a JSON object")
        if answer.error is not None and answer.usage is None:
            raise AttemptFailed(_gateway_error(502, "The upstream answered with an error."))
        accounting.measured(answer.usage, body)
        if exchange.responder.gone:
            accounting.close_left()
            return
        pair = None
        if asked.way.caller is None:
            pair = stamp_pair(answer.model, exchange.call.model, body)
        else:
            body = translated(asked, body, exchange.call.model)
        await accounting.close_success()
        exchange.responder.send(200, accounting.header_block(), body.replace(*pair, 1) if pair else body)

    async def _stream(self, exchange: Exchange, response: AnyResponse, asked: Question) -> None:
        kind = response.get(b"content-type") or b""
        if kind.startswith((b"application/json", b"text/html")):
            raise wire.BadResponse("the upstream did not answer with an event stream")
        accounting = exchange.accounting
        accounting.answered(response.headers)
        tap = tap_of(asked, exchange)
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
            whole = tap.done and tap.events > 0 and relay.refused is None
            if not relay.delivered and not whole:
                raise
            if not tap.done:
                self._broken_off(exchange, relay, _failure(relay.refused or error).error)
                return
        if tap.error is not None:
            await accounting.close_failure("upstream_error", 200)
        else:
            await accounting.close_success()
        relay.end()

    @staticmethod
    def _broken_off(exchange: Exchange, relay: StreamRelay, error: ApiError) -> None:
        """The stream died after the caller had bytes: bill what came, say so, never invent an end."""
        exchange.accounting.close_cut(error.kind, error.status)
        error.call_id = exchange.call_id
        relay.end(error.event(exchange.operation.errors))


def _not_served(exchange: Exchange) -> ApiError:
    return invalid_request(
        f"The model '{exchange.call.model}' does not serve {exchange.operation.input_field} requests.", "model"
    )


def _retries(exchange: Exchange, target: Target, table: Table) -> int:
    """How many more attempts a group may make; a caller may want fewer."""
    allowed = target.deployment.max_retries
    allowed = table.routing.num_retries if allowed is None else allowed
    wanted = exchange.wishes.num_retries
    return allowed if wanted is None else min(allowed, wanted)


def _sooner(one: ApiError | None, other: ApiError) -> ApiError:
    """Of two refusals of deployments that have no room, the one that ends sooner."""
    if one is None:
        return other
    waits = [math.inf if each.status != 429 else (each.details or {}).get("retry_after_s", 0) for each in (one, other)]
    return one if waits[0] <= waits[1] else other


async def _pause(exchange: Exchange, seconds: float, failure: ApiError | None) -> None:
    """Wait before another attempt, a little longer than asked for: many wait. Raises ``failure`` when there is no time for it."""
    seconds *= 1 + random.random() * JITTER  # noqa: S311 - nothing secret
    if failure is not None and time.monotonic() + seconds >= exchange.deadline:
        raise failure
    await asyncio.sleep(seconds)


def _bounded(timeouts: Timeouts, exchange: Exchange) -> Timeouts:
    """The configured patience, but no more than the caller has and the deadline leaves."""
    wishes, stream = exchange.wishes, exchange.call.stream
    wanted = (stream and wishes.stream_timeout_s) or wishes.timeout_s or math.inf
    most = max(min(wanted, exchange.deadline - time.monotonic()), MIN_TIMEOUT_S)
    first_byte = most if timeouts.first_byte_s is None else min(timeouts.first_byte_s, most)
    total = timeouts.total_s if stream else min(timeouts.total_s or math.inf, most)
    return replace(timeouts, connect_s=min(timeouts.connect_s, most), first_byte_s=first_byte, total_s=total)


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


def _all_resting(group: Group, now: float) -> ApiError:
    seconds = max(1, round(min((t.health.cooldown_until for t in group.targets), default=now) - now))
    return ApiError(
        429,
        "throttling_error",
        f"No deployments available for selected model, Try again in {seconds} seconds",
        details={"retry_after_s": seconds},
        headers=((b"retry-after", str(seconds).encode()),),
    )


def _failure(error: wire.UpstreamError) -> AttemptFailed:
    """What a failure on the wire means for the caller and for the next attempt."""
    if isinstance(error, wire.ConnectionLost) and error.reused and not error.received:
        return AttemptFailed(_gateway_error(502, "The upstream closed the connection."), free=True)
    if isinstance(error, wire.FirstByteTimeout | wire.BodyStalled | wire.DeadlineExceeded | wire.ConnectTimeout):
        return AttemptFailed(ApiError(504, "timeout_error", "The upstream did not answer in time."))
    if isinstance(error, wire.Truncated):
        return AttemptFailed(_gateway_error(502, "The upstream broke off its answer."))
    if isinstance(error, wire.EgressDenied):
        message = "The upstream's address is not allowed by the egress rules of this gateway."
        return AttemptFailed(_gateway_error(502, message), same_again=False)
    if isinstance(error, wire.BadResponse | wire.ResponseTooLarge):
        return AttemptFailed(_gateway_error(502, "The upstream's answer was not understood."))
    return AttemptFailed(_gateway_error(502, "The upstream cannot be reached."))


def _gateway_error(status: int, message: str) -> ApiError:
    return ApiError(status, "internal_server_error", message)


def _refuse(response: AnyResponse, words: str) -> NoReturn:
    """Judge an answer other than 200. The upstream's words are passed on where they concern the caller's request.

    Raises AttemptFailed where another deployment may do better, else RequestRefused.
    """
    status = response.status
    if status in (401, 403):
        message = f"The upstream refused the gateway's credentials (status {status})."
        raise AttemptFailed(ApiError(502, "upstream_authentication_error", message), same_again=False, rest_s=5.0)
    if status in (429, 529):
        raise _rate_limited(response, words)
    if status >= 500:
        error = _gateway_error(status if status in (500, 502, 503, 504) else 502, "The upstream failed.")
        seconds = _retry_after(response.get(b"retry-after")) if status == 503 else 0
        if seconds:
            error.headers = ((b"retry-after", str(seconds).encode()),)
        raise AttemptFailed(error, wait_s=float(seconds))
    if status < 400:
        message = "The upstream answered with a redirect or without content, which is never followed."
        raise AttemptFailed(_gateway_error(502, message), same_again=False)
    words = words or f"The upstream refused the request (status {status})."
    if status in (404, 408, 409, 425):
        kind = "not_found_error" if status == 404 else "timeout_error" if status == 408 else "invalid_request_error"
        raise AttemptFailed(ApiError(status, kind, words), same_again=status != 404)
    raise RequestRefused(status, "invalid_request_error", words)


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
    return AttemptFailed(error, same_again=False, rest_s=float(seconds or 1), wait_s=float(seconds))


def _retry_after(value: bytes | None) -> int:
    """Seconds from a Retry-After header in either form (RFC 9110, 10.2.3), bounded; 0 when absent or absurd."""
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
    error = value.get("error") if isinstance(value, dict) else None
    message = error.get("message") if isinstance(error, dict) else error
    if not isinstance(message, str):
        return ""
    return (message.replace(key.reveal(), "[key]") if key else message)[:2000]
