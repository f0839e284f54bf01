"""What workers are told of a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from phantom_gateway.control.keys.budgets import budgets_of
from phantom_gateway.spine.messages import KeyRecord, Limit, LimitKind
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.spend import key_entity

MASTER_ALIAS = "master"


def record_of(row: KeyRow) -> KeyRecord:
    """The record a worker caches: everything it needs to decide alone."""
    return KeyRecord(
        id=row.id,
        alias=row.alias,
        user_id=row.user_id,
        team_id=row.team_id,
        org_id=row.org_id,
        models=tuple(row.models),
        model_aliases=row.aliases,
        key_type=cast(Any, row.key_type),
        allowed_routes=tuple(row.allowed_routes),
        blocked=row.blocked,
        expires=row.expires,
        limits=tuple(limits_of(row)),
        tags=tuple(row.tags),
        revision=row.revision,
    )


def master_record(digest: str) -> KeyRecord:
    """The master key as a record: no limits, all models."""
    return KeyRecord(id=digest, kind="master", alias=MASTER_ALIAS)


def limits_of(row: KeyRow) -> Iterator[Limit]:
    """All limits of a key, the cheapest to check first."""
    entity = key_entity(row.id)
    rates: tuple[tuple[LimitKind, str, int | None], ...] = (
        ("parallel", "", row.max_parallel_requests),
        ("requests", "60s", row.rpm_limit),
        ("tokens", "60s", row.tpm_limit),
        ("tokens", "24h", row.tpd_limit),
    )
    for kind, window, amount in rates:
        if amount is not None:
            yield Limit(
                scope=f"{kind}:{entity}:{window}", kind=kind, entity=entity, amount=amount, window=window or "60s"
            )
    yield from budgets_of(row)
