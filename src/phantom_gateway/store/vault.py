"""The keys that seal secrets, as the database keeps them: made once, rotated, and the values sealed anew.

Only wrapped keys are stored; ``security.envelope`` opens them with the root key of this installation.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from phantom_gateway.security.audit_events import ActorKind, EventCode
from phantom_gateway.security.envelope import (
    MAX_OPERATIONS,
    Envelopes,
    KeyState,
    Place,
    SealPurpose,
    WrappedKey,
    new_root,
)
from phantom_gateway.security.keyring import Keyring
from phantom_gateway.store import audit
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import FACTS, PHANTOM_KEYS

_INSTALL_ID = "install_id"
_COLUMNS = tuple(PHANTOM_KEYS.c[field.name] for field in fields(WrappedKey))


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """A column of sealed values: its table, the primary key that names a row, and where the tenant of a row is found."""

    purpose: SealPurpose
    row: sa.Column[str]
    value: sa.Column[str]
    tenant: sa.Column[str] | None = None

    def place(self, row: str, tenant: str = "") -> Place:
        """The place of the value in one row."""
        return Place(self.value.table.name, self.value.name, row, tenant)


def is_initialised(database: Database) -> bool:
    """Whether anything in this database was made with a root key: then no other one will do."""
    with database.read() as connection:
        pepper = sa.select(FACTS.c.name).where(FACTS.c.name == "key_pepper_fingerprint")
        return connection.execute(pepper).first() is not None or bool(stored_keys(connection))


def open_envelopes(database: Database, keyring: Keyring, now: float) -> Envelopes:
    """The envelopes of this installation; its first key is made on first use, and the next when one has sealed enough.

    Raises SealedError when the stored keys do not open with this root key.
    """

    def refresh() -> list[WrappedKey]:
        with database.read() as connection:
            return stored_keys(connection)

    try:
        with database.write() as connection:
            install_id = _install_id(connection)
            if not stored_keys(connection):
                made = new_root(keyring, 1, now)
                _insert(connection, made)
                _record(connection, EventCode.ENCRYPTION_KEY_CREATED, made)
    except IntegrityError:
        # Another node's first start was faster; its key is the key.
        with database.read() as connection:
            install_id = _install_id(connection)
    keys = refresh()
    envelopes = Envelopes(keyring, install_id, keys, refresh)
    if any(key.ver == envelopes.primary and key.ops >= MAX_OPERATIONS for key in keys):
        rotate(database, keyring, envelopes, now)
    return envelopes


def stored_keys(connection: sa.Connection) -> list[WrappedKey]:
    """All wrapped keys, oldest first."""
    rows = connection.execute(sa.select(*_COLUMNS).order_by(PHANTOM_KEYS.c.ver)).mappings()
    return [WrappedKey(**row) for row in rows]


def rotate(database: Database, keyring: Keyring, envelopes: Envelopes, now: float) -> int:
    """Make a new primary key and return its version; older ones still open what they sealed (``reseal`` brings that up to date).

    Other nodes learn of it when they meet a value sealed with it.
    """
    with database.write() as connection:
        last = connection.execute(sa.select(sa.func.max(PHANTOM_KEYS.c.ver))).scalar_one()
        made = new_root(keyring, last + 1, now)
        connection.execute(sa.update(PHANTOM_KEYS).values(state=KeyState.OLD.value))
        _insert(connection, made)
        _record(connection, EventCode.ENCRYPTION_KEY_ROTATED, made)
        keys = stored_keys(connection)
    # Only now: nothing may ever be sealed with a key whose commit has failed.
    envelopes.install(keys)
    return made.ver


def reseal(connection: sa.Connection, envelopes: Envelopes, column: SealedColumn, limit: int = 200) -> int:
    """Seal up to ``limit`` values of a column anew with the primary key; how many are done, 0 when none is left.

    A value that somebody changes meanwhile is left to him (compare and swap). Raises EnvelopeError for one that does not open.
    """
    current = f"ph1.{column.purpose.value}.{envelopes.primary}."
    tenant = sa.literal("") if column.tenant is None else sa.func.coalesce(column.tenant, "")
    stale = (
        sa.select(column.row, column.value, tenant)
        .where(column.value.startswith("ph1.", autoescape=True))
        .where(sa.not_(column.value.startswith(current, autoescape=True)))
        .order_by(column.row)
        .limit(limit)
    )
    rows = connection.execute(stale).all()
    for row, sealed, owner in rows:
        place = column.place(row, owner)
        again = envelopes.seal(column.purpose, place, envelopes.open(column.purpose, place, sealed))
        swap = sa.update(column.value.table).where(column.row == row, column.value == sealed)
        connection.execute(swap.values({column.value.name: again}))
    return len(rows)


def note_operations(connection: sa.Connection, operations: Mapping[int, int]) -> None:
    """Add what ``Envelopes.take_operations`` has counted to the stored keys."""
    for ver, count in operations.items():
        change = sa.update(PHANTOM_KEYS).where(PHANTOM_KEYS.c.ver == ver)
        connection.execute(change.values(ops=PHANTOM_KEYS.c.ops + count))


def _install_id(connection: sa.Connection) -> str:
    query = sa.select(FACTS.c.value).where(FACTS.c.name == _INSTALL_ID)
    found: str | None = connection.execute(query).scalar_one_or_none()
    if found is None:
        found = secrets.token_hex(16)
        connection.execute(sa.insert(FACTS).values(name=_INSTALL_ID, value=found))
    return found


def _insert(connection: sa.Connection, key: WrappedKey) -> None:
    connection.execute(sa.insert(PHANTOM_KEYS).values(asdict(key)))


def _record(connection: sa.Connection, code: EventCode, key: WrappedKey) -> None:
    after = {"ver": key.ver, "alg": key.alg, "state": key.state}
    event = audit.AuditEvent(code=code, object_id=key.id, actor="phantom", actor_kind=ActorKind.SYSTEM, after=after)
    audit.append(connection, event)
