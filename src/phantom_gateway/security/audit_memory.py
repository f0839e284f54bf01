"""What a data directory remembers of the audit log: how far it has been, in ``DATA/audit.head``.

A chain does not show that its end was cut off. This file, beside the database and not in it, does: it only ever goes forward.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

import msgspec

from phantom_gateway.security.audit_chain import Head

NAME = "audit.head"
_MAX_BYTES = 4096
_HASH = re.compile(r"[0-9a-f]{64}")


class RememberedHeadError(Exception):
    """The file is there and says nothing that makes sense: somebody has been at it."""


class _Line(msgspec.Struct):
    seq: int
    hash: str


def read(data_dir: Path) -> Head | None:
    """What is remembered, or ``None`` on the first start. Raises RememberedHeadError, OSError."""
    path = data_dir / NAME
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    try:
        line = msgspec.json.decode(content[:_MAX_BYTES], type=_Line)
    except msgspec.MsgspecError as error:
        raise RememberedHeadError(f"{path} is damaged") from error
    if line.seq < 0 or not _HASH.fullmatch(line.hash):
        raise RememberedHeadError(f"{path} is damaged")
    return Head(line.seq, line.hash)


def write(data_dir: Path, head: Head) -> None:
    """Remember ``head``, whole or not at all, mode 0600. Raises OSError."""
    path = data_dir / NAME
    beside = data_dir / f".{NAME}.{secrets.token_hex(8)}"
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.encode(_Line(head.seq, head.hash)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
