"""The one object that walks the corridor with a request, and who owns which of its fields.

=============  =====================================================================
stage          sets
=============  =====================================================================
wire           request, responder
corridor       operation, path_model, call_id, started_ns
authenticate   principal
body           call (the parsed request body)
wishes         wishes (what the caller asks of the gateway itself)
body, kept     kept, previous (what is kept that the request is about, or goes on with)
conversations  talk (what is to be kept here of an answer)
permit         group, routed (the name within it), limits, instead (the model that takes the place of the one asked for)
admit          accounting
cache          cache (what it has to do with this request, if anything)
route          deadline, target, attempts, fallbacks, trail
relay, settle  nothing: what they learn is kept by the accounting
=============  =====================================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phantom_gateway.dialects.operations import Operation
    from phantom_gateway.gateway.body import Call
    from phantom_gateway.gateway.cache import Lookup
    from phantom_gateway.gateway.conversations import Talk
    from phantom_gateway.gateway.settle import Accounting
    from phantom_gateway.gateway.table import Group, Target
    from phantom_gateway.gateway.wishes import Wishes
    from phantom_gateway.ledger.trail import Step
    from phantom_gateway.security.response_ids import Kept
    from phantom_gateway.spine.messages import KeyRecord, Limit
    from phantom_gateway.wire.message import Request
    from phantom_gateway.wire.responder import Responder


class Exchange:
    """One request on its way. A stage sets only the fields it owns; reading one too early is a bug and fails loudly."""

    __slots__ = (
        "accounting",
        "attempts",
        "cache",
        "call",
        "call_id",
        "deadline",
        "fallbacks",
        "group",
        "instead",
        "kept",
        "limits",
        "operation",
        "path_model",
        "previous",
        "principal",
        "request",
        "responder",
        "routed",
        "started_ns",
        "talk",
        "target",
        "trail",
        "wishes",
    )

    accounting: Accounting
    call: Call
    group: Group
    instead: str | None
    limits: tuple[Limit, ...]
    principal: KeyRecord
    routed: str
    target: Target | None
    wishes: Wishes

    def __init__(
        self,
        request: Request,
        responder: Responder,
        operation: Operation,
        path_model: str,
        call_id: str,
        started_ns: int,
    ) -> None:
        self.request = request
        self.responder = responder
        self.operation = operation
        self.path_model = path_model
        self.call_id = call_id
        self.started_ns = started_ns
        self.deadline = 0.0
        """Monotonic time by which the answer must have begun, whatever is tried."""
        self.target = None
        self.kept: Kept | None = None
        self.previous: str | None = None
        """The caller's id of the response it goes on with."""
        self.talk: Talk | None = None
        """What the gateway itself is to keep of it."""
        self.trail: list[Step] | None = None
        """How it found its deployment, where there is something to tell."""
        self.cache: Lookup | None = None
        self.attempts = 0
        self.fallbacks = 0

    @property
    def is_raw(self) -> bool:
        """Whether the answer is passed on as bytes that are no text: nothing can be said in it."""
        media = self.operation.media
        return media is not None and media.raw and not self.call.stream

    def note(self, step: Step) -> None:
        """Add a step to the routing trail."""
        if self.trail is None:
            self.trail = []
        self.trail.append(step)
