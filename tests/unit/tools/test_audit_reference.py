from __future__ import annotations

from tools.audit_reference import COMMAND, TARGET, render

from phantom_gateway.security.audit_events import EventCode


def test_the_reference_is_fresh() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(), f"stale: run `make docs` ({COMMAND})"


def test_every_event_is_in_it() -> None:
    page = render()
    assert all(f"`{event.code}`" in page for event in EventCode)
