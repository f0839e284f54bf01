"""Closing what a dead process left open: billed with the estimate, marked, never free and never twice."""

from __future__ import annotations

from collections.abc import Iterable

from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.record import Closed, Opened, Spend
from phantom_gateway.ledger.usage import Usage

INTERRUPTED = "process_ended"
"""``error_type`` of a recovered request."""


def close_interrupted(opened: Opened, now_ns: int) -> Closed:
    """The ``Closed`` for an ``Opened`` whose process ended: the estimate is cost and spend, at most what was reserved.

    Its number is ``-opened.n``: unique within the incarnation and the same however often recovery is tried.
    """
    spends = tuple(
        Spend(scope, window_start, min(opened.estimate, amount)) for scope, window_start, amount in opened.reserved
    )
    return Closed(
        n=-opened.n,
        opened=opened.n,
        id=opened.id,
        at_ns=opened.at_ns,
        duration_us=max((now_ns - opened.at_ns) // 1000, 0),
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
        deployment_id=opened.deployment_id,
        provider=opened.provider,
        upstream_model=opened.upstream_model,
        call_type=opened.call_type,
        stream=opened.stream,
        status="interrupted",
        http_status=0,
        error_type=INTERRUPTED,
        usage=Usage(input=opened.input_tokens, source="estimated", flags=("recovered",)),
        cost=Cost(total=opened.estimate, input=opened.estimate),
        price_version=opened.price_version,
        spends=spends,
        session_id=opened.session_id,
        trace_id=opened.trace_id,
    )


def close_all(opened: Iterable[Opened], now_ns: int) -> tuple[Closed, ...]:
    """``close_interrupted`` for each."""
    return tuple(close_interrupted(record, now_ns) for record in opened)
