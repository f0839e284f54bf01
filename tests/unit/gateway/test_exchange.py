from __future__ import annotations

import pytest

from phantom_gateway.dialects.operations import CHAT
from phantom_gateway.gateway.exchange import Exchange
from phantom_gateway.ledger.trail import Step
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.responder import Responder


def exchange() -> Exchange:
    responder = Responder.__new__(Responder)
    return Exchange(Request("POST", b"/v1/chat/completions", [], b"{}"), responder, CHAT, "", "call-1", 5)


@pytest.mark.parametrize("field", ["principal", "call", "group", "routed", "accounting"])
def test_a_field_read_before_its_stage_fails_loudly(field: str) -> None:
    with pytest.raises(AttributeError):
        getattr(exchange(), field)


def test_nothing_is_added_on_the_way() -> None:
    with pytest.raises(AttributeError):
        exchange().bag = "x"  # type: ignore[attr-defined]


def test_what_the_corridor_sets() -> None:
    fresh = exchange()
    assert (fresh.target, fresh.attempts, fresh.fallbacks) == (None, 0, 0)
    assert (fresh.operation, fresh.call_id, fresh.started_ns) == (CHAT, "call-1", 5)


def test_the_trail_is_there_from_its_first_step_on() -> None:
    fresh = exchange()
    assert fresh.trail is None
    fresh.note(Step("try", "d1"))
    fresh.note(Step("try", "d2"))
    assert fresh.trail == [Step("try", "d1"), Step("try", "d2")]
