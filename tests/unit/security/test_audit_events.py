from __future__ import annotations

import re

from phantom_gateway.security.audit_events import Action, EventCode, Table


def test_codes_are_unique_and_well_formed() -> None:
    codes = [event.code for event in EventCode]
    assert len(set(codes)) == len(codes) == len(EventCode)
    assert all(re.fullmatch(r"[a-z_]+\.[a-z_]+", code) and len(code) <= 64 for code in codes)


def test_every_table_and_action_is_used() -> None:
    assert {event.table for event in EventCode} == set(Table)
    assert {event.action for event in EventCode} == set(Action)


def test_names_fit_their_columns() -> None:
    assert max(len(table) for table in Table) <= 64
    assert max(len(action) for action in Action) <= 32


def test_texts_are_sentences() -> None:
    assert all(event.text[0].isupper() and event.text.endswith(".") for event in EventCode)
