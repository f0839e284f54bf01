"""Secrets on disk: one file, one line, readable by its owner only.

A file is created whole or not at all (written beside its place, synced, then linked to it), so a crash never leaves an
empty key behind, and an existing file is never replaced: losing a key must be loud.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

from phantom_gateway.config.secret import Secret

MAX_BYTES = 4096


class SecretFileError(Exception):
    """A secret file cannot be used: missing, readable by others, not a plain file, or unreadable."""


def create(path: Path, secret: Secret) -> None:
    """Write ``secret`` to ``path`` with mode 0600. Raises FileExistsError when the file is there already."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret.reveal().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        # link() fails where rename() would replace: two first starts at once end with one key.
        os.link(beside, path)
    finally:
        beside.unlink()
    _sync_directory(path.parent)


def read(path: Path) -> Secret:
    """The secret in ``path``. Raises FileNotFoundError, or SecretFileError when its mode or kind is not what it must be."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise SecretFileError(f"{path}: {error.strerror}") from error
    try:
        _refuse_unsafe(path, os.fstat(descriptor))
        content = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    try:
        text = content.decode("ascii").strip()
    except UnicodeDecodeError as error:
        raise SecretFileError(f"{path}: not text") from error
    if not text or len(content) > MAX_BYTES:
        raise SecretFileError(f"{path}: empty or longer than {MAX_BYTES} bytes")
    return Secret(text)


def _refuse_unsafe(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SecretFileError(f"{path}: not a regular file")
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise SecretFileError(f"{path}: mode {mode:04o} lets others read it; it must be 0600 (chmod 600 {path})")
    if status.st_uid != os.geteuid():
        raise SecretFileError(f"{path}: belongs to user {status.st_uid}, not to this process")


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
