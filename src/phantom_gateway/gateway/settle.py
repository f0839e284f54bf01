"""The accounting of one request: opened at admission, closed exactly once, whatever happens in between.

``Opened`` is in the journal before any upstream hears of the request; ``Closed`` is in it before the caller can believe
the answer complete. Every way out of the corridor ends in ``_close``; a second call does nothing.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import msgspec

from phantom_gateway.gateway import headers
from phantom_gateway.gateway.beside import Beside
from phantom_gateway.gateway.errors import unavailable
from phantom_gateway.ledger import trail
from phantom_gateway.ledger.journal import StorageFullError, SyncFailedError
from phantom_gateway.ledger.money import Cost, cost
from phantom_gateway.ledger.record import Closed, Opened, Status
from phantom_gateway.ledger.trail import Step
from phantom_gateway.ledger.usage import Usage, estimate
from phantom_gateway.spine.snapshot import Prices

if TYPE_CHECKING:
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.meter import Meter
    from phantom_gateway.gateway.table import Target
    from phantom_gateway.gateway.ways import Reading, Tap
    from phantom_gateway.ledger.journal import Journal
    from phantom_gateway.limits.slices import Reservation

LOST = "lost_attempts"
"""Flag of a record that contains the estimate of attempts whose end nobody saw."""
CAPPED = "capped"
"""Flag of one in which that estimate did not fit what was reserved and is cut."""
MAX_DROPPED = 1000
"""Characters of the header that names parameters which were left out."""
_NOTHING = Usage()
_FREE = Cost()
_FREE_OF_CHARGE = Prices()


class Timed(Protocol):
    """Brings an answer to the caller."""

    first_ns: int
    """When its first byte went out, on the monotonic clock; 0: none has."""


class Books(NamedTuple):
    """Where a worker writes down what requests use."""

    journal: Journal
    meter: Meter
    limited_tokens: Literal["total", "input", "output"] = "total"
    """Which tokens count against token limits."""


class Accounting:
    """The owned record of an exchange."""

    __slots__ = (
        "_beside", "_closed", "_exchange", "_first_ns", "_journal", "_limited_tokens", "_lost", "_meter", "_opened", "_opened_n",
        "_passed_on", "_prices", "_reading", "_relay", "_reservation", "_strict", "_tap", "_target", "_under_way",
        "_upstream_ns", "_upstream_since", "came", "cost", "dropped", "hides_usage", "kind", "upstream_model", "usage",
    )  # fmt: skip

    def __init__(self, exchange: Exchange, reservation: Reservation, opened: Opened, books: Books) -> None:
        self._exchange = exchange
        self._reservation = reservation
        self._opened = opened
        self._journal = journal = books.journal
        self._meter = books.meter
        self._limited_tokens = books.limited_tokens
        self._beside: Beside | None = None
        self._closed = False
        self._target: Target | None = None
        self.upstream_model = ""
        """As the present attempt's deployment knows it."""
        self._upstream_since = 0
        self._upstream_ns = 0
        self._first_ns = 0
        self._passed_on = b""
        self._tap: Tap | None = None
        self._relay: Timed | None = None
        self._prices = _FREE_OF_CHARGE
        self._lost: tuple[Usage, Cost] | None = None
        self._reading: Reading | None = None
        self._under_way = False
        self.came = False
        """Whether the present attempt has begun to answer."""
        self.hides_usage = False
        self.kind = b""
        """The content type of the answer, where it is not the usual one."""
        self.dropped: list[str] = []
        """Parameters that the present attempt left out because the upstream does not have them."""
        self.usage = _NOTHING
        self.cost = _FREE
        self._opened_n = journal.append(opened)

    # --- what happened, in order -------------------------------------------------------------------------------------

    def reserve_beside(self, reservation: Reservation | None) -> None:
        """What the attempt that begins has reserved of where it goes; what one before had reserved is free again."""
        if self._beside is None:
            if reservation is None:
                return
            self._beside = Beside()
        self._beside.begin(reservation)

    def sent(self, target: Target, upstream_model: str, reading: Reading) -> None:
        """An attempt begins; ``reading`` is how its answer is read."""
        self._target = target
        self._reading = reading
        self._under_way = True
        self.came = False
        self.upstream_model = upstream_model
        self._upstream_since = time.monotonic_ns()
        call = self._exchange.call
        asked = target.deployment.usage_in_stream == "include_usage"
        self.hides_usage = asked and call.stream and not (call.wants_usage or call.shows_usage or call.order)

    def attempt_lost(self) -> None:
        """The attempt failed, but the upstream may have worked and bills for it: so do we, by what was seen or by estimate.

        All such attempts of a request are billed together with its answer, as far as the reservation reaches.
        """
        self._take_tap()
        self._tap = None
        self._under_way = False
        if self.usage is _NOTHING:
            self._price_unseen()
        self.usage = msgspec.structs.replace(self.usage, flags=(*self.usage.flags, LOST))
        before = self._lost
        self._lost = (
            (self.usage, self.cost) if before is None else (before[0].plus(self.usage), before[1].plus(self.cost))
        )
        if self._beside is not None:
            self._beside.lost(self._counted(), self.cost.total)
        self.usage, self.cost = _NOTHING, _FREE

    def attempt_failed(self, *, sent: bool = True) -> None:
        """The attempt is over, and the upstream has nothing to bill; not ``sent``: it has heard nothing either."""
        self._under_way = False
        if sent and self._beside is not None:
            self._beside.failed()

    def answered(self, upstream_headers: list[tuple[bytes, bytes]]) -> None:
        """The upstream's head has come with status 200."""
        self.came = True
        now_ns = time.monotonic_ns()
        took_ns = now_ns - self._upstream_since
        self._upstream_ns += took_ns
        assert self._target is not None, "an answer comes from a target"
        self._target.health.took(took_ns / 1e9, now_ns / 1e9)
        self._passed_on = headers.of_upstream(upstream_headers)
        if self._target.bridged:
            left_out = [
                value.decode("latin-1").split(",") for name, value in upstream_headers if name == headers.LEFT_OUT
            ]
            self.dropped = list(dict.fromkeys([*self.dropped, *(each.strip() for names in left_out for each in names)]))

    def streams(self, tap: Tap, relay: Timed) -> None:
        """From now on the tap knows the usage."""
        self._tap = tap
        self._relay = relay

    def measured(self, reported: dict[str, Any] | None, body: bytes) -> None:
        """A whole answer has come: usage as reported, else counted by what it says, and its price."""
        assert self._reading is not None, "an answer comes from an attempt"
        usage = self._reading.usage(reported) if reported else _NOTHING
        order = self._exchange.call.order
        if order is not None:
            usage = order.answered(usage, reported)
        elif not usage.complete:
            output = self._reading.said(body) if self._exchange.operation.output_fields else 0
            counted = estimate(self._exchange.call.size, output)
            usage = (
                _without_output(usage, counted) if not self._exchange.operation.output_fields else usage.filled(counted)
            )
        self._price(usage)

    # --- the ways out ------------------------------------------------------------------------------------------------

    def recalled(self, target: Target, upstream_model: str, usage: Usage) -> None:
        """The answer is one that ``target`` gave before, and costs nothing."""
        self._target = target
        self.upstream_model = upstream_model
        self.usage = usage

    async def close_success(self) -> None:
        """The answer is whole. Returns when it may be acknowledged; raises ApiError 503 when it cannot be recorded."""
        if self._tap is not None:
            self._take_tap()
        try:
            self._close("success", 200, "")
            if self._journal.sync == "strict":
                await self._journal.synced(self._journal.position)
        except (StorageFullError, SyncFailedError) as error:
            raise unavailable("The answer cannot be recorded and is not given.", "storage_full", 5) from error

    async def close_failure(self, error_type: str, status: int) -> None:
        """Nobody answered, or the answer broke off: what came is billed."""
        self._take_tap()
        with suppress(StorageFullError):
            self._close("failure", status, error_type)

    def close_left(self) -> None:
        """The caller hung up: what was produced is billed; where nobody saw it, by estimate."""
        produced = self._take_what_is()
        with suppress(StorageFullError):
            self._close("success" if produced else "failure", 499, "client_disconnected", left=True)

    def close_cut(self, error_type: str, status: int) -> None:
        """The upstream or the gateway breaks it off in the middle: billed like a caller that hung up."""
        self._take_what_is()
        with suppress(StorageFullError):
            self._close("failure", status, error_type)

    def close_abandoned(self) -> None:
        """Last resort for a way out that nobody thought of; keeps the promise that every record is closed."""
        if not self._closed:
            self._take_what_is()
            with suppress(StorageFullError):
                self._close("failure", 500, "internal_server_error")

    def attempt_ms(self) -> int:
        """How long ago the present or last attempt began."""
        return (time.monotonic_ns() - self._upstream_since) // 1_000_000

    # --- what the caller is told -------------------------------------------------------------------------------------

    def header_block(self) -> bytes:
        """The response headers; for a stream, whose cost is not known yet, without cost."""
        exchange = self._exchange
        target = self._target
        assert target is not None, "an answer comes from a target"
        now_ns = time.monotonic_ns()
        elapsed_ns = now_ns - exchange.started_ns
        upstream_ns = self._upstream_ns
        common = (
            b"x-litellm-call-id: %b\r\n%bx-litellm-model-name: %b\r\n"
            b"x-litellm-response-duration-ms: %d.%03d\r\nx-litellm-overhead-duration-ms: %d.%03d\r\n"
            b"x-litellm-attempted-retries: %d\r\nx-litellm-attempted-fallbacks: %d\r\n"
            % (
                exchange.call_id.encode(),
                target.header_part,
                headers.text(exchange.call.model),
                *divmod(elapsed_ns // 1000, 1000),
                *divmod((elapsed_ns - upstream_ns) // 1000 if elapsed_ns > upstream_ns else 0, 1000),
                exchange.attempts,
                exchange.fallbacks,
            )
        )
        if exchange.trail is not None:
            common += b"x-phantom-routing-trail: %b\r\n" % trail.header(exchange.trail)
        if self.dropped:
            common += b"x-phantom-dropped-params: %b\r\n" % headers.text(", ".join(self.dropped)[:MAX_DROPPED])
        cache = exchange.cache
        if cache is not None:
            common += b"x-litellm-cache-key: %b\r\nx-phantom-cache: %b\r\n" % (
                headers.text(cache.name), b"miss" if cache.entry is None else b"hit",
            )  # fmt: skip
            if exchange.call.stream and cache.entry is not None:
                common += headers.of_cost(self.cost)
        limits = headers.of_reservation(self._reservation, time.time())
        if self.kind:
            told = b"" if exchange.is_raw else headers.of_cost(self.cost)
            return b"%b%b%b%b%b" % (headers.of_kind(self.kind), common, told, limits, self._passed_on)
        if exchange.call.stream:
            return b"%b%b%b%b" % (headers.STREAM, common, limits, self._passed_on)
        return b"%b%b%b%b%b" % (headers.JSON, common, headers.of_cost(self.cost), limits, self._passed_on)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _take_tap(self) -> None:
        """Read usage off the stream: as reported, else counted from what passed."""
        tap, relay = self._tap, self._relay
        if tap is None or relay is None or self._closed:
            return
        assert self._reading is not None, "a stream comes from an attempt"
        self._first_ns = relay.first_ns
        usage = self._reading.usage(tap.usage) if tap.usage else _NOTHING
        order = self._exchange.call.order
        if order is not None:
            usage = order.answered(usage, None) if tap.events else usage
        elif not usage.complete and tap.events:
            usage = usage.filled(estimate(self._exchange.call.size, 0, tap.produced()))
        self._price(usage)

    def _take_what_is(self) -> bool:
        """An attempt that ends in the middle: what came of it, else an estimate. Whether something came."""
        self._take_tap()
        came = self.usage.total > 0
        if not self._closed and self._under_way and self.usage is _NOTHING:
            self._price_unseen()
        return came

    def _price_unseen(self) -> None:
        """The upstream works on the question and bills it, whatever nobody saw of the answer.

        A stream is stopped when nobody reads it, so it is billed for the question; a whole answer is produced to its end, which
        is assumed to be as long as the journal's estimate has it.
        """
        exchange = self._exchange
        if exchange.call.order is not None:
            self._price(exchange.call.order.unseen())
            return
        whole = exchange.operation.output_fields and not exchange.call.stream
        output = exchange.call.expected_output if whole else None
        question = estimate(exchange.call.size).input
        self._price(Usage(input=question, output=output, source="estimated"))

    def _take_in_lost(self) -> None:
        """Bill attempts that came to nothing together with the rest."""
        assert self._lost is not None, "asked by _close only when there is some"
        usage, lost = self._lost
        if self._reservation.reserved():
            room = max(self._opened.worst - self.cost.total, 0)
            if lost.total > room:
                lost = Cost(total=room, input=room)
                usage = msgspec.structs.replace(usage, flags=(*usage.flags, CAPPED))
        self.usage = self.usage.plus(usage)
        self.cost = self.cost.plus(lost)
        self._lost = None

    def _price(self, usage: Usage) -> None:
        assert self._target is not None, "usage comes from a target"
        if self._exchange.operation.free:
            return
        self._prices = self._target.priced(self.upstream_model).prices
        if self._exchange.call.order is not None:
            usage, self._prices = self._exchange.call.order.priced(usage, self._prices)
        self.usage = usage
        self.cost = cost(usage, self._prices)

    def _close(self, status: Status, http_status: int, error_type: str, *, left: bool = False) -> None:
        if self._closed:
            return
        self._closed = True
        beside = self._beside
        mine = (0, 0) if beside is None else (self._counted(), self.cost.total)
        if self._lost is not None:
            self._take_in_lost()
        exchange, opened, target = self._exchange, self._opened, self._target
        cache = exchange.cache
        entry = None if cache is None else cache.entry
        total = self.cost.total
        duration_ns = time.monotonic_ns() - exchange.started_ns
        record = Closed(
            opened=self._opened_n,
            id=opened.id,
            at_ns=opened.at_ns,
            duration_us=duration_ns // 1000,
            ttft_us=(self._first_ns - exchange.started_ns) // 1000 if self._first_ns else None,
            key_id=opened.key_id,
            key_alias=opened.key_alias,
            user_id=opened.user_id,
            team_id=opened.team_id,
            org_id=opened.org_id,
            project_id=opened.project_id,
            end_user=opened.end_user,
            tags=opened.tags,
            model=opened.model,
            group=opened.group,
            deployment_id=target.id if target else "",
            provider=target.deployment.provider if target else "",
            upstream_model=self.upstream_model,
            call_type=opened.call_type,
            stream=opened.stream,
            status=status,
            http_status=http_status,
            error_type=error_type,
            usage=self.usage,
            cost=self.cost,
            price_version=self._prices.version,
            spends=self._reservation.packed_spends(total)
            if beside is None
            else self._reservation.spends(total) + beside.spends(mine[1]),
            attempts=exchange.attempts + 1 if entry is None else 0,
            fallbacks=exchange.fallbacks,
            client_left=left or exchange.responder.gone,
            cache_hit=entry is not None,
            session_id=opened.session_id,
            trace_id=opened.trace_id,
            trail=() if exchange.trail is None else self._trail(exchange.trail, status, http_status),
            cache_key="" if cache is None else cache.name,
            saved=0 if entry is None else entry.cost,
        )
        try:
            self._journal.append(record)
        except StorageFullError:
            # Recovery bills the Opened with its estimate; until then the money stays reserved.
            self._reservation.abandon()
            if beside is not None:
                beside.abandon()
            raise
        prompt, completion = self.usage.sides()
        if entry is not None:
            prompt = completion = 0  # limits of tokens are about what upstreams are asked
            self._reservation.settle()
        else:
            self._reservation.settle(prompt + completion if self._limited_tokens == "total" else self._counted(), total)
        if beside is not None:
            beside.settle(*mine)
        series = self._meter.closed(opened.group, status, duration_ns / 1e9, total)
        series.input_tokens += prompt
        series.output_tokens += completion

    def _trail(self, steps: list[Step], status: Status, http_status: int) -> tuple[Step, ...]:
        """The routing trail, with the attempt that this ends."""
        if self._under_way and self._target is not None:
            why = status if status == "success" else f"{status} {http_status}"
            steps = [*steps, Step("try", self._target.id, why, self.attempt_ms())]
        return trail.bounded(steps)

    def _counted(self) -> int:
        """What was used of token limits."""
        prompt, completion = self.usage.sides()
        if self._limited_tokens == "total":
            return prompt + completion
        return prompt if self._limited_tokens == "input" else completion


def _without_output(usage: Usage, counted: Usage) -> Usage:
    """Embeddings have no output: an unreported one is nothing, not a guess."""
    if usage.input is not None:
        return usage
    return Usage(input=counted.input, source="estimated", flags=usage.flags)
