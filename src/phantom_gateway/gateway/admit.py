"""May this go on: limits and the budget reservation; then the accounting is opened.

Nothing here calls a database: limits are taken from leases that the worker holds, or asked of control over the spine.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from phantom_gateway.dialects.operations import MESSAGES, OPENAI_RESPONSES
from phantom_gateway.gateway import throttle
from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable
from phantom_gateway.gateway.permit import of_key, permit, permit_again
from phantom_gateway.gateway.refusal import refusal
from phantom_gateway.gateway.settle import Accounting
from phantom_gateway.ledger.journal import StorageFullError
from phantom_gateway.ledger.money import MILLION
from phantom_gateway.ledger.record import Opened
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Table, Worst
    from phantom_gateway.gateway.worker import Worker
    from phantom_gateway.limits.slices import Reservation
    from phantom_gateway.spine.messages import Limit

BYTES_PER_TOKEN = 4
TOKENS_PER_IMAGE = 4096
"""An image, a recording or a file given by reference costs tokens that the size of the request does not show."""
TOKENS_PER_DOCUMENT = 200_000
"""A document given by reference may have hundreds of pages."""
TOKENS_OF_INSTRUCTIONS = 1024
"""What providers add to the input of their own, to explain tools or the form of the answer (Anthropic: up to some 700)."""
_EXPLAINED = frozenset({"tools", "functions", "response_format", "output_config", "output_format", "text"})
_REFERENCES = re.compile(rb'"type": ?"(?:url|file)"|"file_id"')
"""Where Anthropic's format has such a reference."""
_NAMED = re.compile(rb'"(?:file_?[uU]ri|cached_?[cC]ontent)"')
_INLINE = re.compile(rb'"inline_?[dD]ata"')
"""What Google's format names, and media within it, of which a few bytes may be many tokens."""
_KEPT = re.compile(rb'"(?:file_id|file_url)"\s*:\s*"|"item_reference"')
"""Where the Responses API refers to what the request does not contain."""
_MEDIA = re.compile(rb'image_url|input_audio|"file"|\\u00[4-7]')
"""Where such a reference may be. No encoder escapes plain letters: who does hides something, and pays the reservation."""
LARGEST = 1 << 62
"""Nano-dollars; what is more does not fit the books, and no budget is as large."""


Admitted = tuple["Reservation", "Worst", int, float]
"""What is reserved, the dearest the request may meet, the most it can cost in nano-dollars, and when that was decided."""


async def reserve(exchange: Exchange, table: Table, worker: Worker) -> Admitted:
    """Take what the request may use of every limit. Raises ApiError 429, 422 or 503.

    Whoever has to wait for a lease finds out afterwards whether the key has changed meanwhile, and then begins again: once
    a worker has confirmed that it forgot a key, nothing is opened any more under what it knew. Where only a budget for the
    model is exhausted, the key may name other models to go on with (``budget_fallbacks``).
    """
    call, book, wishes = exchange.call, worker.book, exchange.wishes
    tokens_in = call.size // BYTES_PER_TOKEN + 1
    tokens_out = call.expected_output if exchange.operation.output_fields else 0
    tokens = tokens_in + tokens_out if table.limited_tokens == "total" else counted_tokens(exchange, table)
    detour: _Detour | None = None
    while True:
        key, group, limits = exchange.principal, exchange.group, exchange.limits
        further = wishes.further() if wishes.fallbacks else ()
        fixed = group.fixed and not further
        worst = group.worst if fixed else table.worst(group, exchange.routed, key.team_id, further)
        need = worst_case(exchange, worst)
        now = time.time()
        unpriced = not fixed and _has_budget(limits) and not exchange.operation.free
        if unpriced and not table.is_priced(group, exchange.routed, key.team_id, further):
            message = f"The model '{call.model}' has no known price, and a budget applies: it cannot be billed."
            raise invalid_request(message, "model")
        plan = book.plan(limits)
        reservation: Reservation | None = None
        if plan is not None:
            reservation = book.reserve(plan, tokens, need, now)
        if reservation is None:
            try:
                reservation = await _wait(exchange, table, worker, (tokens, need))
            except LimitExceeded as error:
                detour = detour or _Detour(exchange, table, error, need)
                await detour.take(exchange, table, worker)
        if reservation is not None:
            return reservation, worst, need, now


async def admit(exchange: Exchange, table: Table, worker: Worker) -> Accounting:
    """Reserve, and open the record of the request. Raises ApiError 429, 422 or 503."""
    if not worker.journal.accepting:
        raise unavailable("The gateway cannot record requests right now.", kind="storage_full", retry_after=5)
    reservation, worst, need, now = await reserve(exchange, table, worker)
    key, call, wishes = exchange.principal, exchange.call, exchange.wishes
    tokens_in = call.size // BYTES_PER_TOKEN + 1
    tokens_out = call.expected_output if exchange.operation.output_fields else 0
    if worst.long is not None and tokens_in > worst.above:
        worst = worst.long
    opened = Opened(
        id=exchange.call_id,
        at_ns=int(now * 1e9),
        key_id=key.id,
        group=exchange.group.name,
        reserved=reservation.packed_reserved(),
        estimate=(tokens_in * worst.input + tokens_out * worst.output) // MILLION if call.order is None else need,
        input_tokens=tokens_in,
        call_type=exchange.operation.call_type,
        user_id=key.user_id,
        team_id=key.team_id,
        org_id=key.org_id,
        project_id=key.project_id,
        stream=call.stream,
        model=call.model,
        end_user=wishes.end_user,
        tags=tuple(dict.fromkeys([*key.tags, *wishes.tags])) if wishes.tags else key.tags,
        key_alias=key.alias,
        session_id=wishes.session_id,
        trace_id=wishes.trace_id,
        worst=need,
    )
    try:
        accounting = exchange.accounting = Accounting(exchange, reservation, opened, worker.books)
    except StorageFullError as error:
        reservation.release()
        raise unavailable(
            "The gateway cannot record requests right now.", kind="storage_full", retry_after=5
        ) from error
    return accounting


async def _wait(exchange: Exchange, table: Table, worker: Worker, amounts: tuple[int, int]) -> Reservation | None:
    """Ask control for what is short of ``amounts`` (tokens, nano-dollars).

    None: the key has changed meanwhile, begin again with what it is now.
    Raises LimitExceeded, and ApiError 401, 403 or 503.
    """
    generation = worker.generation
    try:
        reservation = await throttle.take(
            worker.book,
            exchange.principal,
            exchange.limits,
            table.snapshot.settings.throttled_part,
            (*amounts, time.time()),
        )
    except LimiterUnavailable as error:
        raise unavailable("The limits of this key cannot be checked right now.", kind="limiter_unavailable") from error
    if generation == worker.generation:
        return reservation
    before = exchange.principal, exchange.limits
    try:
        await permit_again(exchange, table, worker)
    except BaseException:
        reservation.release()
        raise
    if before == (exchange.principal, exchange.limits):
        return reservation
    reservation.release()
    return None


class _Detour:
    """The way round an exhausted budget for one model, or a model of which there is no more for this priority."""

    def __init__(self, exchange: Exchange, table: Table, error: LimitExceeded, need: int) -> None:
        self._refusal = refusal(error, time.time(), need, table.snapshot.settings.budget_exceeded_status)
        self._error = error
        self._models: Iterator[str] = iter(())
        fallbacks = exchange.principal.budget_fallbacks
        if fallbacks and error.limit.kind == "budget" and "/model:" in error.limit.entity:
            asked = exchange.call.model
            names = of_key(exchange.principal, asked, table).names(asked)
            self._models = iter([each for name in names for each in fallbacks.get(name, ())])
        elif error.limit.entity.startswith(("model:", "priority:")):
            self._models = iter(exchange.group.fallbacks.general)

    async def take(self, exchange: Exchange, table: Table, worker: Worker) -> None:
        """Turn to the next model that the key may use. Raises the first refusal when there is none."""
        for model in self._models:
            with suppress(ApiError):
                await permit(exchange, table, worker, model)
                return
        raise self._refusal from self._error


def counted_tokens(exchange: Exchange, table: Table) -> int:
    """What the request is expected to use of a token limit."""
    tokens_in = exchange.call.size // BYTES_PER_TOKEN + 1
    tokens_out = exchange.call.expected_output if exchange.operation.output_fields else 0
    if table.limited_tokens == "total":
        return tokens_in + tokens_out
    return tokens_in if table.limited_tokens == "input" else tokens_out


def _has_budget(limits: tuple[Limit, ...]) -> bool:
    return any(limit.kind == "budget" for limit in limits)


def worst_case(exchange: Exchange, worst: Worst) -> int:
    """The most this request can cost on its group or where it may fall back to, in nano-dollars, rounded up.

    No tokenizer makes more tokens than there are bytes, so the size of what a model may read bounds the input.
    """
    call = exchange.call
    if exchange.operation.free:
        return 0
    if call.order is not None:
        return min(max(map(call.order.ceiling, worst.prices)), LARGEST)
    tokens_in = call.size
    # ``find``, not ``in``: the latter first tries its operand as a number, which costs an exception each time
    find = exchange.request.body.find
    if find(b"image_url") >= 0 or find(b"input_audio") >= 0 or find(b'"file"') >= 0 or find(b"\\u00") >= 0:
        tokens_in += TOKENS_PER_IMAGE * len(_MEDIA.findall(exchange.request.body))
    if not _EXPLAINED.isdisjoint(call.fields):
        tokens_in += TOKENS_OF_INSTRUCTIONS
    if exchange.operation is MESSAGES:
        tokens_in += _referred(exchange.request.body)
    elif exchange.operation.configured:
        tokens_in += _named(exchange.request.body)
    elif exchange.operation.errors is OPENAI_RESPONSES:
        tokens_in += TOKENS_PER_DOCUMENT * _elsewhere(exchange)
    if worst.long is not None and tokens_in > worst.above:
        worst = worst.long
    tokens_out = 0
    if exchange.operation.output_fields:
        tokens_out = (worst.output_limit if call.output_limit is None else call.output_limit) * call.choices
    cost = -(-(tokens_in * worst.input + tokens_out * worst.output) // MILLION) + worst.request
    return min(cost, LARGEST)


def media_tokens(item: bytes) -> int:
    """Tokens at most of what an item of the Responses API names, beside those of its own bytes."""
    return TOKENS_PER_IMAGE * len(_MEDIA.findall(item)) + TOKENS_PER_DOCUMENT * len(_KEPT.findall(item))


def _elsewhere(exchange: Exchange) -> int:
    """How many things a request of the Responses API goes on with that are not in it: files, a conversation, a prompt."""
    named = (exchange.kept is not None) + (exchange.call.field("prompt") is not None)
    return named + len(_KEPT.findall(exchange.request.body))


def _referred(body: bytes) -> int:
    """Tokens of what Anthropic's messages name and do not contain."""
    found = len(_REFERENCES.findall(body))
    if not found:
        return 0
    return found * (TOKENS_PER_DOCUMENT if body.find(b'"document"') >= 0 else TOKENS_PER_IMAGE)


def _named(body: bytes) -> int:
    """Tokens of what requests in Google's format name and do not contain, or contain as media."""
    return TOKENS_PER_DOCUMENT * len(_NAMED.findall(body)) + TOKENS_PER_IMAGE * len(_INLINE.findall(body))
