"""The worker's side of leases: decide locally, ask control only when the slice at hand is short.

Hot path: ``reserve`` (and ``try_all``, for any amounts) is synchronous and touches nothing but lists and integers. Slow path:
``take_all`` lines up per scope, in order of arrival, behind one ask at a time; when control refuses, everybody in line who needs
at least as much is refused with the same answer, so that 200 requests on an exhausted budget cost one question.

When control cannot be asked (``LimiterUnavailable``, OSError from the ask, or ``recovering`` for longer than the patience):

- *budget*: what is leased may still be used, beyond that ``LimiterUnavailable``: a budget is never overspent;
- *requests*, *tokens*, *parallel*: each worker grants itself up to its even share per window (``limits.shares``), on the clock of
  this worker; the next ``Hello`` declares it.

Times are Unix seconds, passed in as ``now`` or read from ``clock``; all processes of a node share the clock.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from phantom_gateway.limits.agenda import Agenda
from phantom_gateway.limits.alone import Alone
from phantom_gateway.limits.appetite import sizes
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.plan import Plan, PlannedReservation, amounts_for
from phantom_gateway.limits.plans import Plans
from phantom_gateway.limits.shares import Place, Shares, Used
from phantom_gateway.limits.slices import NEVER, Registry, Reservation, Slice, declared
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import HeldLease, LeaseAsk, LeaseGrant, LeaseReturn, Limit
from phantom_gateway.wire.tasks import TaskGroup

Ask = Callable[[LeaseAsk], Awaitable[LeaseGrant]]
"""Ask control; ``seq`` is 0, the spine client numbers it. Raises LimiterUnavailable or OSError when there is no answer."""
AskMany = Callable[[Sequence[LeaseAsk]], Awaitable[Sequence[LeaseGrant]]]
"""The same for several at once, answered in their order."""

IDLE_SECONDS = 60.0
"""How long a slice that nobody uses is kept; a worker that needs it has it recalled."""
SHORTEST_IDLE_SECONDS = 2.0
MANY_SLICES = 250_000
"""With more of them, each is kept the shorter."""
LOOKS = 4_000
"""At so many slices ``idle`` looks in one go: nobody's request should wait for more."""
PATIENCE_SECONDS = 2.0
"""How long a request waits for an authority that says ``recovering``."""
RETRY_SECONDS = 0.05
RESERVATION_SECONDS = 3600.0

_HELD = ("budget", "parallel")
"""Kinds for which a slice with nothing in it says nothing; the others remember what was used of their window."""


class _Line:
    """Those who wait for more of one scope."""

    __slots__ = ("limit", "waiters")

    def __init__(self, limit: Limit) -> None:
        self.limit = limit
        self.waiters: deque[tuple[int, asyncio.Future[Slice]]] = deque()


class LeaseBook:
    """See the module's text. Belongs to one event loop."""

    def __init__(
        self,
        ask: Ask,
        tasks: TaskGroup | None = None,
        *,
        place: Place | None = None,
        clock: Callable[[], float] = time.time,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.shares = Shares(place)
        """Only used while control is away."""
        self._ask = ask
        self._tasks = tasks or TaskGroup()
        self._clock = clock
        self._patience = patience
        self._alone = Alone(self.shares)
        self.ask_many: AskMany | None = None
        """Set where several limits can be asked for in one question."""
        self._slices: dict[str, Slice] = {}
        self._old: set[Slice] = set()
        self._agenda: Agenda[Slice] = Agenda()
        self._fetching: dict[str, asyncio.Task[None]] = {}
        self._lines: dict[str, _Line] = {}
        self._open = Registry()
        self._plans = Plans(self._slices, self._open.debtors)
        self._epoch = 0

    # --- reserving ----------------------------------------------------------------------------------------------------

    def plan(self, limits: tuple[Limit, ...]) -> Plan | None:
        """What is leased of ``limits``; ``None`` when a slice is missing: use ``take_all``."""
        return self._plans.get(id(limits)) or self._plans.make(limits)

    def reserve(
        self, plan: Plan, tokens: int, cost: int, now: float, owner: object = None
    ) -> PlannedReservation | None:
        """Reserve what one request may use, ``amounts_for(plan.limits, tokens, cost)``; ``None``: use ``take_all``.

        ``plan`` must have been asked for in the same turn of the loop.
        """
        if not plan.take(tokens, cost, now):
            return None
        return PlannedReservation(plan, tokens, cost, self._open, owner, now + RESERVATION_SECONDS)

    def try_all(
        self, limits: Sequence[Limit], amounts: Sequence[int], now: float, owner: object = None
    ) -> Reservation | None:
        """Reserve ``amounts[i]`` of ``limits[i]`` from what is leased already, all or nothing; ``None``: use ``take_all``."""
        slices = self._slices
        taken: list[Slice] = []
        for limit, amount in zip(limits, amounts, strict=True):
            piece = slices.get(limit.scope)
            if piece is None or piece.free < amount or now >= piece.end or piece.limit.amount != limit.amount:
                for held, back in zip(taken, amounts, strict=False):
                    held.free += back
                    held.reserved -= back
                return None
            piece.free -= amount
            piece.reserved += amount
            piece.touched = now
            taken.append(piece)
        return Reservation(taken, amounts, self._open, owner, now + RESERVATION_SECONDS)

    async def take_all(
        self, limits: Sequence[Limit], amounts: Sequence[int], now: float | None = None, owner: object = None
    ) -> Reservation:
        """Reserve ``amounts[i]`` of ``limits[i]``, all or nothing, asking control for what is short.

        Raises LimitExceeded or LimiterUnavailable after giving back what was taken; so does a cancellation.
        """
        at = self._clock() if now is None else now
        reservation = self.try_all(limits, amounts, at, owner)
        if reservation is None and self.ask_many is not None:
            await self._fetch(self.ask_many, limits, amounts)
            reservation = self.try_all(limits, amounts, at, owner)
        if reservation is not None:
            return reservation
        taken: list[Slice] = []
        try:
            for limit, amount in zip(limits, amounts, strict=True):
                taken.append(self._take(limit, amount, at) or await self._line_up(limit, amount))
        finally:
            if len(taken) < len(limits):
                for piece, back in zip(taken, amounts, strict=False):
                    piece.free += back
                    piece.reserved -= back
        return Reservation(taken, amounts, self._open, owner, at + RESERVATION_SECONDS)

    async def take_planned(self, limits: tuple[Limit, ...], tokens: int, cost: int, now: float) -> Reservation:
        """``take_all`` of what one request may use, by a plan where one question was enough: the next requests find it."""
        amounts = amounts_for(limits, tokens, cost)
        if self.ask_many is not None:
            await self._fetch(self.ask_many, limits, amounts)
            plan = self.plan(limits)
            reservation = None if plan is None else self.reserve(plan, tokens, cost, self._clock())
            if reservation is not None:
                return reservation
        return await self.take_all(limits, amounts, now)

    async def take_owing(self, limits: Sequence[Limit], amounts: Sequence[int], owed: Limit, now: float) -> Reservation:
        """``take_all``, and charge the budget ``owed``, however little is left of it."""
        reservation = await self.take_all(limits, amounts, now)
        reservation.owe(self._piece_alone(owed))
        return reservation

    # --- talking to control ---------------------------------------------------------------------------------------------

    def on_recall(self, scope: str, seq: int = 0) -> LeaseReturn:
        """Control wants the free part of ``scope`` back; send the answer."""
        piece = self._slices.get(scope)
        if piece is None:
            return LeaseReturn(scope=scope, window_start=0.0, amount=0, seq=seq)
        self._plans.unstock_of(piece)
        amount = piece.take_free() if piece.free > 0 else 0
        return LeaseReturn(scope=scope, window_start=piece.start, amount=amount, seq=seq)

    def on_notice(self, scope: str, seq: int, window_start: float) -> LeaseReturn:
        """Another worker goes beyond its even share of ``scope``; send the answer."""
        self.shares.notice(scope, window_start)
        return LeaseReturn(scope=scope, window_start=window_start, amount=0, seq=seq)

    def idle(self, now: float | None = None) -> list[LeaseReturn]:
        """What to send back: free parts of slices that are idle or whose window is over, and debts (negative amounts).

        Call it about twice a second while connected; every return must be sent. What is found over ``LOOKS`` comes next time.
        """
        at = self._clock() if now is None else now
        self._plans.age(at)
        returns = [self._return(piece) for piece in self._open.debtors if piece.free < 0]
        self._open.debtors.clear()
        longest = max(min(IDLE_SECONDS, IDLE_SECONDS * MANY_SLICES / (len(self._slices) + 1)), SHORTEST_IDLE_SECONDS)
        for piece in self._agenda.due(at, LOOKS):
            if piece in self._old:
                again = self._look_at_old(piece, at)
            elif self._slices.get(piece.limit.scope) is not piece:
                continue
            else:
                again = self._look_at(piece, at, longest)
            if again is not None:
                self._agenda.put(piece, again)
            if piece.free and (again is None or piece in self._old or at - piece.touched >= longest):
                returns.append(self._return(piece))
        return returns

    def _look_at(self, piece: Slice, now: float, longest: float) -> float | None:
        """When to look at a living slice again; ``None``: never, it is retired."""
        if now >= piece.end:
            self._retire(piece)
            self._old.add(piece)
            return self._look_at_old(piece, now)
        until = piece.touched + longest
        if now < until:
            return min(until, piece.end)
        scope = piece.limit.scope
        wanted = piece.reserved or scope in self._lines or scope in self._fetching
        if not wanted and piece.limit.kind in _HELD:
            self._retire(piece)
            return None
        return min(now + longest, piece.end)

    def _look_at_old(self, piece: Slice, now: float) -> float | None:
        """The same for one whose window is over: as long as something is reserved, something may come back."""
        if piece.reserved:
            return now + 1.0
        if piece.limit.kind in _HELD or now >= 2 * piece.end - piece.start:
            self._old.discard(piece)
            return None
        return 2 * piece.end - piece.start

    @staticmethod
    def _return(piece: Slice) -> LeaseReturn:
        return LeaseReturn(scope=piece.limit.scope, window_start=piece.start, amount=piece.take_free())

    def held(self) -> tuple[HeldLease, ...]:
        """For ``Hello``. Grants still on their way from an earlier connection are void from here on.

        For budgets and slots: free plus reserved. For sliding windows: all that was got in the window, used or not, so that a
        control that has forgotten everything counts right.
        """
        self._epoch += 1
        self._plans.unstock()
        return declared((*self._slices.values(), *self._old))

    # --- looking ----------------------------------------------------------------------------------------------------------

    def give_up_stocks(self) -> None:
        """What plans have taken for requests to come is free again; before the last call of ``idle``."""
        self._plans.unstock()

    def overdue(self, now: float | None = None) -> list[Reservation]:
        """Reservations past their expiry: their owner must write the ``Closed`` (estimated) and settle them."""
        at = self._clock() if now is None else now
        return [reservation for reservation in self._open if reservation.expires <= at]

    def open_reservations(self) -> int:
        """How many requests hold something."""
        return len(self._open)

    # --- inside -----------------------------------------------------------------------------------------------------------

    def _take(self, limit: Limit, amount: int, now: float) -> Slice | None:
        piece = self._slice(limit, now)
        if piece is None or piece.free < amount:
            return None
        piece.free -= amount
        piece.reserved += amount
        piece.touched = now
        return piece

    def _slice(self, limit: Limit, now: float) -> Slice | None:
        """The living slice of ``limit``; one whose window is over, or that was leased under a higher limit, is put aside."""
        piece = self._slices.get(limit.scope)
        if piece is None:
            return None
        if now >= piece.end or limit.amount < piece.limit.amount:
            self._put_aside(piece, now)
            return None
        if limit.amount != piece.limit.amount:
            piece.limit = limit
            piece.shown = b""
            self._plans.drop(piece)
        return piece

    def _unstock(self, scope: str) -> bool:
        """Free what plans have in stock of ``scope``; whether there was any, so that it is worth looking again."""
        piece = self._slices.get(scope)
        return piece is not None and self._plans.unstock_of(piece)

    def _add(self, piece: Slice) -> Slice:
        self._slices[piece.limit.scope] = piece
        self._agenda.put(piece, min(piece.touched + SHORTEST_IDLE_SECONDS, piece.end))
        return piece

    def _put_aside(self, piece: Slice, now: float) -> None:
        """``piece`` is of another window, or was leased under another limit: nobody gets any more of it."""
        self._retire(piece)
        self._old.add(piece)
        self._agenda.put(piece, now)

    def _retire(self, piece: Slice) -> None:
        """``piece`` is not the one to use any more."""
        del self._slices[piece.limit.scope]
        self._plans.drop(piece)

    async def _fetch(self, ask: AskMany, limits: Sequence[Limit], amounts: Sequence[int]) -> None:
        """Ask in one question for everything that is short; what is not granted is left to the line of its scope."""
        now = self._clock()
        short: list[LeaseAsk] = []
        under_way: set[asyncio.Task[None]] = set()
        for limit, amount in zip(limits, amounts, strict=True):
            scope = limit.scope
            fetching = self._fetching.get(scope)
            if fetching is not None:
                under_way.add(fetching)
            elif scope not in self._lines:
                piece = self._slices.get(scope)
                if piece is None or now >= piece.end or piece.limit.amount != limit.amount:
                    piece = self._slice(limit, now)
                if piece is None or piece.free < amount:
                    need, want = sizes(limit, piece, amount, amount)
                    short.append(LeaseAsk(seq=0, limit=limit, need=need, want=want))
        if len(short) > 1:
            task = self._tasks.spawn(self._fetch_these(ask, short), "leases")
            self._fetching.update(dict.fromkeys([each.limit.scope for each in short], task))
            under_way.add(task)
        if under_way:
            await asyncio.wait(under_way)

    async def _fetch_these(self, ask: AskMany, asks: list[LeaseAsk]) -> None:
        """Outlives those who wait for it, so that no grant is lost with a cancelled request."""
        epoch = self._epoch
        try:
            grants = await ask(asks)
            if epoch == self._epoch:
                for each, grant in zip(asks, grants, strict=True):
                    if grant.granted:
                        self._credit(each.limit, grant)
        except (LimiterUnavailable, OSError):
            return  # everybody finds that out again in the line of the scope, where it is decided what it means
        finally:
            for each in asks:
                del self._fetching[each.limit.scope]

    async def _line_up(self, limit: Limit, amount: int) -> Slice:
        future: asyncio.Future[Slice] = asyncio.get_running_loop().create_future()
        line = self._lines.get(limit.scope)
        if line is None:
            line = self._lines[limit.scope] = _Line(limit)
            line.waiters.append((amount, future))
            self._tasks.spawn(self._serve(line), f"lease {limit.scope}")
        else:
            line.limit = limit
            line.waiters.append((amount, future))
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                piece = future.result()
                piece.free += amount
                piece.reserved -= amount
            raise

    async def _serve(self, line: _Line) -> None:
        """Serve a line to its end. Outlives any waiter, so that no grant is lost with a cancelled request."""
        scope = line.limit.scope
        error: Exception = LimiterUnavailable(f"nobody answers for {scope}")
        deadline = self._clock() + self._patience
        try:
            while self._serve_locally(line):
                need, want = self._shortage(line)
                try:
                    grant = await self._ask_control(line.limit, need, want)
                except (LimiterUnavailable, OSError) as reason:
                    self._serve_alone(line, reason)
                    continue
                if grant is None:
                    continue
                if grant.reason == "recovering":
                    if self._clock() < deadline:
                        await asyncio.sleep(RETRY_SECONDS)
                    else:
                        self._serve_alone(line, LimiterUnavailable("the authority is recovering"))
                elif grant.reason == "unavailable":
                    self._serve_alone(line, LimiterUnavailable("the shared limiter is away"))
                elif grant.granted == 0:
                    self._refuse(line, grant)
        finally:
            del self._lines[scope]
            for _, future in line.waiters:
                if not future.done():
                    future.set_exception(error)

    def _serve_locally(self, line: _Line) -> bool:
        """Serve from the head of the line what the slice allows; whether somebody still waits."""
        waiters = line.waiters
        now = self._clock()
        while waiters:
            amount, future = waiters[0]
            if not future.done():
                piece = self._take(line.limit, amount, now)
                if piece is None:
                    return True
                future.set_result(piece)
            waiters.popleft()
        return False

    def _shortage(self, line: _Line) -> tuple[int, int]:
        queued = sum([waiting for waiting, _ in line.waiters])
        return sizes(line.limit, self._slice(line.limit, self._clock()), line.waiters[0][0], queued)

    async def _ask_control(self, limit: Limit, need: int, want: int) -> LeaseGrant | None:
        """Ask and credit what is granted; ``None`` when the answer is void because the worker said ``Hello`` meanwhile."""
        epoch = self._epoch
        grant = await self._ask(LeaseAsk(seq=0, limit=limit, need=need, want=want))
        if epoch != self._epoch:
            return None
        self._credit(limit, grant)
        return grant

    def _credit(self, limit: Limit, grant: LeaseGrant) -> None:
        now = self._clock()
        if grant.eased:
            self.shares.eased(limit.scope)
        piece = self._slices.get(limit.scope)
        if piece is None or piece.start != grant.window_start:
            if piece is not None:
                self._put_aside(piece, now)
            piece = self._add(Slice(limit, grant.window_start, grant.window_end or NEVER, now))
        piece.note(grant, now)
        piece.credit(grant.granted)

    def _refuse(self, line: _Line, grant: LeaseGrant) -> None:
        """Control has no more: what is free or in stock here still serves; then everybody who needs as much is refused."""
        if self._unstock(line.limit.scope):
            return
        if not self._serve_locally(line):
            return
        piece = self._slices.get(line.limit.scope)
        reserved, free = (0, 0) if piece is None else (piece.reserved, piece.free)
        least = line.waiters[0][0]
        keep: deque[tuple[int, asyncio.Future[Slice]]] = deque()
        for amount, future in line.waiters:
            if amount < least:
                keep.append((amount, future))
            elif not future.done():
                future.set_exception(LimitExceeded(line.limit, grant, amount=amount, reserved=reserved, free=free))
        line.waiters = keep

    def _room(self, piece: Slice, now: float) -> int:
        """What may be taken of a rate or of slots without control."""
        before = 2 * piece.start - piece.end
        used = sum([old.granted for old in self._old if old.limit.scope == piece.limit.scope and old.start == before])
        return self.shares.room(piece.limit, Used(piece.start, piece.end, piece.granted, used), now)

    def _serve_alone(self, line: _Line, reason: Exception) -> None:
        """Nobody can be asked: the documented policy."""
        if not self._serves_alone(line):
            self._refuse_alone(line, reason)

    def _serves_alone(self, line: _Line) -> bool:
        """Serve the head of the line from what is in stock, or from this worker's share of a rate or of slots."""
        limit = line.limit
        if self._unstock(limit.scope):
            return True
        if limit.kind == "budget":
            return False
        piece = self._piece_alone(limit)
        need = line.waiters[0][0] - piece.free
        if need > self._room(piece, self._clock()):
            return False
        piece.credit(need)
        return True

    def _piece_alone(self, limit: Limit) -> Slice:
        now = self._clock()
        piece = self._slice(limit, now)
        if piece is None:
            start, end = (0.0, NEVER) if limit.kind == "parallel" else window_bounds(limit.window, now, limit.anchor)
            piece = self._add(Slice(limit, start, end, now))
        return piece

    def _refuse_alone(self, line: _Line, reason: Exception) -> None:
        amount, future = line.waiters.popleft()
        if not future.done():
            piece = None if line.limit.kind == "budget" else self._piece_alone(line.limit)
            future.set_exception(self._alone.refusal(line.limit, piece, amount, reason))
