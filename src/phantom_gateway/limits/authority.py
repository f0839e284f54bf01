"""The authority behind all leases of one node: who may use how much of which limit.

Pure and synchronous; the clock is passed in. All methods belong to one thread.

One ``Counter`` stands for one (scope, window start). What counts against the limit is ``spent`` plus what every worker holds:

- *budget*: a worker holds what it was granted, less what it gave back, less what came in through its journal. A grant
  becomes spend when the journal is ingested (``ingested``), so the sum is never short of the truth, whatever dies in between.
  A worker that spent more than it reserved holds less than nothing until its debt is granted; that counts as zero.
  Beside it counts what requests may cost that were admitted before the budget was there (``set_outside``); a budget that is
  new on its entity is not lent before all of those are known (``fence``).
- *requests*, *tokens*: a worker holds what it was granted, less what it gave back unused, used or not; the window before
  counts with the share of it that the sliding window still covers.
- *parallel*: a worker holds its slots; there is no window.

First touch of a budget asks ``load_spent``, which reads the database. While rows are being committed and not yet announced such
a reading is uncertain: between ``ingesting`` and ``ingested`` it counts as at its worst, and is read again afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from phantom_gateway.limits.agenda import Agenda
from phantom_gateway.limits.fences import Fences
from phantom_gateway.limits.lending import Grant, LoadSpent, NeedRecall, Readings, Spends
from phantom_gateway.limits.shares import even_share
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import HeldLease, Limit, LimitKind

RECOVERY_SECONDS = 5.0
IDLE_SECONDS = 60.0
LOOKS = 5_000
"""At so many counters ``expire`` looks in one go."""
FRUITLESS_RECALLS = 2
"""After so many recalls in a row that brought nothing, further ones wait."""
RECALL_PAUSE = 0.05


class Standing(NamedTuple):
    """How a limit stands."""

    used: int
    remaining: int
    window_start: float
    window_end: float
    """0 = never."""


class Counter:
    """One (scope, window start)."""

    __slots__ = (
        "end",
        "fruitless",
        "held",
        "kind",
        "loaded",
        "pause_until",
        "scope",
        "spent",
        "start",
        "told",
        "touched",
    )

    def __init__(self, scope: str, kind: LimitKind, bounds: tuple[float, float], spent: int) -> None:
        self.scope = scope
        self.kind = kind
        self.start, self.end = bounds
        self.spent = spent
        self.held: dict[str, int] = {}
        self.touched = 0.0
        self.loaded = True
        """False: ``spent`` was read while rows were being committed."""
        self.fruitless = 0
        self.pause_until = 0.0
        self.told: set[str] = set()
        """Workers that know of another that has gone beyond its even share."""

    @property
    def used(self) -> int:
        used = self.spent
        for amount in self.held.values():
            if amount > 0:
                used += amount
        return used


class Authority:
    """See the module's text."""

    def __init__(
        self,
        load_spent: LoadSpent | None = None,
        *,
        awaiting: Iterable[str] = (),
        now: float = 0.0,
    ) -> None:
        """``load_spent(windows)``: nano-dollars in the database by (scope, window start); what is missing is 0.

        ``awaiting``: incarnations whose journal directory exists at start. Until each has said ``hello`` or is ``gone``,
        everything is refused with ``recovering``; after 5 s this holds for budgets only. A worker that lives without
        speaking can still spend what it holds, so no time makes it safe to grant that again: end it, then it is ``gone``.
        """
        self.versioned = False
        self.nodes, self.place = 1, 0
        self._load_spent = load_spent or _nothing_spent
        self._awaiting = set(awaiting)
        self._recovering_until = now + RECOVERY_SECONDS
        self._counters: dict[tuple[str, float], Counter] = {}
        self._agenda: Agenda[Counter] = Agenda()
        self._workers: set[str] = set()
        self._committing: dict[str, dict[tuple[str, float], int]] = {}
        self._outside: Mapping[tuple[str, float], int] = {}
        self.fences = Fences()

    # --- leases -------------------------------------------------------------------------------------------------------

    def prepare(self, limits: Sequence[Limit], now: float) -> None:
        """These are about to be asked for: read at once what is spent of the budgets among them. Raises WindowSyntaxError."""
        bounds = {}
        for limit in limits:
            if limit.kind == "budget":
                start, end = window_bounds(limit.window, now, limit.anchor)
                if (limit.scope, start) not in self._counters:
                    bounds[limit.scope, start] = end
        if not bounds:
            return
        spent = self._load_spent(list(bounds))
        for key, end in bounds.items():
            self._add_budget(key, end, spent.get(key, 0)).touched = now

    def recovering(self, now: float, kind: LimitKind = "budget") -> bool:
        """Whether limits of ``kind`` are refused because holdings of some worker are still unknown after a restart."""
        return bool(self._awaiting) and (kind == "budget" or now < self._recovering_until)

    def awaiting(self) -> frozenset[str]:
        """The workers it waits for; one that stays here must be ended by whoever supervises it."""
        return frozenset(self._awaiting)

    def ask(
        self, worker: str, limit: Limit, need: int, want: int, now: float, *, recalled: bool = False
    ) -> Grant | NeedRecall:
        """Grant at least ``need`` and at most ``want`` units of ``limit`` to ``worker``, or refuse.

        The slice is the smaller the less is left: ``max(need, min(want, left // (2 * workers)))``, never more than what is
        left. ``NeedRecall`` without a notice is never returned with ``recalled``. Raises WindowSyntaxError.
        """
        counter, before = self._current(limit, now)
        end = _finite(counter.end)
        left = limit.amount - self._used(limit, counter, before, now)
        if self.recovering(now, limit.kind) or limit.scope in self.fences:
            return Grant(0, counter.start, end, max(left, 0), limit.amount - left, "recovering")
        held = counter.held.get(worker, 0)
        debt = min(-min(held, 0), need)  # granting a debt takes nothing: it is counted as spent already
        if need - debt > left:
            if not self._binds(limit, counter, need, now):
                counter.held[worker] = held + need
                return Grant(need, counter.start, end, 0, limit.amount - left + need - debt)
            refusal = Grant(0, counter.start, end, max(left, 0), limit.amount - left, "exhausted")
            past = 0 if before is None else before.used
            counted = refusal._replace(spent=counter.spent, held=held, current=counter.used, before=past)
            return self._recall(worker, limit, counter, now, recalled=recalled) or counted
        granted = max(need, min(want, left // (2 * max(len(self._workers), 1))))
        if limit.kind != "budget" and len(self._workers) > 1:
            room = self._room(worker, limit, (counter, before), now)
            unaware = self._workers - counter.told - {worker}
            if granted > room and unaware:
                if need > room:
                    return NeedRecall(tuple(sorted(unaware)), notice=counter.start)
                granted = room
        counter.held[worker] = held + granted
        counter.fruitless = 0
        left -= max(held + granted, 0) - max(held, 0)
        eased = limit.kind == "parallel" and self._eases(worker, limit, counter)
        return Grant(granted, counter.start, end, max(left, 0), limit.amount - left, eased=eased)

    def told(self, scope: str, window_start: float, workers: Iterable[str]) -> None:
        """These workers have heard that another goes beyond its even share."""
        counter = self._counters.get((scope, window_start))
        if counter is not None:
            counter.told.update(workers)

    async def decide(
        self, worker: str, limit: Limit, need: int, want: int, now: float, *, recalled: bool = False
    ) -> Grant | NeedRecall:
        """As ``ask``: what several nodes share is not decided without waiting."""
        return self.ask(worker, limit, need, want, now, recalled=recalled)

    def give_back(self, worker: str, scope: str, window_start: float, amount: int, now: float | None = None) -> None:
        """Take back unused units. A negative amount reports units used beyond what was granted, if anything was."""
        counter = self._counters.get((scope, window_start))
        if counter is None or (worker not in counter.held and (amount >= 0 or worker not in self._workers)):
            return
        if counter.kind == "budget":
            counter.held[worker] = counter.held.get(worker, 0) - amount
        else:
            counter.held[worker] = max(counter.held.get(worker, 0) - amount, 0)
        if amount > 0:
            counter.fruitless = 0
        if now is not None:
            counter.touched = now

    # --- what happens to workers ----------------------------------------------------------------------------------------

    def hello(self, worker: str, held: Sequence[HeldLease], now: float) -> None:
        """``worker`` (re)connected and declares what it holds; this replaces what was known of it.

        Its journal must have been ingested up to the position in the same ``Hello`` before this is called
        (``Ingestor.catch_up``), else what lies between would be missing from both sides for a moment.
        """
        self._workers.add(worker)
        self._awaiting.discard(worker)
        for counter in self._counters.values():
            counter.held.pop(worker, None)
        for lease in held:
            counter = self._counter(lease.limit, lease.window_start, now)
            counter.held[worker] = counter.held.get(worker, 0) + lease.amount

    def gone(self, worker: str) -> None:
        """``worker`` is dead and its journal is ingested and recovered: it holds nothing any more."""
        self._workers.discard(worker)
        self._awaiting.discard(worker)
        self.fences.gone(worker)
        for counter in self._counters.values():
            held = counter.held.pop(worker, 0)
            if counter.kind in ("requests", "tokens"):
                counter.spent += max(held, 0)

    # --- what the journals say --------------------------------------------------------------------------------------------

    def ingesting(self, worker: str, spends: Spends) -> None:
        """Rows of ``worker`` with these spends are about to be committed; said again when it has to be tried again."""
        amounts = self._committing[worker] = {}
        for scope, start, amount in spends:
            amounts[scope, start] = amounts.get((scope, start), 0) + amount

    def ingested(self, worker: str, spends: Spends, unheld: Spends = (), read: Readings | None = None) -> None:
        """Rows of ``worker`` with these spends are committed (exactly once each).

        ``unheld``: charges of the same rows to budgets the worker had not leased for them; ``ingesting`` has heard of both.
        """
        for scope, start, amount in unheld:
            counter = self._counters.get((scope, start))
            if counter is not None and counter.loaded:
                counter.spent += amount
        for scope, start, amount in spends:
            counter = self._counters.get((scope, start))
            if counter is None:
                continue  # nobody holds any of it; the next touch reads the database
            if counter.loaded:
                counter.spent += amount
            counter.held[worker] = counter.held.get(worker, 0) - amount
        for key in self._committing.pop(worker, ()):
            counter = self._counters.get(key)
            if counter is not None and not counter.loaded and not self._worst(key):
                counter.spent = self._load_spent([key]).get(key, 0)
                counter.loaded = True

    def set_spent(self, scope: str, window_start: float, amount: int) -> None:
        """Correct what counts as spent (a reset or correction by an administrator, already in the database)."""
        counter = self._counters.get((scope, window_start))
        if counter is not None:
            counter.spent = amount

    def fence(self, scopes: Iterable[str]) -> None:
        """Lend nothing of these new budgets until every worker has confirmed that it has forgotten what was before."""
        self.fences.put(scopes, self._workers | self._awaiting)

    def set_outside(self, amounts: Mapping[tuple[str, float], int]) -> None:
        """What open requests may cost that hold nothing of these budgets, by (scope, window start); replaces what was said."""
        self._outside = amounts

    def learn(self, read: Readings) -> None:
        """Nothing: it counts by itself."""

    # --- looking --------------------------------------------------------------------------------------------------------

    def usage(self, limit: Limit, now: float) -> Standing:
        """How ``limit`` stands, reservations included. Raises WindowSyntaxError."""
        counter, before = self._current(limit, now)
        used = self._used(limit, counter, before, now)
        return Standing(used, max(limit.amount - used, 0), counter.start, _finite(counter.end))

    def spent(self, limit: Limit, now: float) -> int:
        """What is spent of a budget without reservations, as far as ingested."""
        return self._current(limit, now)[0].spent

    def workers(self) -> frozenset[str]:
        """Workers that said hello and are not gone."""
        return frozenset(self._workers)

    def __len__(self) -> int:
        return len(self._counters)

    def expire(self, now: float) -> int:
        """Drop counters nobody needs; call it every second. Returns how many are left."""
        for counter in self._agenda.due(now, LOOKS):
            if _idle(counter, now):
                del self._counters[counter.scope, counter.start]
            else:
                self._agenda.put(counter, _idle_at(counter, now))
        return len(self._counters)

    # --- inside ---------------------------------------------------------------------------------------------------------

    def _current(self, limit: Limit, now: float) -> tuple[Counter, Counter | None]:
        """The counter of the window around ``now``, and the one before for sliding windows."""
        if limit.kind == "parallel":
            return self._counter(limit, 0.0, now), None
        start, end = window_bounds(limit.window, now, limit.anchor)
        counter = self._counter(limit, start, now, end)
        if limit.kind == "budget" or end == math.inf:
            return counter, None
        return counter, self._counters.get((limit.scope, 2 * start - end))

    def _counter(self, limit: Limit, start: float, now: float, end: float | None = None) -> Counter:
        key = (limit.scope, start)
        counter = self._counters.get(key)
        if counter is None:
            if end is None:
                end = math.inf if limit.kind == "parallel" else window_bounds(limit.window, start, limit.anchor)[1]
            if limit.kind == "budget":
                counter = self._add_budget(key, end, self._load_spent([key]).get(key, 0))
            else:
                counter = self._counters[key] = Counter(limit.scope, limit.kind, (start, end), 0)
                self._agenda.put(counter, _idle_at(counter, now))
        counter.touched = now
        return counter

    def _add_budget(self, key: tuple[str, float], end: float, read: int) -> Counter:
        """A counter of which the database says ``read``, at this very moment."""
        worst = self._worst(key)
        counter = self._counters[key] = Counter(key[0], "budget", (key[1], end), read + worst)
        counter.loaded = not worst
        self._agenda.put(counter, 0.0)
        return counter

    def _worst(self, key: tuple[str, float]) -> int:
        """What rows that are being committed may add to a reading of the database."""
        return sum([amounts.get(key, 0) for amounts in self._committing.values()])

    def _binds(self, limit: Limit, counter: Counter, need: int, now: float) -> bool:
        """Whether ``limit`` binds: what it depends on is used so far, the asker's own part not counted, which is taken already."""
        for over in limit.over:
            other = self._counters.get((over.scope, counter.start))
            if other is None:
                continue
            before = self._counters.get((over.scope, 2 * counter.start - counter.end))
            mine = need if other.kind == limit.kind else 0
            if self._used(limit, other, before, now) - mine >= over.amount:
                return True
        return not limit.over

    def _share(self, worker: str, amount: int) -> int:
        workers = sorted(self._workers)
        place = workers.index(worker) if worker in self._workers else len(workers)
        return even_share(amount, len(workers), place)

    def _room(self, worker: str, limit: Limit, windows: tuple[Counter, Counter | None], now: float) -> int:
        """What ``worker`` may still get within its even share of a rate or of slots."""
        counter, before = windows
        used = max(counter.held.get(worker, 0), 0)
        if before is not None:
            share = min(max((counter.end - now) / (counter.end - counter.start), 0.0), 1.0)
            used += math.ceil(max(before.held.get(worker, 0), 0) * share)
        return self._share(worker, limit.amount) - used

    def _eases(self, worker: str, limit: Limit, counter: Counter) -> bool:
        """Whether nobody but ``worker`` has more than its even share of slots; it is to be told anew when somebody will have."""
        others = [name for name in self._workers if name != worker]
        if any(counter.held.get(name, 0) > self._share(name, limit.amount) for name in others):
            return False
        counter.told.discard(worker)
        return True

    def _used(self, limit: Limit, counter: Counter, before: Counter | None, now: float) -> int:
        used = counter.used
        if self._outside:
            used += self._outside.get((counter.scope, counter.start), 0)
        if before is not None and limit.kind != "budget":
            share = (counter.end - now) / (counter.end - counter.start)
            used += math.ceil(before.used * min(max(share, 0.0), 1.0))
        return used

    def _recall(self, worker: str, limit: Limit, counter: Counter, now: float, *, recalled: bool) -> NeedRecall | None:
        """Whom to recall it from before it is refused."""
        others = [
            name for name, amount in counter.held.items() if amount > 0 and name != worker and name in self._workers
        ]
        scopes = tuple([over.scope for over in limit.over])
        for scope in scopes:  # what is leased of it and not used does not count
            above = self._counters.get((scope, counter.start))
            others += [] if above is None else [name for name, held in above.held.items() if held > 0]
        if recalled:
            counter.fruitless += 1
            if counter.fruitless >= FRUITLESS_RECALLS:
                counter.pause_until = now + RECALL_PAUSE
        elif others and not (counter.fruitless >= FRUITLESS_RECALLS and now < counter.pause_until):
            return NeedRecall(tuple(dict.fromkeys(others)), scopes=scopes)
        return None


def _idle(counter: Counter, now: float) -> bool:
    if counter.kind in ("requests", "tokens"):
        return now >= 2 * counter.end - counter.start
    if any(counter.held.values()):
        return False
    return now - counter.touched >= IDLE_SECONDS


def _idle_at(counter: Counter, now: float) -> float:
    """When it may be idle."""
    if counter.kind in ("requests", "tokens"):
        return 2 * counter.end - counter.start
    return max(counter.touched, now if any(counter.held.values()) else 0.0) + IDLE_SECONDS


def _finite(end: float) -> float:
    return 0.0 if end == math.inf else end


def _nothing_spent(_windows: Sequence[tuple[str, float]]) -> Mapping[tuple[str, float], int]:
    return {}
