"""Who is calling: from a header to a sealed ``KeyRecord``, or an error. There is no third way out.

The key is read from the usual headers, checked for its own checksum, digested, and looked up by digest: in this worker's
cache, else over the spine. Times and answers for an unknown key do not depend on what it looks like beyond its format.
"""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from hashlib import blake2b
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from phantom_gateway.dialects.operations import is_google
from phantom_gateway.gateway.errors import ApiError, unavailable
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.security.key_format import checksum_ok
from phantom_gateway.spine.client import SpineDown
from phantom_gateway.spine.known_keys import KnownKeys, on_behalf

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret
    from phantom_gateway.spine.client import SpineClient
    from phantom_gateway.spine.messages import KeyRecord
    from phantom_gateway.wire.message import Request

MAX_CACHED = 100_000
UNKNOWN_S = 5.0
"""How long an unknown key is remembered as unknown; creation of the key clears it at once."""
MAX_UNKNOWN = 10_000
MAX_KEY_LENGTH = 512
RESOLVE_TRIES = 20
"""How often a key is looked up again because keys were changed while control was asked."""

_HEADERS = (b"api-key", b"x-api-key", b"x-goog-api-key")
"""Looked at after the configured one, ``x-litellm-api-key`` and ``Authorization``, in LiteLLM's order."""


_SCHEMES = frozenset({b"bearer", b"basic", b"digest", b"negotiate"})
"""Authentication schemes without credentials behind them."""


class KeyCache:
    """Key records by digest, least recently used first out; and digests known to be unknown, for a short while.

    On the hot path a record is found by a *mark* of the key: BLAKE2b under a secret of this process, four times cheaper than
    the HMAC that the database knows. Neither keys nor their digests under a lasting secret are kept as look-up values.
    """

    def __init__(self) -> None:
        # the secret before the key, in one block: half the work of the keyed mode, and BLAKE2 cannot be extended
        self._marker = blake2b(secrets.token_bytes(32), digest_size=32)
        self._marked: dict[bytes, KeyRecord] = {}
        self._records = KnownKeys(MAX_CACHED)
        self._unknown: OrderedDict[str, float] = OrderedDict()
        self.generation = 0
        """Counts invalidations: an answer asked for before one must not be used after it."""

    @property
    def knows_any(self) -> bool:
        """Whether there is a key that needs no asking."""
        return bool(self._records)

    def mark(self, key: bytes) -> bytes:
        """What a key is remembered by in this process."""
        mark = self._marker.copy()
        mark.update(key)
        return mark.digest()

    def marked(self, mark: bytes) -> KeyRecord | None:
        """The record of a key seen before."""
        return self._marked.get(mark)

    def remember(self, mark: bytes, digest: str, record: KeyRecord) -> None:
        """Find ``record`` by ``mark`` from now on, as long as it is cached by ``digest``."""
        if len(self._marked) >= MAX_CACHED:
            self._marked.clear()
        if self._records.get(digest) is record:
            self._marked[mark] = record

    def get(self, digest: str) -> KeyRecord | None:
        """A known record."""
        return self._records.get(digest)

    def is_unknown(self, digest: str, now: float) -> bool:
        """Whether control said a moment ago that this key does not exist."""
        until = self._unknown.get(digest)
        return until is not None and until > now

    def put(self, digest: str, record: KeyRecord | None, now: float) -> KeyRecord | None:
        """Remember what control said; gives the record that is remembered."""
        if record is None:
            self._unknown[digest] = now + UNKNOWN_S
            if len(self._unknown) > MAX_UNKNOWN:
                self._unknown.popitem(last=False)
            return None
        self._unknown.pop(digest, None)
        return self._records.put(digest, record)

    def forget(self, entities: tuple[str, ...]) -> None:
        """Drop the records that these entities are part of; all of them when none is named."""
        self.generation += 1
        self._marked.clear()
        self._records.forget(entities)
        if not entities:
            self._unknown.clear()
        for entity in entities:
            self._unknown.pop(entity.removeprefix("digest:"), None)


class Authenticator:
    """Turns a request into the record of the key it carries."""

    def __init__(self, spine: SpineClient) -> None:
        self.cache = KeyCache()
        self._spine = spine
        self._hasher: KeyHasher | None = None
        self._extra_header = b""

    def configure(self, pepper: Secret | None, extra_header: str) -> None:
        """Take the digest key and the configured header of a new snapshot."""
        self._hasher = KeyHasher(pepper) if pepper else None
        self._extra_header = extra_header.lower().encode()

    async def authenticate(self, request: Request) -> KeyRecord:
        """The caller's record. Raises ApiError 401 for a missing, malformed, unknown or expired key, 503 when unsure."""
        if self._hasher is None:
            raise unavailable("The gateway is starting.")
        key = self._key_of(request)
        if key is None:
            raise _unauthorised("No API key was sent. Send it as 'Authorization: Bearer sk-...'.")
        cache = self.cache
        mark = cache.mark(key)
        record = cache.marked(mark)
        if record is None:
            if len(key) > MAX_KEY_LENGTH or not key.isascii() or checksum_ok(key.decode("ascii")) is False:
                raise _unauthorised("The API key is malformed: it was mistyped or cut off.")
            digest = self._hasher.digest(key)
            record = cache.get(digest) or await self._resolve(digest)
            cache.remember(mark, digest, record)
        if record.blocked or record.expires is not None:
            check_in_force(record)
        return record

    async def on_behalf(self, record: KeyRecord, user: str) -> KeyRecord:
        """The record of a key without a user as if it belonged to ``user``. Raises ApiError 401 and 503."""
        found = self.cache.get(on_behalf(record.digest, user)) or await self._resolve(record.digest, user)
        if found.blocked or found.expires is not None:
            check_in_force(found)
        return found

    def recognises(self, request: Request) -> bool:
        """Whether the key is known to this worker and in force, without asking anybody."""
        key = self._key_of(request)
        record = None if key is None else self.cache.marked(self.cache.mark(key))
        if record is None:
            return False
        try:
            check_in_force(record)
        except ApiError:
            return False
        return True

    def _key_of(self, request: Request) -> bytes | None:
        index = request.index()
        value = index.get(self._extra_header) or index.get(b"x-litellm-api-key") or index.get(b"authorization")
        if value:
            return _bare(value)
        for name in _HEADERS:
            value = index.get(name)
            if value:
                return _bare(value)
        if request.query and is_google(request.path):
            return _in_address(request.query)
        return None

    async def _resolve(self, digest: str, user: str = "") -> KeyRecord:
        now = time.monotonic()
        name = on_behalf(digest, user)
        if self.cache.is_unknown(name, now):
            raise _unknown()
        for _ in range(RESOLVE_TRIES):
            generation = self.cache.generation
            try:
                answer = await self._spine.resolve(digest, user)
            except SpineDown as error:
                raise unavailable("The key cannot be checked right now.") from error
            if answer.unavailable:
                raise unavailable("The key cannot be checked right now.")
            if generation == self.cache.generation:
                break
            # something was changed meanwhile, maybe this key: what was said of it may be old
        else:
            raise unavailable("The key cannot be checked right now.")
        record = self.cache.put(name, answer.key, now)
        if record is None:
            raise _unknown()
        return record


def check_in_force(record: KeyRecord) -> None:
    """Raises ApiError 401 for a key that has expired or is blocked."""
    if record.expires is not None and record.expires <= time.time():
        raise ApiError(401, "expired_key", "The API key has expired.", details={"expired_at": int(record.expires)})
    if record.blocked:
        whose = f"The {record.blocked_by} of this API key" if record.blocked_by else "The API key"
        raise ApiError(401, "auth_error", f"{whose} is blocked.")


def _bare(value: bytes) -> bytes | None:
    """The key in a header's value; None when there is none: an empty one, or the credentials of another scheme."""
    if value.startswith((b"Bearer ", b"bearer ")) or value[:7].lower() == b"bearer ":
        return value[7:].strip() or None
    value = value.strip()
    if b" " in value or value.lower() in _SCHEMES:
        return None
    return value or None


def _in_address(query: bytes) -> bytes | None:
    """Google's clients may send the key as ``?key=``: nowhere else is one taken from an address, which others write down."""
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        if name == b"key" and value:
            return unquote_to_bytes(value)
    return None


def _unauthorised(message: str) -> ApiError:
    return ApiError(401, "auth_error", message, headers=((b"www-authenticate", b"Bearer"),))


def _unknown() -> ApiError:
    return ApiError(
        401, "token_not_found_in_db", "The API key is not known here.", headers=((b"www-authenticate", b"Bearer"),)
    )
