"""The one attempt loop: which deployment is asked, how often, and where a request goes when nobody of its group answers.

An attempt may be followed by another only as long as the caller has not been sent a byte. Within a model group other deployments
come first; a deployment whose fault it was rests; then the fallbacks have their turn. Retries are bounded three times: by their
number, by the deadline of the request, and by the share of the worker's requests that may be retries (``retry_budget``).
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from typing import TYPE_CHECKING

from phantom_gateway.gateway.aside import reserve_aside
from phantom_gateway.gateway.call import AttemptFailed, RequestRefused
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.retry_budget import RetryBudget
from phantom_gateway.gateway.selection import BYTES_PER_TOKEN, Failure, Round
from phantom_gateway.ledger.trail import Step

if TYPE_CHECKING:
    from phantom_gateway.gateway.call import Caller
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Group, Table, Target
    from phantom_gateway.gateway.wishes import Reason
    from phantom_gateway.limits.book import LeaseBook
    from phantom_gateway.spine.snapshot import Fault

BACKOFF_S = 0.05
JITTER = 0.1


class Router:
    """Finds a deployment for each request, and another when that fails. One per worker."""

    def __init__(self, caller: Caller, book: LeaseBook) -> None:
        self._caller = caller
        self._book = book
        self.retries = RetryBudget()

    async def run(self, exchange: Exchange, table: Table) -> None:
        """Answer the exchange from its group or its fallbacks. Raises ApiError when nobody could, nothing being delivered."""
        exchange.deadline = time.monotonic() + table.total_timeout_s
        self.retries.balance += table.retry_share
        try:
            if exchange.wishes.mocked is not None:
                raise _mocked(exchange.wishes.mocked)
            await self._ask_group(exchange, table, exchange.group, exchange.routed)
        except ApiError as error:
            await self._fall_back(exchange, table, error)

    async def _fall_back(self, exchange: Exchange, table: Table, failure: ApiError) -> None:
        """Ask what else the configuration or the request names. Raises the first failure when nobody does better."""
        first = failure
        asked = {exchange.routed}
        team = exchange.principal.team_id
        while True:
            name = next_fallback(exchange, table, failure, asked)
            if name is None or exchange.responder.gone or time.monotonic() >= exchange.deadline:
                raise failure if isinstance(failure, RequestRefused) else first
            asked.add(name)
            exchange.fallbacks += 1
            found = table.find(exchange.principal.model_aliases.get(name, name), team)
            if found is None:
                continue
            exchange.note(Step("fallback", found[0].name, reason_of(failure) or "", exchange.fallbacks))
            try:
                await self._ask_group(exchange, table, *found)
            except ApiError as error:
                failure = error
            else:
                return

    async def _ask_group(self, exchange: Exchange, table: Table, group: Group, model: str) -> None:
        round_ = Round(group, model, exchange, table)
        first = round_.first
        while True:
            target, first = first or round_.next(time.monotonic()), None
            if target is None:
                target = await self._waited_for(exchange, round_)
            elif round_.failure is not None:
                await self._before_retry(exchange, table, round_, target)
            health = target.health
            probes = health.tripped
            if probes:
                health.probing = True
            try:
                if target.limits or exchange.fallbacks:
                    refused = await reserve_aside(exchange, target, model, table, self._book)
                    if refused is not None:
                        round_.exhausted = _sooner(round_.exhausted, refused)
                        round_.leave_out(target, "budget")
                        continue
                round_.tried.add(target.id)
                exchange.target = target
                if table.counts_use:
                    whole = await self._counted(exchange, target, model)
                else:
                    whole = await self._caller.attempt(exchange, target, model)
            except AttemptFailed as failed:
                if failed.free:
                    continue
                self._failed(exchange, table, round_, Failure(target, failed))
            except RequestRefused as refused:
                self._refused(exchange, table, round_, target, refused)
            else:
                if round_.suspects or health.fails or health.tripped or not whole:
                    _learn(group, target, round_, table, whole=whole)
                return
            finally:
                if probes:
                    health.probing = False

    async def _counted(self, exchange: Exchange, target: Target, model: str) -> bool:
        """An attempt, and what it takes of the deployment's minute: expected while it runs, then real."""
        expected = exchange.call.size // BYTES_PER_TOKEN + 1 + exchange.call.expected_output
        use, used = target.health.use, 0
        use.add(time.monotonic(), 1, expected)
        try:
            whole = await self._caller.attempt(exchange, target, model)
            used = sum(exchange.accounting.usage.sides())
        finally:
            use.add(time.monotonic(), 0, used - expected)
        return whole

    async def _waited_for(self, exchange: Exchange, round_: Round) -> Target:
        """Nobody is left: wait, once, for the deployment that said how long. Raises the failure when there is none."""
        if round_.waiting_for is None:
            raise round_.failure or round_.exhausted or round_.nobody(time.monotonic())
        target, seconds = round_.waiting_for
        round_.waiting_for = None
        self._count_retry(exchange, round_)
        await _pause(exchange, Step("wait", target.id, "retry_after"), seconds, round_.failure)
        return target

    async def _before_retry(self, exchange: Exchange, table: Table, round_: Round, target: Target) -> None:
        self._count_retry(exchange, round_)
        if target.id in round_.tried:
            seconds = max(table.routing.retry_after_s, BACKOFF_S * 2 ** min(round_.attempt, 6), round_.again_s)
            await _pause(exchange, Step("wait", target.id, "backoff"), seconds, round_.failure)

    def _count_retry(self, exchange: Exchange, round_: Round) -> None:
        assert round_.failure is not None, "a retry follows a failure"
        if not self.retries.take(time.monotonic()):
            exchange.note(Step("stop", "", "retry_budget", exchange.attempts))
            raise round_.failure
        exchange.attempts += 1

    def _refused(
        self, exchange: Exchange, table: Table, round_: Round, target: Target, refused: RequestRefused
    ) -> None:
        """Raises the refusal, unless the configuration wants such requests to be tried again."""
        exchange.note(_tried(exchange, target, refused.fault, refused.status))
        if round_.attempt >= round_.group.retries.get(refused.fault, 0):
            raise refused
        failed = AttemptFailed(refused, refused.fault, same_again=False)
        self._failed(exchange, table, round_, Failure(target, failed), noted=True)

    def _failed(
        self, exchange: Exchange, table: Table, round_: Round, attempt: Failure, *, noted: bool = False
    ) -> None:
        """Learn from a failed attempt. Raises its error when there is to be no other in this group."""
        target, failed = attempt
        group = round_.group
        if not noted:
            exchange.note(_tried(exchange, target, failed.fault, failed.error.status))
        round_.failure = failed.error
        if not count_failure(group, target, failed, table):
            round_.suspects.append(attempt)
        round_.again_s = failed.wait_s
        if not failed.same_again:
            if failed.wait_s and target.id not in round_.waited:
                round_.waited.add(target.id)
                round_.waiting_for = target, failed.wait_s
            round_.banned.add(target.id)
        round_.attempt += 1
        if exchange.responder.gone:
            raise failed.error from failed
        if round_.attempt > retries_of(exchange, group, target, failed.fault, table):
            exchange.note(Step("stop", "", "retries", exchange.attempts))
            raise failed.error from failed


def _learn(group: Group, target: Target, round_: Round, table: Table, *, whole: bool) -> None:
    """The request was answered: what that says of who answered, and of who failed before."""
    if whole:
        target.health.succeeded()
    else:
        count_failure(group, target, AttemptFailed(_BROKEN_OFF), table)
    for suspect in round_.suspects:
        # another one could do it: the fault was the deployment's, not the request's
        count_failure(group, suspect.target, suspect.failed, table, proven=True)


def count_failure(group: Group, target: Target, failed: AttemptFailed, table: Table, *, proven: bool = False) -> bool:
    """Let a deployment rest whose fault it was; whether that could be judged. ``proven``: it was, whatever it looks like.

    One without an alternative rests only when it asks for it: its own answer says more than "try again". Of a wildcard it is the
    model that rests, not the deployment (``Health.of``).
    """
    fault, health, policy = failed.fault, target.health, table.routing.allowed_fails_policy
    if target.cooldown_s <= 0 or (group.alone and fault != "RateLimit"):
        return True
    now = time.monotonic()
    if fault in policy:
        health.failed(now, policy[fault], max(target.cooldown_s, failed.rest_s), kind=fault, counted_alone=True)
    elif fault == "Authentication":
        health.failed(now, 0, max(target.cooldown_s, failed.rest_s), kind=fault)
    elif failed.rest_s:
        health.rest(now, failed.rest_s)
    elif failed.error.status >= 500 or failed.error.status == 408 or proven:
        health.failed(now, table.routing.allowed_fails, target.cooldown_s, kind=fault)
    else:
        return False
    return True


def retries_of(exchange: Exchange, group: Group, target: Target, fault: Fault, table: Table) -> int:
    """How many more attempts a group may make after this kind of failure; a caller may want fewer."""
    policy = group.retries
    allowed = policy.get(fault)
    if allowed is None and fault == "BadGateway":
        allowed = policy.get("InternalServer")
    if allowed is None:
        allowed = policy.get("Default", target.deployment.max_retries)
    if allowed is None:
        allowed = table.routing.num_retries
    wanted = exchange.wishes.num_retries
    return allowed if wanted is None else min(allowed, wanted)


def reason_of(failure: ApiError) -> Reason | None:
    """Why a request is to go on elsewhere; None: it would be refused there, too."""
    return failure.reason if isinstance(failure, RequestRefused) else "general"


def next_fallback(exchange: Exchange, table: Table, failure: ApiError, asked: set[str]) -> str | None:
    """The model to go on with after ``failure``, if any."""
    reason = reason_of(failure)
    if exchange.kept is not None:
        return None  # nobody else has it
    if reason is None or exchange.fallbacks >= table.routing.max_fallbacks:
        return None
    return next((name for name in fallbacks_of(exchange, table, reason) if name not in asked), None)


def fallbacks_of(exchange: Exchange, table: Table, reason: Reason) -> tuple[str, ...]:
    """The models a request may go on with for a reason, in order."""
    wishes, group = exchange.wishes, exchange.group
    if wishes.no_fallbacks:
        return ()
    written = wishes.fallbacks.get(reason)
    names = group.fallbacks.of(reason) if written is None else table.bounded(written, group.name)
    if wishes.mocked is not None:
        # a failure that the caller has asked for opens no models to it that it may not ask for
        names = tuple([name for name in names if table.names.is_usable(exchange.principal, name)])
    return names


def _sooner(one: ApiError | None, other: ApiError) -> ApiError:
    """Of two refusals of deployments that have no room, the one that ends sooner."""
    if one is None:
        return other
    waits = [math.inf if each.status != 429 else (each.details or {}).get("retry_after_s", 0) for each in (one, other)]
    return one if waits[0] <= waits[1] else other


def _tried(exchange: Exchange, target: Target, fault: Fault, status: int) -> Step:
    return Step("try", target.id, f"{fault} {status}", exchange.accounting.attempt_ms())


async def _pause(exchange: Exchange, step: Step, seconds: float, failure: ApiError | None) -> None:
    """Wait before another attempt, a little longer than asked for: many wait. Raises ``failure`` when there is no time for it."""
    seconds *= 1 + random.random() * JITTER  # noqa: S311 - nothing secret
    if failure is not None and time.monotonic() + seconds >= exchange.deadline:
        exchange.note(Step("stop", "", "deadline", exchange.attempts))
        raise failure
    exchange.note(step._replace(value=round(seconds * 1000)))
    await asyncio.sleep(seconds)


def _mocked(reason: Reason) -> ApiError:
    message = f"This failure was asked for, to try the {reason} fallbacks; no upstream was asked."
    if reason == "general":
        return ApiError(500, "internal_server_error", message)
    refused = RequestRefused(400, "invalid_request_error", message)
    refused.reason = reason
    return refused


_BROKEN_OFF = ApiError(502, "internal_server_error", "The upstream broke off its answer.")
