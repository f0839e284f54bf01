"""The messages of the spine, both ways. Version 3.

Framing: 4-byte big-endian length, then msgpack of one tagged struct. Every request from a worker carries ``seq`` and is
answered by a message with the same ``seq``; pushes from control carry none. Times are Unix seconds unless named ``_ns``;
money is integer nano-dollars.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from phantom_gateway.spine.snapshot import Routing, Snapshot

PROTOCOL_VERSION = 3

CACHED = "cache:"
CACHED_ALL = "cache:*"
"""How an ``Invalidate`` names a cached answer (before its name), and all of them."""

LimitKind = Literal["requests", "tokens", "parallel", "budget"]


class Message(msgspec.Struct, frozen=True, kw_only=True, array_like=False, omit_defaults=True):
    """Base of all messages."""


class Over(msgspec.Struct, frozen=True, kw_only=True):
    """That at least ``amount`` of another counter is used, in the same window."""

    scope: str
    amount: int


class Limit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One limit on one entity. Further entities (user, team, ...) are more rows, not more code.

    ``scope`` identifies the counter: ``"{kind}:{entity}:{window}"``, e.g. ``budget:key:<id>:30d`` or ``requests:key:<id>:60s``.
    """

    scope: str
    kind: LimitKind
    entity: str
    """``key:<id>``, ``user:<id>``, ``team:<id>``, ``member:<team>/<user>``, ... as it appears in errors."""
    amount: int
    """Requests, tokens, slots, or nano-dollars per window."""
    window: str = "60s"
    """A duration (``60s``, ``24h``, ``30d``, ``1mo``), or ``""``: never resets (a prepaid budget), meaningless for parallel."""
    anchor: float = 0.0
    """Start of the first window for windows that are not calendar-aligned; 0 = calendar-aligned in UTC."""
    over: tuple[Over, ...] = ()
    """If there are any: it counts always and binds only when one of them holds."""


class Spend(NamedTuple):
    """What one budget scope was charged or has reserved in one of its windows, in nano-dollars. Part of the journal's form."""

    scope: str
    window_start: float
    amount: int


class SubjectRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody or something a request names beside its key: a customer (end user) or a tag."""

    entity: str
    """``customer:<id>`` or ``tag:<name>``."""
    blocked: bool = False
    models: tuple[str, ...] = ()
    """Empty = all models."""
    default_model: str | None = None
    region: str | None = None
    limits: tuple[Limit, ...] = ()
    model_limits: dict[str, tuple[Limit, ...]] = {}


_pack = msgspec.msgpack.Encoder().encode


def packed_window(scope: str, start: float) -> bytes:
    """A ``Spend`` (msgpack array of three) as it is written, up to its amount."""
    return b"\x93" + _pack(scope) + _pack(start)


def packed_windows(windows: Sequence[bytes]) -> list[bytes]:
    """Spends of one amount for several windows: what is written between the amounts; joined by one, it is the field's value."""
    count = len(windows)
    head = bytes((0x90 | count,)) if count < 16 else b"\xdc" + count.to_bytes(2, "big")
    return [head + windows[0], *windows[1:], b""] if windows else [head]


class OwnRouting(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``router_settings`` of a key and its team: what of the configuration's is another for its requests."""

    name: str
    """A digest of the rest: equal ones have equal names."""
    said: tuple[str, ...] = ()
    """Which fields of ``values`` are meant."""
    values: Routing = Routing()


class KeyRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker must know of a key to decide alone. Never contains the key."""

    id: str
    """The stable id of the key: hex of the keyed digest of its first value, also LiteLLM's ``token``."""
    digest: str = ""
    """The keyed digest of the value by which it was found; a key that was regenerated has another one than its id."""
    kind: Literal["master", "virtual", "session"] = "virtual"
    """``session``: somebody signed in at control. Workers never see one: it opens no route of theirs."""
    alias: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    project_id: str | None = None
    models: tuple[str, ...] = ()
    """Empty = all models."""
    model_lists: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Further lists that must admit a model, each with the kind of entity it belongs to (``team``, ``user``, ``org``, ...)."""
    model_aliases: dict[str, str] = {}
    key_type: Literal["default", "llm_api", "management", "read_only"] = "default"
    allowed_routes: tuple[str, ...] = ()
    passed_routes: tuple[tuple[str, ...], ...] = ()
    """Lists of paths; each must admit a path that is passed on to another service."""
    denied_routes: tuple[str, ...] = ()
    """Paths that are never passed on for it."""
    blocked: bool = False
    blocked_by: str = ""
    """The kind of entity whose block this is, when it is not the key itself that is blocked."""
    expires: float | None = None
    limits: tuple[Limit, ...] = ()
    """Those of the key and of everything above it."""
    model_limits: dict[str, tuple[Limit, ...]] = {}
    """Further limits that count only for one model, by its public name."""
    has_terms: bool = False
    """Whether there is something of ``enforced_params``, ``expected_output`` and ``cache_controls``."""
    enforced_params: tuple[str, ...] = ()
    """Body fields that each of its requests must have."""
    expected_output: dict[str, int] | None = None
    """Output tokens expected of a request that bounds them not, by model; ``""`` for all others."""
    cache_controls: tuple[str, ...] = ()
    """What its requests may say in ``cache``. Empty = everything."""
    throttled: str = ""
    """The scope of the budget beyond which it goes on slowly; empty when it does not."""
    customers_budget_id: str = ""
    """A row of ``budgets`` whose limits the customers of its requests have who have none."""
    tag_limits: dict[str, SubjectRecord] | None = None
    """By tag, limits of its requests that carry it."""
    budget_fallbacks: dict[str, tuple[str, ...]] = {}
    """Models to go on with when a budget for one model is exhausted, by that model."""
    tags: tuple[str, ...] = ()
    priority: str | None = None
    """Of the team, else of the key: which share of a model it has (``limits.priorities``)."""
    routing: OwnRouting | None = None
    revision: int = 0

    @property
    def owner(self) -> str:
        """Whom what is kept of its requests belongs to: a key that calls on behalf of several users keeps them apart."""
        return f"{self.id}/{self.user_id}" if self.user_id else self.id


class HeldLease(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker still holds of a scope when it (re)connects: free slice plus open reservations."""

    scope: str
    window_start: float
    amount: int
    limit: Limit


# --- worker to control ------------------------------------------------------------------------------------------------


class Hello(Message, frozen=True, kw_only=True, tag="hello"):
    """First message of a worker. Its journal is flushed up to ``journal_position`` before this is sent."""

    version: int
    worker: str
    """Incarnation id: unique per worker process life, names its journal directory."""
    slot: int
    pid: int
    journal_position: int = 0
    """Count of records this incarnation has written so far (records are numbered 1, 2, 3 ...)."""
    held: tuple[HeldLease, ...] = ()
    revision: int = 0
    """Snapshot revision the worker already serves; control sends a snapshot only if its own differs. 0 = none."""


class Resolve(Message, frozen=True, kw_only=True, tag="resolve"):
    """Ask for the record of a key by its digest."""

    seq: int
    digest: str
    user: str = ""
    """On whose behalf it calls, if it has no user of its own: the record is as if it belonged to this user."""


class ResolveSubject(Message, frozen=True, kw_only=True, tag="resolve_subject"):
    """Ask for the record of a customer or tag that a request names."""

    seq: int
    entity: str
    budget_id: str = ""
    """A row of ``budgets`` for a customer without a budget."""


class AskConversation(Message, frozen=True, kw_only=True, tag="ask_conversation"):
    """Keep what was said under a name, give it back, or forget it; answered by ``Conversation``."""

    seq: int
    do: Literal["keep", "get", "drop"]
    name: str
    content: bytes = b""


class LeaseAsk(Message, frozen=True, kw_only=True, tag="lease_ask"):
    """Ask for at least ``need`` and preferably ``want`` units of a limit."""

    seq: int
    limit: Limit
    need: int
    want: int


class LeaseAsks(Message, frozen=True, kw_only=True, tag="lease_asks"):
    """Several at once; their own ``seq`` says nothing."""

    seq: int
    asks: tuple[LeaseAsk, ...]


class LeaseReturn(Message, frozen=True, kw_only=True, tag="lease_return"):
    """Hand back unused units; also the answer to a ``Recall`` (then ``seq`` repeats the recall's)."""

    scope: str
    window_start: float
    amount: int
    seq: int = 0


class DeploymentHealth(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a worker has learnt of a deployment from its traffic."""

    id: str
    state: Literal["closed", "open", "half_open", "resting"] = "closed"
    rests_s: float = 0.0
    """How much longer nothing is sent there."""
    in_flight: int = 0
    requests: int = 0
    """Attempts since the worker has started, and how many failed by the deployment's fault."""
    failures: int = 0
    fails: int = 0
    """Failures in a row."""
    latency_ms: float = 0.0
    last_fault: str = ""


class LeaseReturns(Message, frozen=True, kw_only=True, tag="lease_returns"):
    """Several at once, none of them the answer to a recall."""

    returns: tuple[LeaseReturn, ...]


class Load(Message, frozen=True, kw_only=True, tag="load"):
    """Health and load of a worker, about once a second; for metrics and readiness."""

    in_flight: int = 0
    connections: int = 0
    requests: int = 0
    loop_lag_ms: float = 0.0
    journal_degraded: str = ""
    """Empty, or why the journal is degraded (``storage_full``, ``fsync_failed``)."""
    deployments: tuple[DeploymentHealth, ...] = ()
    """Those of which something has changed since the last report."""


class Explained(Message, frozen=True, kw_only=True, tag="explained"):
    """Answer to ``Explain``: JSON."""

    seq: int
    found: bytes


class Ack(Message, frozen=True, kw_only=True, tag="ack"):
    """The worker has carried out the invalidation or installed the snapshot with this number."""

    seq: int
    journal_position: int = 0
    """Count of records written at that moment: whatever is written later knows better."""


# --- control to worker ------------------------------------------------------------------------------------------------


class Welcome(Message, frozen=True, kw_only=True, tag="welcome"):
    """Answer to ``Hello``."""

    version: int
    revision: int
    subjects: tuple[str, ...] = ()
    """As in ``Heartbeat``."""
    snapshot: Snapshot | None = None


class NewSnapshot(Message, frozen=True, kw_only=True, tag="snapshot"):
    """A new configuration to serve; acknowledged with ``Ack``."""

    seq: int
    snapshot: Snapshot


class Resolved(Message, frozen=True, kw_only=True, tag="resolved"):
    """Answer to ``Resolve``: a record, ``None`` for unknown, or ``unavailable`` when the database cannot say."""

    seq: int
    key: KeyRecord | None = None
    unavailable: bool = False


class ResolvedSubject(Message, frozen=True, kw_only=True, tag="resolved_subject"):
    """Answer to ``ResolveSubject``: a record (also for one nobody has made, when defaults apply to it), or ``None``."""

    seq: int
    subject: SubjectRecord | None = None
    unavailable: bool = False


class Conversation(Message, frozen=True, kw_only=True, tag="conversation"):
    """Answer to ``AskConversation``: what there is, or was."""

    seq: int
    content: bytes | None = None


class LeaseGrant(Message, frozen=True, kw_only=True, tag="lease_grant"):
    """Answer to ``LeaseAsk``: ``granted`` is 0 when refused, else at least ``need``."""

    seq: int
    granted: int
    window_start: float = 0.0
    window_end: float = 0.0
    """When the window (and with it the unused grant) ends; 0 = never."""
    remaining: int = 0
    """What is left at the authority after this grant, over all workers."""
    used: int = 0
    """What counts as used or reserved of the limit, this grant included."""
    eased: bool = False
    """Of slots: no other worker holds more than its even share (any more), see ``Recall.notice``."""
    spent: int = 0
    """Of a refused budget: what the database says of it, which is in ``used`` too."""
    held: int = 0
    """Of a refused budget: what this worker holds beyond that, settled or not."""
    current: int = 0
    """Of a refused sliding window: what the present window counts by itself."""
    before: int = 0
    """Of a refused sliding window: what the window before counted; the share of it that still counts is in ``used``."""
    reason: str = ""
    """Why refused: ``exhausted``; ``recovering`` while the authority rebuilds itself; ``unavailable`` when it cannot be asked."""


class LeaseGrants(Message, frozen=True, kw_only=True, tag="lease_grants"):
    """Answer to ``LeaseAsks``, in its order. What would have to be recalled first is refused here with ``recall``."""

    seq: int
    grants: tuple[LeaseGrant, ...]


class Recall(Message, frozen=True, kw_only=True, tag="recall"):
    """Control wants the free part of a lease back (another worker needs it); answered by ``LeaseReturn``.

    As a ``notice`` it takes nothing: another worker goes beyond its even share, so that nobody may count on his own.
    """

    seq: int
    scope: str
    notice: bool = False
    window_start: float = 0.0
    """Of a notice: the window it is about."""


class Explain(Message, frozen=True, kw_only=True, tag="explain"):
    """What would happen to this request of this key, and why? Nothing is sent to an upstream; answered by ``Explained``."""

    seq: int
    key: KeyRecord
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    """Names in lower case."""
    body: bytes


class Invalidate(Message, frozen=True, kw_only=True, tag="invalidate"):
    """Forget every record that these entities are part of (empty = all). Answered by ``Ack``."""

    seq: int
    entities: tuple[str, ...] = ()
    """``digest:<hex>``, and ``key``, ``user``, ``team``, ``org``, ``project``, ``customer`` or ``tag`` with ``:<id>``;
    ``CACHED`` with the name of an answer, and ``CACHED_ALL``."""
    key_epoch: int = 0
    """The epoch after this invalidation; the next heartbeat carries the same."""


class Heartbeat(Message, frozen=True, kw_only=True, tag="heartbeat"):
    """Every second: the revisions a worker should have. A gap triggers a full reload of the key cache."""

    revision: int
    key_epoch: int
    """Counts invalidations; a worker that missed one drops its whole key cache."""
    subjects: tuple[str, ...] = ()
    """Kinds of subjects of which there are any (``customer``, ``tag``); of other kinds nobody need ask."""
    database_ok: bool = True
    workers: tuple[str, ...] = ()
    """The incarnations of this node's workers, in the order in which limits are shared out while control is away."""
    nodes: int = 1
    """Nodes that share limits."""
    node: int = 0
    """This node's place among them, from 0."""
    unhealthy: tuple[str, ...] = ()
    """Deployments to be asked only when there is no other: their health check failed."""


ToControl = (
    Hello
    | Resolve
    | ResolveSubject
    | AskConversation
    | LeaseAsk
    | LeaseAsks
    | LeaseReturn
    | LeaseReturns
    | Load
    | Explained
    | Ack
)
ToWorker = (
    Welcome
    | NewSnapshot
    | Resolved
    | ResolvedSubject
    | Conversation
    | LeaseGrant
    | LeaseGrants
    | Recall
    | Explain
    | Invalidate
    | Heartbeat
)
