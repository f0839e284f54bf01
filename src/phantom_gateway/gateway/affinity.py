"""What keeps requests on one deployment, so that the provider finds again what it has cached: the identity they share.

Nothing is remembered: the identity decides by itself (``strategies.stick``), in every worker and on every node alike.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.spine.snapshot import Affinity

MIN_BYTES = 4096
"""Providers cache prompts from 1,024 tokens on."""

_list = msgspec.json.Decoder(list[msgspec.Raw])


class _Role(msgspec.Struct):
    role: str = ""


_role = msgspec.json.Decoder(_Role)
_PREFIX_FIELDS = ("system", "instructions", "tools", "systemInstruction", "system_instruction")


def identity_of(exchange: Exchange, wanted: Sequence[Affinity]) -> tuple[str, bytes]:
    """By what a request is kept on a deployment, and the identity; empty when nothing keeps it.

    The strongest comes first: a conversation, then the session, then the key. Identities of different keys never meet.
    """
    key = exchange.principal.id.encode()
    for kind in wanted:
        if kind == "prompt_caching":
            found = _conversation(exchange)
        elif kind == "session_affinity":
            found = (exchange.wishes.session_id or "").encode()
        else:
            found = b"key"
        if found:
            return kind, hashlib.blake2b(found, digest_size=16, key=key[:64], person=kind[:16].encode()).digest()
    return "", b""


def _conversation(exchange: Exchange) -> bytes:
    """What stays the same while a conversation grows: the model, the tools, and everything up to the first thing the user said."""
    call = exchange.call
    if call.size < MIN_BYTES:
        return b""
    digest = hashlib.blake2b(call.model.encode(), digest_size=16)
    for name in _PREFIX_FIELDS:
        if name in call.fields:
            digest.update(b"\0" + name.encode() + bytes(call.fields[name]))
    raw = call.fields.get(exchange.operation.input_field)
    if raw is None:
        return b""
    try:
        messages = _list.decode(raw)
    except msgspec.MsgspecError:
        return b""  # a prompt: there is no next turn that would begin alike
    for message in messages:
        digest.update(b"\0" + bytes(message))
        try:
            if _role.decode(message).role == "user":
                break
        except msgspec.MsgspecError:
            return b""
    return digest.digest()
