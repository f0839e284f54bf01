"""The name of a cached answer: a keyed hash over whose it is and over everything that could change it.

Nothing is left out because it seems not to matter: an allow-list of fields forgets the next one (LiteLLM's did). What is left out
is what never reaches a model: LiteLLM's own fields. The scope is an argument without a default: no principal, no cache.
"""

from __future__ import annotations

import hmac
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from phantom_gateway.config.secret import Secret
from phantom_gateway.gateway.body import CONSUMED
from phantom_gateway.gateway.table import FORWARDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from phantom_gateway.gateway.body import Call
    from phantom_gateway.gateway.table import Target
    from phantom_gateway.spine.messages import KeyRecord
    from phantom_gateway.spine.snapshot import CacheScope

MAX_BODY = 4 * 1024 * 1024
"""Bytes of a request that is looked up; hashing more would hold up all others."""
APART = CONSUMED - {"guardrails"}
"""Fields that change nothing of an answer."""
_FORM = b"phantom answer 1"

_reader = msgspec.json.Decoder(dict[str, Any], float_hook=lambda text: msgspec.Raw(text.encode()))
_plain = msgspec.json.Encoder()
_sorted = msgspec.json.Encoder(order="deterministic")


class Ambiguous(Exception):
    """The request has two readings, or none: an upstream may see another one than we do."""


class Facts(NamedTuple):
    """What a request is about, beside its body."""

    scope: str
    """Whose the answer is."""
    operation: str
    models: tuple[str, ...]
    """The public name, the group, and the name within it."""
    revision: bytes
    """Of the deployments that may answer."""
    namespace: str = ""
    end_user: str = ""
    tags: tuple[str, ...] = ()
    """Where they decide on the deployment."""
    headers: tuple[bytes, ...] = ()
    """Those that go on to the upstream."""
    shows_usage: bool = False


def scope_of(key: KeyRecord, widest: CacheScope) -> str | None:
    """Who shares an answer with ``key``; ``None`` for a key without a name: then nothing is cached."""
    if not key.id:
        return None
    if widest == "team" and key.team_id:
        return f"team:{key.team_id}"
    if widest == "organization" and key.org_id:
        return f"org:{key.org_id}"
    return f"key:{key.owner}"


def forwarded(headers: Mapping[bytes, bytes]) -> tuple[bytes, ...]:
    """The values of the caller's headers that upstreams are sent."""
    return tuple([headers.get(name.encode(), b"") for name in FORWARDED])


def canonical(call: Call) -> bytes:
    """The body in one spelling: members sorted, strings unescaped, numbers digit by digit. Raises Ambiguous."""
    body = _plain.encode({name: raw for name, raw in call.fields.items() if name not in APART})
    try:
        value = _reader.decode(body)
        if _plain.encode(value) != body:
            # Escapes and blanks, mostly; but a member may stand there twice, and which one counts is the upstream's choice.
            json.loads(body, object_pairs_hook=_once)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Ambiguous from error
    return _sorted.encode(value)


def name_of(secret: bytes, facts: Facts, body: bytes) -> str:
    """The name: hex, behind the namespace if there is one."""
    digest = hmac.new(secret, digestmod="sha256")
    pieces = (
        _FORM,
        facts.scope.encode("utf-8", "surrogatepass"),
        facts.operation.encode(),
        *[model.encode("utf-8", "surrogatepass") for model in facts.models],
        facts.revision,
        facts.namespace.encode(),
        facts.end_user.encode("utf-8", "surrogatepass"),
        *_counted([tag.encode("utf-8", "surrogatepass") for tag in facts.tags]),
        *_counted(facts.headers),
        b"\1" if facts.shows_usage else b"\0",
        body,
    )
    for piece in pieces:
        # with their lengths, so that no two lists of pieces read alike
        digest.update(b"%d:" % len(piece))
        digest.update(piece)
    found = digest.hexdigest()
    return f"{facts.namespace}:{found}" if facts.namespace else found


def revision_of(targets: Iterable[Target]) -> bytes:
    """A digest of everything that is configured of some deployments, their credentials included."""
    digest = hmac.new(_FORM, digestmod="sha256")
    for target in sorted(targets, key=lambda target: target.id):
        deployment = target.deployment
        if target.grant is not None:
            # the token of the moment; what it is had with is among the rest
            deployment = msgspec.structs.replace(deployment, api_key=None)
        digest.update(_configured.encode(deployment))
    return digest.digest()


def _hashed(value: Any) -> Any:
    if isinstance(value, Secret):
        return hmac.digest(_FORM, value.reveal().encode(), "sha256")
    raise NotImplementedError(type(value).__name__)


_configured = msgspec.msgpack.Encoder(enc_hook=_hashed, order="deterministic")


def _counted(pieces: Iterable[bytes]) -> list[bytes]:
    found = [*pieces]
    return [b"%d" % len(found), *found]


def _once(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a member is repeated")
