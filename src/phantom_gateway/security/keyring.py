"""One root key, and from it one key for each purpose.

The root key lies in ``DATA/keys/root.key`` (32 random bytes as hex, mode 0600). Nothing uses it directly: every use gets
a key of its own by HKDF-SHA256 (RFC 5869) with the purpose as its label, so that what leaks from one use is worthless for
every other.
"""

from __future__ import annotations

import contextlib
import enum
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from phantom_gateway.config.secret import Secret
from phantom_gateway.security import secret_file

KEY_BYTES = 32
_LABEL = "phantom/1|"


class KeyringError(Exception):
    """The root key is damaged or not readable by its owner alone."""


class Purpose(enum.StrEnum):
    """What a derived key is for. A value is part of the derivation: it never changes and is never reused."""

    KEY_DIGEST = "key-digest"
    PROVIDER_CREDENTIAL = "provider-credential"
    SESSION_HMAC = "session-hmac"
    KEY_ENCRYPTION = "key-encryption"
    """Wraps the keys of ``security.envelope``; nothing else is ever encrypted with it."""
    INVITATION = "invitation"
    ANSWER_CACHE = "answer-cache"
    """Names cached answers, and seals those that leave the process (``security.sealed_entry``)."""


class Keyring:
    """Derives purpose keys from the root key."""

    __slots__ = ("_root",)

    def __init__(self, root: Secret) -> None:
        try:
            raw = bytes.fromhex(root.reveal())
        except ValueError as error:
            raise KeyringError("the root key is not hexadecimal") from error
        if len(raw) != KEY_BYTES:
            raise KeyringError(f"the root key has {len(raw)} bytes instead of {KEY_BYTES}")
        self._root = raw

    def derive(self, purpose: Purpose) -> Secret:
        """Hex of the 32-byte key for ``purpose``."""
        kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=f"{_LABEL}{purpose.value}".encode())
        return Secret(kdf.derive(self._root).hex())


def open_keyring(data_dir: Path, *, may_create: bool = True) -> Keyring:
    """The keyring of a data directory; its root key is made on first use.

    Raises KeyringError when the file is damaged or others may read it, or when it is missing and ``may_create`` is not set:
    where something is stored under a root key already, a new one would only hide the loss.
    """
    path = data_dir / "keys" / "root.key"
    try:
        return Keyring(_read_or_create(path, may_create=may_create))
    except secret_file.SecretFileError as error:
        raise KeyringError(str(error)) from error


def _read_or_create(path: Path, *, may_create: bool) -> Secret:
    try:
        return secret_file.read(path)
    except FileNotFoundError:
        if not may_create:
            raise KeyringError(
                f"sealed: {path} is missing, and the database was made with it. Restore it from your backup, or name the root "
                "key with phantom.security.root_key"
            ) from None
    # FileExistsError: another first start was faster; its key is the key.
    with contextlib.suppress(FileExistsError):
        secret_file.create(path, Secret(secrets.token_hex(KEY_BYTES)))
    return secret_file.read(path)
