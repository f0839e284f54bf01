"""The outcome as a page and as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec

from bench.books.rules import Sum
from bench.books.run import Outcome
from bench.report import RESULTS


def as_json(outcome: Outcome) -> dict[str, Any]:
    """All figures in types JSON has."""
    counters = {"answers": outcome.answers, "storm": outcome.storm, "edits": outcome.edits}
    verdict = {
        "acknowledged": outcome.verdict.acknowledged,
        "faults": dict(outcome.verdict.faults),
        "details": outcome.verdict.details,
        "sums": {rule: asdict(found) for rule, found in outcome.verdict.sums.items()},
    }
    return {
        "ok": outcome.ok,
        "plan": asdict(outcome.plan),
        "sent": outcome.sent,
        "upstream": outcome.upstream,
        "verdict": verdict,
        "compared": asdict(outcome.compared),
        "faults": outcome.faults,
        **{name: dict(counter) for name, counter in counters.items()},
    }


def page(outcome: Outcome, about: dict[str, Any]) -> str:
    """The figures for people."""
    verdict, compared, up = outcome.verdict, outcome.compared, outcome.upstream
    set_up = "one node, SQLite" if outcome.plan.nodes == 1 else f"{outcome.plan.nodes} nodes, PostgreSQL and Redis"
    figures = [
        f"{outcome.sent:,} requests sent, {verdict.acknowledged:,} answers seen complete by their callers",
        f"{up['requests']:,} calls reached the upstream: {up['completed']:,} ended well, {up['aborted']:,} were left",
        f"{up['cut']:,} were broken off by the upstream itself",
        f"{compared.rows:,} rows in the ledger, {compared.nano:,} nano-dollars",
        f"compared with the rows: {compared.totals:,} totals, {compared.windows:,} windows of {compared.budgets:,} budgets",
        f"{compared.exhausted:,} of these windows were used up",
        counted(outcome.storm),
        f"edits: {counted(outcome.edits)}",
        f"answers: {counted(outcome.answers)}",
    ]
    lines = [
        f"# The books: {set_up}, {outcome.plan.seconds / 60:g} minutes",
        "",
        "They agree." if outcome.ok else "**They do NOT agree.**",
        "",
        ", ".join(f"{name} {value}" for name, value in about.items()),
        "",
        *(f"- {figure}" for figure in figures),
        "",
        "| rule | rows | ledger, nano-dollars | simulator | difference |",
        "|---|---:|---:|---:|---:|",
    ]
    everything = Sum()
    for rule, found in sorted(verdict.sums.items(), key=lambda item: -item[1].rows):
        lines.append(_line(rule, found))
        everything.rows += found.rows
        everything.ledger += found.ledger
        everything.simulator += found.simulator
    lines += [_line("**all**", everything), ""]
    faults = [f"{name}: {count}" for name, count in verdict.faults.items()]
    lines += [f"- FAULT {text}" for text in (*faults, *outcome.faults, *compared.faults[:40], *verdict.details)]
    return "\n".join(lines) + "\n"


def counted(counter: Counter[str]) -> str:
    """The most frequent first."""
    return ", ".join(f"{count:,} {name}" for name, count in counter.most_common()) or "nothing"


def keep(outcome: Outcome, about: dict[str, Any]) -> Path:
    """Write both files; gives the page's path."""
    RESULTS.mkdir(exist_ok=True)
    name = f"{about['date'][:10]}-{about['commit']}-books-{outcome.plan.nodes}"
    found = as_json(outcome) | {"about": about}
    (RESULTS / f"{name}.json").write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    path = RESULTS / f"{name}.md"
    path.write_text(page(outcome, about))
    return path


def _line(rule: str, found: Sum) -> str:
    return f"| {rule} | {found.rows:,} | {found.ledger:,} | {found.simulator:,} | {found.ledger - found.simulator:,} |"
