"""The records of the spend journal.

Serialised form: msgpack array ``[kind, field, field, ...]`` in the order of definition, kind 1 = ``Opened``, 2 = ``Closed``.

Compatibility rules, since journals outlive the release that wrote them:

- fields are only ever added, at the end, with a default; none is removed, moved or given another type or meaning;
- a reader ignores trailing fields it does not know and takes the default for those that are missing;
- a kind, once used, is never reused; a reader skips and reports a kind it does not know;
- the same rules hold for the nested ``Usage``, ``Spend`` and ``Step``.

Records never contain prompts, answers, header values or keys.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any, Literal

import msgspec

from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.trail import Step
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.spine.messages import Spend

__all__ = ["Closed", "Opened", "Record", "Spend", "Status", "clipped", "decoder", "encoder", "storable"]

Status = Literal["success", "failure", "interrupted"]

MAX_TEXT = 256
MAX_TAGS = 32
_MAX_INT = (1 << 63) - 1


class Opened(msgspec.Struct, kw_only=True, array_like=True, tag=1, gc=False):
    """Written before the upstream call. Without a ``Closed`` when the process ends, recovery bills ``estimate``."""

    n: int = 0
    """Number within the incarnation, set by ``Journal.append``; ``Closed.opened`` repeats it."""
    id: str
    """Call id (``x-litellm-call-id``). Callers may choose it, so it need not be unique."""
    at_ns: int
    key_id: str
    group: str = ""
    deployment_id: str = ""
    reserved: tuple[Spend, ...] = ()
    estimate: int = 0
    """Nano-dollars to bill when nobody learns the real cost."""
    input_tokens: int = 0
    """Estimated."""
    call_type: str = ""
    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    stream: bool = False
    model: str = ""
    """The public name the caller asked for."""
    provider: str = ""
    upstream_model: str = ""
    end_user: str | None = None
    tags: tuple[str, ...] = ()
    key_alias: str | None = None
    session_id: str | None = None
    trace_id: str | None = None
    price_version: str = "none"
    project_id: str | None = None
    worst: int = 0
    """The most it can cost, in nano-dollars; 0 in records from before this was kept."""


class Closed(msgspec.Struct, kw_only=True, array_like=True, tag=2, gc=False):
    """Written before the answer is acknowledged as complete: one row of the ledger (LiteLLM's ``/spend/logs``)."""

    n: int = 0
    """Number within the incarnation, set by ``Journal.append``. Recovery uses ``-opened``; (incarnation, n) is unique."""
    opened: int
    """Number of the ``Opened`` this closes; 0 when there was none (refused before any upstream call)."""
    id: str
    at_ns: int
    """Start of the request."""
    duration_us: int = 0
    ttft_us: int | None = None
    """Time to the first byte of the answer's body."""
    key_id: str
    key_alias: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    end_user: str | None = None
    tags: tuple[str, ...] = ()
    model: str = ""
    """The public name the caller asked for."""
    group: str = ""
    deployment_id: str = ""
    provider: str = ""
    upstream_model: str = ""
    call_type: str = ""
    stream: bool = False
    status: Status = "success"
    http_status: int = 200
    error_type: str = ""
    usage: Usage = Usage()
    cost: Cost = Cost()
    price_version: str = "none"
    spends: tuple[Spend, ...] = ()
    attempts: int = 1
    fallbacks: int = 0
    client_left: bool = False
    cache_hit: bool = False
    session_id: str | None = None
    trace_id: str | None = None
    project_id: str | None = None
    trail: tuple[Step, ...] = ()
    """How the request found its deployment; empty when there was one, and its first attempt did it."""
    cache_key: str = ""
    """The name of the answer in the cache; empty when the cache had nothing to do with the request."""
    saved: int = 0
    """Nano-dollars that the answer had cost, of one that came from the cache."""


Record = Opened | Closed

encoder = msgspec.msgpack.Encoder()
decoder: msgspec.msgpack.Decoder[Record] = msgspec.msgpack.Decoder(Record)


_SHARED_TEXTS = (
    "id", "key_id", "key_alias", "user_id", "team_id", "org_id", "project_id", "end_user", "session_id", "trace_id", "model",
    "group", "deployment_id", "provider", "upstream_model", "call_type", "price_version",
)  # fmt: skip
_opened_texts: Callable[[Record], tuple[str | None, ...]] = attrgetter(*_SHARED_TEXTS)
_closed_texts: Callable[[Record], tuple[str | None, ...]] = attrgetter(*_SHARED_TEXTS, "error_type", "cache_key")


def storable(record: Record) -> Record:
    """The record itself, or a copy with U+FFFD for every NUL: PostgreSQL holds none in a text.

    Made where records enter, so that every reader of them knows an entity by the same name.
    """
    texts = _closed_texts(record) if type(record) is Closed else _opened_texts(record)
    if "\0" not in "".join(filter(None, texts)) and (not record.tags or "\0" not in "".join(record.tags)):
        return record
    return type(record)(**{name: _without_nul(getattr(record, name)) for name in record.__struct_fields__})


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\ufffd")
    if isinstance(value, Spend):
        return value._replace(scope=_without_nul(value.scope))
    if isinstance(value, tuple) and not isinstance(value, Cost):
        return tuple(map(_without_nul, value))
    return value


def clipped(record: Record) -> Record:
    """A copy that is sure to be encodable and small: texts cut and mended, tags limited, integers within 64 bits.

    For the rare record with a caller's megabyte in ``end_user``; billing must not fail over it.
    """
    values = {name: _clip(getattr(record, name)) for name in record.__struct_fields__}
    return type(record)(**values)


def _clip(value: Any) -> Any:
    if isinstance(value, str):
        return value[:MAX_TEXT].encode("utf-8", "replace").decode()
    if type(value) is int:
        return max(-_MAX_INT, min(_MAX_INT, value))
    if isinstance(value, Cost | Spend | Step):
        return type(value)(*map(_clip, value))
    if isinstance(value, tuple):
        texts = bool(value) and isinstance(value[0], str)
        return tuple(_clip(item) for item in (value[:MAX_TAGS] if texts else value))
    return value
