"""Secrets that must come back (provider credentials, settings, second factors), sealed for the database.

    root key ── HKDF ──► key-encryption key ── wraps ──► root data key n   (table phantom_keys)
    root data key n ── HKDF(install id, purpose) ──► purpose key           (AES-256-GCM)
    value:  ph1.<purpose>.<n>.<base64url(nonce 12 | ciphertext | tag 16)>
    AAD:    ph1|purpose|table|column|row|tenant|n

A value opens at the place it was sealed for and nowhere else: moved to another row, column, tenant or purpose it is an error,
as is every changed bit. Nothing here ever answers with the sealed text or with an empty secret instead.

Compatibility: the form of values, the AAD and the labels are part of every stored value. Another form is ``ph2``.
"""

from __future__ import annotations

import base64
import binascii
import enum
import os
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.keyring import KEY_BYTES, Keyring, Purpose

FORM = "ph1"
ALGORITHM = "A256GCM"
ROOT_PURPOSE = "root"
KEK_VERSION = 1
MAX_SECRET_BYTES = 256 * 1024
MAX_OPERATIONS = 1 << 31
"""Seals under one root data key, after which the next one is due: half of what random 96-bit nonces are good for."""
_NONCE = 12
_TAG = 16


class EnvelopeError(Exception):
    """A value cannot be sealed or opened; the message never contains any of it."""


class SealedError(EnvelopeError):
    """The wrapped keys do not open with this root key: nothing sealed can be read, so nothing may start."""


class SealPurpose(enum.StrEnum):
    """What a sealed value is. A value of this enumeration is part of every stored value: it never changes, and is never reused."""

    PROVIDER_CREDENTIAL = "provider-credential"
    SETTING = "setting"
    """Secrets among settings kept in the database: client secrets of sign-on, keys of callbacks."""
    SECOND_FACTOR = "second-factor"
    WEBHOOK = "webhook"
    VIRTUAL_KEY = "virtual-key"
    """The value a key got by its schedule, until its owner has fetched it."""


class KeyState(enum.StrEnum):
    """Of a root data key."""

    PRIMARY = "primary"
    """Seals and opens. There is one."""
    OLD = "old"
    """Opens only."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed value lives. ``row`` is the primary key of its row, ``tenant`` its organisation."""

    table: str
    column: str
    row: str
    tenant: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrappedKey:
    """A root data key as it is stored. ``created`` in Unix seconds, ``ops`` the seals it is known to have made."""

    id: str
    purpose: str = ROOT_PURPOSE
    ver: int
    alg: str = ALGORITHM
    wrapped: str
    kek_ver: int = KEK_VERSION
    state: str
    created: float
    ops: int = 0


def new_root(keyring: Keyring, ver: int, now: float) -> WrappedKey:
    """A new root data key of version ``ver``, wrapped, to be stored as the primary one."""
    key_id = uuid.uuid4().hex
    nonce = os.urandom(_NONCE)
    sealed = _kek(keyring).encrypt(nonce, os.urandom(KEY_BYTES), _wrap_aad(key_id, ver, KEK_VERSION))
    return WrappedKey(id=key_id, ver=ver, wrapped=_encode(nonce + sealed), state=KeyState.PRIMARY, created=now)


class Envelopes:
    """Seals and opens; safe to use from several threads.

    ``refresh`` is asked once for the stored keys when a value names a version that is not known: another node has rotated.
    Raises SealedError when a wrapped key does not open.
    """

    def __init__(
        self,
        keyring: Keyring,
        install_id: str,
        keys: Iterable[WrappedKey],
        refresh: Callable[[], Iterable[WrappedKey]] = tuple,
    ) -> None:
        self._keyring = keyring
        self._salt = install_id.encode()
        self._refresh = refresh
        self._ciphers: dict[tuple[str, int], AESGCM] = {}
        self._operations: dict[int, int] = {}
        self.install(keys)

    def install(self, keys: Iterable[WrappedKey]) -> None:
        """Use these root data keys from now on. Raises SealedError, and changes nothing then."""
        stored = list(keys)
        primary = [key.ver for key in stored if key.state == KeyState.PRIMARY]
        if not primary:
            raise SealedError("sealed: there is no primary key in phantom_keys")
        roots = {key.ver: _unwrap(self._keyring, key) for key in stored}
        self._roots, self.primary = roots, max(primary)

    def seal(self, purpose: SealPurpose, place: Place, secret: Secret) -> str:
        """The stored form of ``secret``, bound to ``place``. Raises EnvelopeError for what is not text, or too long."""
        try:
            plain = secret.reveal().encode()
        except UnicodeEncodeError:
            raise EnvelopeError("the secret is not valid text") from None
        if len(plain) > MAX_SECRET_BYTES:
            raise EnvelopeError(f"the secret is longer than {MAX_SECRET_BYTES} bytes")
        ver = self.primary
        nonce = os.urandom(_NONCE)
        sealed = self._cipher(purpose, ver).encrypt(nonce, plain, _aad(purpose, place, ver))
        self._operations[ver] = self._operations.get(ver, 0) + 1
        return f"{FORM}.{purpose.value}.{ver}.{_encode(nonce + sealed)}"

    def open(self, purpose: SealPurpose, place: Place, text: str) -> Secret:
        """The secret that was sealed for this purpose and place.

        Raises EnvelopeError when the text is not of our form, was sealed for another purpose, place or installation, names a
        key that is not there, or was changed.
        """
        named, ver, payload = _parts(text)
        if named != purpose.value:
            raise EnvelopeError("the value was sealed for another purpose")
        if ver not in self._roots and (found := list(self._refresh())):
            self.install(found)
        if ver not in self._roots:
            raise EnvelopeError(f"the value was sealed with key {ver}, which is not there")
        try:
            plain = self._cipher(purpose, ver).decrypt(payload[:_NONCE], payload[_NONCE:], _aad(purpose, place, ver))
        except InvalidTag:
            raise EnvelopeError("the value was changed, or was sealed for another place or installation") from None
        return Secret(plain.decode())

    def is_stale(self, text: str) -> bool:
        """Whether a value should be sealed anew, with the primary key. Raises EnvelopeError."""
        return _parts(text)[1] != self.primary

    def take_operations(self) -> dict[int, int]:
        """Seals by key version since this was last asked: to be added to ``phantom_keys.ops``."""
        taken, self._operations = self._operations, {}
        return taken

    def _cipher(self, purpose: SealPurpose, ver: int) -> AESGCM:
        found = self._ciphers.get((purpose.value, ver))
        if found is None:
            kdf = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=self._salt, info=f"{FORM}|{purpose.value}".encode())
            found = self._ciphers[(purpose.value, ver)] = AESGCM(kdf.derive(self._roots[ver]))
        return found


def is_sealed(text: str) -> bool:
    """Whether ``text`` has the form of a sealed value (which says nothing about whether it opens)."""
    try:
        _parts(text)
    except EnvelopeError:
        return False
    return True


def _parts(text: str) -> tuple[str, int, bytes]:
    form, _, rest = text.partition(".")
    purpose, _, rest = rest.partition(".")
    ver, _, payload = rest.partition(".")
    if form != FORM or not (ver.isascii() and ver.isdigit() and len(ver) < 10) or str(int(ver)) != ver:
        raise EnvelopeError("the value is not a sealed one")
    try:
        raw = base64.b64decode(payload + "=" * (-len(payload) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise EnvelopeError("the value is not a sealed one") from None
    # One value, one text: base64 has unused bits at its end, which would otherwise be anybody's to change.
    if len(raw) < _NONCE + _TAG or _encode(raw) != payload:
        raise EnvelopeError("the value is not a sealed one")
    return purpose, int(ver), raw


def _aad(purpose: SealPurpose, place: Place, ver: int) -> bytes:
    parts = (purpose.value, place.table, place.column, place.row, place.tenant)
    return "|".join((FORM, *(_plain(part) for part in parts), str(ver))).encode("utf-8", "surrogatepass")


def _plain(part: str) -> str:
    # A row's id may contain the separator: two places must never read alike.
    return part.replace("%", "%25").replace("|", "%7C")


def _kek(keyring: Keyring) -> AESGCM:
    return AESGCM(bytes.fromhex(keyring.derive(Purpose.KEY_ENCRYPTION).reveal()))


def _wrap_aad(key_id: str, ver: int, kek_ver: int) -> bytes:
    return f"{FORM}|wrap|{key_id}|{ROOT_PURPOSE}|{ver}|{kek_ver}".encode()


def _unwrap(keyring: Keyring, key: WrappedKey) -> bytes:
    if key.alg != ALGORITHM or key.purpose != ROOT_PURPOSE:
        raise SealedError(f"sealed: key {key.ver} of phantom_keys is of a kind this release does not know")
    try:
        raw = base64.b64decode(key.wrapped + "=" * (-len(key.wrapped) % 4), b"-_", validate=True)
        return _kek(keyring).decrypt(raw[:_NONCE], raw[_NONCE:], _wrap_aad(key.id, key.ver, key.kek_ver))
    except (InvalidTag, binascii.Error, ValueError):
        raise SealedError(
            f"sealed: key {key.ver} of phantom_keys does not open with this root key; restore the root key that belongs to "
            "this database"
        ) from None


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
