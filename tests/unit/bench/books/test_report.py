from __future__ import annotations

import json
from collections import Counter

import msgspec
from bench.books.report import as_json, counted, page
from bench.books.rules import Sum
from bench.books.run import Outcome, Plan

UP = {"requests": 12, "completed": 10, "aborted": 1, "cut": 1}


def test_the_page_shows_every_rule_and_their_sum() -> None:
    outcome = Outcome(Plan(600, nodes=2), sent=1234, upstream=UP, storm=Counter({"worker killed": 3}))
    outcome.verdict.sums = {"exact": Sum(9, 1000, 1000), "interrupted": Sum(1, 500, 300)}
    text = page(outcome, {"commit": "abc"})
    assert "2 nodes, PostgreSQL and Redis, 10 minutes" in text
    assert "They agree." in text
    assert "| exact | 9 | 1,000 | 1,000 | 0 |" in text
    assert "| **all** | 10 | 1,500 | 1,300 | 200 |" in text
    assert "- 3 worker killed" in text
    shown = json.loads(msgspec.json.encode(as_json(outcome)))
    assert shown["ok"] is True
    assert shown["storm"] == {"worker killed": 3}
    assert shown["verdict"]["sums"]["interrupted"] == {"rows": 1, "ledger": 500, "simulator": 300}


def test_faults_are_told() -> None:
    outcome = Outcome(Plan(60), upstream=UP)
    outcome.verdict.fault("twice in the ledger", "l")
    text = page(outcome, {})
    assert "They do NOT agree." in text
    assert "FAULT twice in the ledger: 1" in text
    assert as_json(outcome)["ok"] is False


def test_counted() -> None:
    assert counted(Counter({"a": 1, "b": 2000})) == "2,000 b, 1 a"
    assert counted(Counter()) == "nothing"
