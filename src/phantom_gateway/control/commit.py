"""The one way in which the admin API changes anything: a transaction, its audit record, and then the news.

A change is a function that gets a connection and ``Effects``, on which it notes what must follow: audit records (committed
with the change, or nothing is), budgets whose spend is now another (the authority learns it before any further row is taken
in), and entities whose records workers must forget. When ``commit`` returns, each connected worker has forgotten them (or a
second has passed, after which a worker that missed the news drops its whole cache at the next heartbeat).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from phantom_gateway.control.audit import Author, Change, record, system_author
from phantom_gateway.control.entities.giving import Giver
from phantom_gateway.control.errors import ApiError, conflict
from phantom_gateway.control.services import CONFIGURATION, ControlServices
from phantom_gateway.store.rows import StaleError, TakenError
from phantom_gateway.store.spend import WindowSpend

T = TypeVar("T")
MANY = 1_000
"""More entities than this at once: workers forget everything instead."""


@dataclass(slots=True)
class Effects:
    """What a change has to bring about besides itself."""

    spent: list[WindowSpend] = field(default_factory=list)
    """Budgets whose spend is another after the change."""
    forget: list[str] = field(default_factory=list)
    """Entities that workers must forget, as ``spine.messages.Invalidate`` names them."""
    forget_all: bool = False
    reload: bool = False
    """Models, credentials, fallbacks or settings have changed: workers get a new snapshot."""
    audit: list[Change] = field(default_factory=list)
    """What the audit log says of it; every change of what is stored has at least one."""


ChangeOf = Callable[[sa.Connection, Effects], T]
"""What happens in the transaction, and the answer it leads to."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Changes things in the name of ``by``."""

    services: ControlServices
    by: str
    """Who is recorded as creator and changer."""
    if_match: str | None = None
    """The request's ``If-Match``: the ETag that the thing must still have."""
    author: Author | None = None
    """Who the audit log names; the gateway itself when nobody is."""
    giver: Giver = field(default_factory=Giver)
    """What those in whose name it is changed may give to others."""
    still: Callable[[sa.Connection], None] | None = None
    """Asked first, in the same transaction: raises ApiError when the caller is no longer who he was when he was let in."""
    tags: list[str] = field(default_factory=list)
    """Entity tags of what was changed, for the answer: it carries one where there is one."""
    _compared: list[str] = field(default_factory=list)
    """What ``If-Match`` was held against in the running change."""

    @property
    def now(self) -> float:
        """Unix seconds."""
        return self.services.clock()

    @property
    def zone(self) -> str:
        """The time zone of budgets that name none; empty for UTC."""
        return self.services.litellm_settings().timezone or ""

    async def commit(self, change: ChangeOf[T]) -> T:
        """Run ``change`` in a transaction, then announce its effects.

        Raises what ``change`` raises, ApiError 400, 409 and 412, AuditError, DatabaseError.
        """
        effects, tagged = Effects(), len(self.tags)

        def run(connection: sa.Connection) -> tuple[T, list[WindowSpend]]:
            del self.tags[tagged:], self._compared[:]
            if self.still is not None:
                self.still(connection)
            try:
                result = change(connection, effects)
            except TakenError as error:
                raise ApiError(
                    400,
                    f"{error.column}: another one has this {error.column}",
                    kind="bad_request_error",
                    param=error.column,
                ) from error
            except StaleError as error:
                raise conflict("It was changed by somebody else at the same time; read it again.") from error
            if self.if_match is not None and not self._compared:
                raise _stale("There is nothing yet that could have this ETag.")
            author = self.author or system_author(self.by, self.services.node)
            for each in effects.audit:  # last: whoever comes next waits for the end of the log
                record(connection, author, each)
            return result, effects.spent

        result = await self.services.budgets.change_budgets(run)
        if effects.reload:
            await self.services.refresher.refresh()
            effects.forget.append(CONFIGURATION)
        if effects.forget_all or len(effects.forget) > MANY:
            await self.services.workers.invalidate(())
        elif effects.forget:
            await self.services.workers.invalidate(tuple(dict.fromkeys(effects.forget)))
        return result

    def check_match(self, revision: int) -> None:
        """Refuse to change what is not what the caller has seen (``If-Match``). Raises ApiError 412."""
        self.check_tag(etag(revision))

    def check_tag(self, tag: str) -> None:
        """The same for what has no revision of its own. ``If-Match`` is a list of tags, or ``*`` (RFC 9110, section 13.1.1)."""
        self._compared.append(tag)
        wanted = self.if_match
        if wanted is not None and wanted.strip() != "*" and tag not in [each.strip() for each in wanted.split(",")]:
            raise _stale("It has been changed since you read it.")

    def check_absent(self) -> None:
        """Refuse to make what the caller believes to be there already. Raises ApiError 412."""
        if self.if_match is not None:
            raise _stale("There is nothing yet that could have this ETag.")

    def tag(self, revision: int, *, only: bool = False) -> None:
        """Have the answer carry the entity tag of what was changed; with ``only`` that of nothing else."""
        if only:
            self.tags.clear()
        self.tags.append(etag(revision))


def etag(revision: int) -> str:
    """The entity tag (RFC 9110, section 8.8.3) of a row with this revision."""
    return f'"{revision}"'


def content_tag(view: Any) -> str:
    """The entity tag of what is kept elsewhere than in the database: it changes with what is shown."""
    shown = json.dumps(view, sort_keys=True, default=str).encode()
    return f'"c-{hashlib.sha256(shown).hexdigest()[:20]}"'


def _stale(message: str) -> ApiError:
    return ApiError(412, message, kind="precondition_failed", param="If-Match")


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The fields in which two views of a thing differ, before and after."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return {name: before.get(name) for name in names}, {name: after.get(name) for name in names}
