"""What traffic has taught about a deployment, and the circuit that follows from it.

closed ──more failures in a row than allowed──► open ──its time is over──► half-open ──one request succeeds──► closed
                                                 ▲                            │
                                                 └─────── it fails: twice as long, up to ``MAX_STRETCH`` ◄────┘

Times are monotonic seconds. While half-open, one request at a time goes through. A rest that the deployment itself has asked for
(``Retry-After``) is no trip: it simply ends.
"""

from __future__ import annotations

import math
import time
from typing import Literal

MAX_STRETCH = 8
"""How many times the configured rest a deployment rests at most that goes on failing."""
DECAY_S = 60.0
"""In this time a measured latency loses two thirds of its weight."""
PENALTY_S = 1e6
"""Assumed of a deployment whose first answer is still outstanding."""
WINDOW_S = 60.0

MAX_REMEMBERED = 256
"""Models of a wildcard that are remembered, those that rest and those asked last: callers choose the names."""

State = Literal["closed", "open", "half_open", "resting"]


class Health:
    """Of one deployment in one worker; survives a configuration reload that keeps the deployment."""

    __slots__ = (
        "_by_fault",
        "cooldown_until",
        "fails",
        "failures",
        "in_flight",
        "last_fault",
        "latency_s",
        "measured_at",
        "models",
        "probing",
        "requests",
        "tripped",
        "trips",
        "use",
    )  # fmt: skip

    def __init__(self) -> None:
        self.cooldown_until = 0.0
        """Nothing is sent here before; a later end is never shortened."""
        self.tripped = False
        """Whether the circuit is open or half-open."""
        self.probing = False
        """Half-open, and a request is under way."""
        self.trips = 0
        """How often in a row the circuit has opened."""
        self.fails = 0
        """Failures in a row."""
        self._by_fault: dict[str, int] = {}
        """The same, kinds that are counted by themselves apart."""
        self.in_flight = 0
        self.requests = 0
        """Attempts, since the worker has started; ``failures`` of them by the deployment's fault."""
        self.failures = 0
        self.last_fault = ""
        self.latency_s = 0.0
        """Peak-sensitive moving average of the time to the head of an answer; 0: not measured."""
        self.measured_at = 0.0
        self.use = Use()
        self.models: dict[str, Health] = {}
        """Of a wildcard: each model by itself, the one asked last at the end (``of``)."""

    def of(self, model: str) -> Health:
        """What is known of one model of a wildcard.

        Who may ask for a model says which, so what becomes of one tells nothing of the others: a caller whose models fail takes
        nobody else's away. What is used up of the deployment's minute is common to all.
        """
        found = self.models.pop(model, None)
        if found is None:
            found = Health()
            found.use = self.use
            while len(self.models) >= MAX_REMEMBERED:
                self._forget(self._dispensable(time.monotonic()))
        self.models[model] = found
        return found

    def _dispensable(self, now: float) -> str:
        """The model asked longest ago of which there is nothing to lose; else the one asked longest ago.

        Names are free: without the first rule whoever invents enough of them closes everybody's open circuits.
        """
        quiet = (
            name
            for name, each in self.models.items()
            if not (each.tripped or each.in_flight or each.cooldown_until > now)
        )
        return next(quiet, next(iter(self.models)))

    def _forget(self, model: str) -> None:
        old = self.models.pop(model)
        self.requests += old.requests
        self.failures += old.failures

    def total(self) -> Health:
        """The deployment as a whole, for people: a wildcard's sums, and the state that all of its models are in, if one is."""
        if not self.models:
            return self
        models = self.models.values()
        whole = Health()
        whole.requests = self.requests + sum(each.requests for each in models)
        whole.failures = self.failures + sum(each.failures for each in models)
        whole.in_flight = sum(each.in_flight for each in models)
        whole.fails = min(each.fails for each in models)
        whole.cooldown_until = min(each.cooldown_until for each in models)
        whole.tripped = all(each.tripped for each in models)
        last = next(reversed(self.models.values()))
        whole.last_fault, whole.latency_s, whole.measured_at = last.last_fault, last.latency_s, last.measured_at
        whole.use = self.use
        return whole

    def state(self, now: float) -> State:
        """The circuit's state, for people."""
        if self.cooldown_until > now:
            return "open" if self.tripped else "resting"
        return "half_open" if self.tripped else "closed"

    def succeeded(self) -> None:
        """A request was answered."""
        self.fails = self.trips = 0
        self.tripped = False
        self._by_fault.clear()

    def failed(
        self, now: float, allowed: int, cooldown_s: float, *, kind: str = "", counted_alone: bool = False
    ) -> None:
        """A request failed by the upstream's fault; after more than ``allowed`` in a row, or while half-open, it rests."""
        self.failures += 1
        self.last_fault = kind
        self.fails += 1
        counter = kind if counted_alone else ""
        fails = self._by_fault[counter] = self._by_fault.get(counter, 0) + 1
        if cooldown_s > 0 and (fails > allowed or self.tripped):
            self.trip(now, cooldown_s)

    def trip(self, now: float, cooldown_s: float) -> None:
        """Open the circuit. Failures of requests that were under way when it opened do not open it again."""
        if self.tripped and self.cooldown_until > now:
            return
        self.tripped = True
        self.rest(now, cooldown_s * min(2**self.trips, MAX_STRETCH))
        self.trips += 1

    def rest(self, now: float, seconds: float) -> None:
        """Send nothing here for a while. A later end is never shortened."""
        self.cooldown_until = max(self.cooldown_until, now + seconds)

    def took(self, seconds: float, now: float) -> None:
        """An answer began after ``seconds``. A slower one than the average counts in full at once, a faster one by and by."""
        if seconds >= self.latency_s:
            self.latency_s = seconds
        else:
            weight = math.exp((self.measured_at - now) / DECAY_S)
            self.latency_s = self.latency_s * weight + seconds * (1 - weight)
        self.measured_at = now

    def load(self, now: float) -> float:
        """Expected wait: the latency, which is forgotten without traffic, for everything under way and one more."""
        if not self.latency_s:
            return PENALTY_S + self.in_flight if self.in_flight else 0.0
        return self.latency_s * math.exp((self.measured_at - now) / DECAY_S) * (self.in_flight + 1)


class Use:
    """Requests and tokens of the last minute: those of this window, and of the one before as far as it still reaches."""

    __slots__ = ("_before", "_requests", "_start", "_tokens")

    def __init__(self) -> None:
        self._start = -2 * WINDOW_S
        self._requests = self._tokens = 0
        self._before = (0, 0)

    def add(self, now: float, requests: int, tokens: int) -> None:
        """Count something; ``tokens`` may be negative, to correct an estimate."""
        self._turn(now)
        self._requests += requests
        self._tokens += tokens

    def figures(self, now: float) -> tuple[float, float]:
        """Requests and tokens."""
        self._turn(now)
        left = 1 - (now - self._start) / WINDOW_S
        return self._requests + left * self._before[0], max(self._tokens + left * self._before[1], 0.0)

    def _turn(self, now: float) -> None:
        windows = int((now - self._start) // WINDOW_S)
        if windows > 0:
            self._before = (self._requests, self._tokens) if windows == 1 else (0, 0)
            self._requests = self._tokens = 0
            self._start += windows * WINDOW_S
