"""The judge: is a row of the ledger what the simulator counted, or else what the rules of billing say of a call that broke?

The rules are those of the documentation (ADR 2, ``tests/system/test_faults.py``): a call whose usage was reported costs exactly
that; one that was lost costs what was seen of it, else an estimate by size; an interrupted one the estimate that was opened.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from bench.books.asks import BYTES_PER_TOKEN, GROUPS, Ask, cost
from bench.books.caller import Seen
from phantom_gateway.simulator import answers
from phantom_gateway.simulator.reading import read

MAX_DETAILS = 40
STOPPED = "service_unavailable"
"""What a call is that the end of its worker cut."""
FIRST = {group: names[0] for group, names in GROUPS.items()}
Line = dict[str, Any]
"""A row of the ledger by the names of its columns."""


class Calls(NamedTuple):
    """What the simulator counted of one label, over all attempts."""

    requests: int = 0
    prompt: int = 0
    output: int = 0
    cost: int = 0
    """Nano-dollars, each upstream model's tokens at its price."""


@dataclass(slots=True)
class Sum:
    """Of the rows that one rule explains."""

    rows: int = 0
    ledger: int = 0
    simulator: int = 0


@dataclass(slots=True)
class Verdict:
    """The outcome. ``sums`` by rule; ``exact`` is the rule of everything whose usage both sides know."""

    sums: dict[str, Sum] = field(default_factory=dict)
    faults: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)
    acknowledged: int = 0
    """Answers that a caller saw complete; each has been found in the ledger, or is a fault."""

    def fault(self, kind: str, detail: str) -> None:
        """Something is wrong."""
        self.faults[kind] += 1
        if len(self.details) < MAX_DETAILS:
            self.details.append(f"{kind}: {detail}")


def tallied(tallies: list[tuple[str, str, dict[str, int]]]) -> dict[str, Calls]:
    """The simulator's books by label."""
    found: dict[str, Calls] = {}
    for model, label, counted in tallies:
        before = found.get(label, Calls())
        prompt, output = counted["prompt_tokens"], counted["completion_tokens"]
        found[label] = Calls(
            before.requests + counted["requests"],
            before.prompt + prompt,
            before.output + output,
            before.cost + cost(model, prompt, output),
        )
    return found


def judge(asks: dict[str, Ask], seen: dict[str, Seen], calls: dict[str, Calls], lines: list[Line]) -> Verdict:
    """Every request that was sent, every call the simulator served, every row: all of them by label."""
    verdict = Verdict()
    rows: dict[str, Line] = {}
    for line in lines:
        label = line["trace_id"]
        if label in rows:
            verdict.fault("twice in the ledger", _shown(line))
        elif label not in asks:
            verdict.fault("nobody asked for it", _shown(line))
        rows[label] = line
    for label, ask in asks.items():
        served, found = calls.get(label, Calls()), rows.get(label)
        if found is None:
            if served.requests:
                verdict.fault("served and not in the ledger", f"{ask} {served}")
            if label in seen and seen[label].complete:
                verdict.fault("acknowledged and not in the ledger", f"{ask}")
            continue
        rule = explain(found, ask, served)
        if rule is None:
            verdict.fault("cost by no rule", f"{_shown(found)} {served} {ask}")
            rule = "unexplained"
        total = verdict.sums.setdefault(rule, Sum())
        total.rows += 1
        total.ledger += found["cost_nano"]
        total.simulator += served.cost
        if label in seen and seen[label].complete:
            _acknowledged(verdict, seen[label], found, ask)
    return verdict


def _acknowledged(verdict: Verdict, seen: Seen, row: Line, ask: Ask) -> None:
    verdict.acknowledged += 1
    if row["status"] != "success":
        verdict.fault("acknowledged and not a success", f"{_shown(row)} {ask}")
    elif seen.usage is not None and seen.usage != (ask.prompt, ask.output):
        verdict.fault("the caller was told another usage", f"{seen} {ask}")


def explain(row: Line, ask: Ask, calls: Calls) -> str | None:
    """The name of the rule by which the row costs what it costs; None when there is none."""
    upstream = row["upstream_model"] or FIRST[ask.model]
    tokens = row["input"] or 0, row["output"] or 0
    if row["status"] == "interrupted":
        return "interrupted" if row["cost_nano"] == ask.estimate() else None
    if "capped" in row["usage_flags"]:
        return "answers lost, as far as reserved" if row["cost_nano"] == ask.worst() else None
    if "lost_attempts" in row["usage_flags"]:
        # the attempts of a row may have had different prices, the row has their sums
        costs = [cost(name, *tokens) for name in GROUPS[ask.model]]
        bounded = min(costs) <= row["cost_nano"] <= max(costs)
        return "answer lost" if bounded and _lost(row, ask, calls) else None
    if row["cost_nano"] != cost(upstream, *tokens):
        return None
    if row["usage_source"] == "provider":
        if not calls.requests or tokens != (ask.prompt, ask.output):
            return None
        if row["cost_nano"] == calls.cost:
            return "exact"
        return "exact, behind attempts without an answer" if row["attempts"] > 1 and ask.bill == "none" else None
    if row["usage_source"] == "estimated":
        return _estimated(row, ask, calls)
    return _nothing(row, ask, calls)


def _lost(row: Line, ask: Ask, calls: Calls) -> bool:
    """Attempts that were begun and lost, each by its estimate, and the answer of the one that succeeded."""
    tokens = row["input"], row["output"] or 0
    for lost in range(1, calls.requests + 1):
        if row["status"] == "success" and _made_of(tokens, (ask.prompt, ask.output), lost, ask, calls):
            return True
        # the last of them may be one whose caller left
        if (row["status"] == "failure" or row["client_left"]) and _made_of(tokens, (0, 0), lost, ask, calls):
            return True
    return False


def _made_of(tokens: tuple[int, int], answer: tuple[int, int], lost: int, ask: Ask, calls: Calls) -> bool:
    beyond = tokens[1] - answer[1]
    guessed = 0 <= beyond <= calls.output if ask.stream else beyond == lost * ask.limit
    return guessed and tokens[0] == answer[0] + lost * ask.question


def _estimated(row: Line, ask: Ask, calls: Calls) -> str | None:
    if row["input"] != ask.question:
        return None
    output = row["output"]
    if row["client_left"] or row["error_type"]:
        stopped = row["client_left"] or row["error_type"] == STOPPED
        if (not ask.stream and output == ask.limit) or (ask.stream and output is None):
            return "cut unseen" if stopped else None
        if not ask.stream:
            # brought to its end though nobody waited for it any more
            return "no usage reported" if ask.mode == "no_usage" and output == _said(ask) else None
        if not row["client_left"] and ask.mode in ("fin", "error_event", "stall"):
            return "broken stream" if output == calls.output else None
        return "broken stream" if output <= calls.output else None
    if ask.mode != "no_usage":
        return None
    return "no usage reported" if output == (ask.output if ask.stream else _said(ask)) else None


def _nothing(row: Line, ask: Ask, calls: Calls) -> str | None:
    """Nothing is billed where no upstream began an answer."""
    if row["cost_nano"] or row["status"] != "failure":
        return None
    if not calls.requests:
        return "not served"
    refused = ask.bill == "none" or ask.mode in ("429_none", "rst")
    return "no answer begun" if refused else None


def _said(ask: Ask) -> int:
    """Tokens by the characters of a whole answer."""
    answer = answers.chat(read(ask.body(), ""))
    text = str(msgspec.json.decode(answer.body)["choices"][0]["message"]["content"])
    return -(-len(text) // BYTES_PER_TOKEN)


def _shown(row: Line) -> str:
    names = (
        "incarnation", "number", "trace_id", "status", "http_status", "error_type", "input", "output", "usage_source",
        "usage_flags", "cost_nano", "client_left", "attempts", "upstream_model", "duration_us",
    )  # fmt: skip
    return " ".join(f"{name}={row[name]}" for name in names if row[name] not in (None, "", 0))
