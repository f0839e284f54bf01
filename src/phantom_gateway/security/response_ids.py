"""Ids of what an upstream keeps for a caller: they say where it is, and nobody but the caller can use them.

Nothing is remembered: the id has the deployment, the model and the upstream's own id in it, under an HMAC that includes the owner.
It is no secret and hides nothing; it cannot be made, changed or used by anybody else.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from phantom_gateway.security.digest import derived

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret

PREFIX = "resp_"
MAX_LENGTH = 2048
_MAC_BYTES = 16
_LABEL = b"response-ids"


class Kept(NamedTuple):
    """Something an upstream keeps."""

    deployment: str
    model: str
    """The public name under which it was made."""
    id: str
    """The upstream's name of it."""


_kept = msgspec.json.Decoder(Kept)
_encode = msgspec.json.Encoder().encode


class ResponseIds:
    """Makes and reads such ids; one secret for all nodes."""

    __slots__ = ("_key",)

    def __init__(self, pepper_hex: Secret) -> None:
        self._key = derived(pepper_hex, _LABEL)

    def made(self, owner: str, kept: Kept) -> str:
        """The id for ``owner``; the same for the same."""
        data = _encode(kept)
        return PREFIX + base64.urlsafe_b64encode(self._mac(owner, data) + data).rstrip(b"=").decode()

    def read(self, owner: str, text: str) -> Kept | None:
        """What an id of ``owner`` stands for; None for every other text."""
        if not text.startswith(PREFIX) or len(text) > MAX_LENGTH or not text.isascii():
            return None
        body = text.removeprefix(PREFIX)
        try:
            raw = base64.b64decode(body + "=" * (-len(body) % 4), b"-_", validate=True)
        except binascii.Error:
            return None
        mac, data = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(owner, data)):
            return None
        return _kept.decode(data)

    def _mac(self, owner: str, data: bytes) -> bytes:
        said = owner.encode("utf-8", "replace")
        return hmac.digest(self._key, b"%d|%b|%b" % (len(said), said, data), "sha256")[:_MAC_BYTES]
