"""What the audit log says of people who sign in.

Records name ids, never what somebody typed: people type passwords into fields for names.
"""

from __future__ import annotations

import secrets

from phantom_gateway.control.audit import Author
from phantom_gateway.control.commit import Writer
from phantom_gateway.control.services import ControlServices
from phantom_gateway.security.audit_events import ActorKind

OPERATOR = "default_user_id"
"""The operator's name, as LiteLLM calls it."""
NOBODY = "anonymous"


def writer_for(services: ControlServices, user_id: str | None) -> Writer:
    """Changes things in the name of somebody who has just proved who it is; ``None`` means the operator."""
    name = user_id or OPERATOR
    return Writer(services, name, author=_author(services, name, ActorKind.USER))


def writer_for_nobody(services: ControlServices) -> Writer:
    """Records what somebody unknown has tried."""
    return Writer(services, NOBODY, author=_author(services, NOBODY, ActorKind.ANONYMOUS))


def _author(services: ControlServices, name: str, kind: ActorKind) -> Author:
    return Author(name=name, kind=kind, request_id=secrets.token_hex(16), node=services.node)
