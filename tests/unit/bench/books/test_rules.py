from __future__ import annotations

from typing import Any

import pytest
from bench.books.asks import Ask, cost
from bench.books.caller import Seen
from bench.books.rules import Calls, Line, explain, judge, tallied

PLAIN = Ask(label="l", words=7, chunks=9)
STREAM = Ask(label="l", words=7, chunks=9, stream=True)


def row(**fields: Any) -> Line:
    line: Line = {
        "incarnation": "i", "number": 1, "trace_id": "l", "status": "success", "http_status": 200, "error_type": "", "input": 10,
        "output": 9, "usage_source": "provider", "usage_flags": "", "cost_nano": 28_000, "client_left": False, "attempts": 1,
        "upstream_model": "up-a1", "duration_us": 1,
    }  # fmt: skip
    line |= fields
    if "cost_nano" not in fields:
        line["cost_nano"] = cost(line["upstream_model"], line["input"] or 0, line["output"] or 0)
    return line


def served(requests: int = 1, prompt: int = 10, output: int = 9) -> Calls:
    return Calls(requests, prompt, output, cost("up-a1", prompt, output))


BETA = Ask(label="l", model="beta")
GUESS = {"usage_source": "estimated", "status": "failure", "error_type": "internal_server_error", "http_status": 502}
LEFT = GUESS | {"client_left": True, "error_type": "client_disconnected", "http_status": 499}
LOST = GUESS | {"usage_flags": "lost_attempts"}
DEAR = LOST | {"cost_nano": cost("up-b", BETA.question, 40)}
CAPPED = GUESS | {"usage_flags": "lost_attempts,capped"}
STOPPED = GUESS | {"error_type": "service_unavailable", "http_status": 503}
NOTHING = {"usage_source": "none", "status": "failure", "input": None, "output": None}
FIN = Ask(label="l", stream=True, mode="fin")
CUT = GUESS | {"input": FIN.question}
QUESTION, ASKED = PLAIN.question, STREAM.question


@pytest.mark.parametrize(
    ("ask", "calls", "fields", "rule"),
    [
        (PLAIN, served(), {}, "exact"),
        (PLAIN, served(), {"cost_nano": 28_001}, None),
        (PLAIN, served(), {"output": 8}, None),
        (PLAIN, served(0, 0, 0), {}, None),
        (PLAIN, served(2, 20, 18), {"attempts": 2}, None),
        (Ask(label="l", words=7, chunks=9, mode="html", once=True), served(2, 20, 18), {"attempts": 2},
         "exact, behind attempts without an answer"),
        (PLAIN, served(), {"status": "interrupted", "cost_nano": PLAIN.estimate()}, "interrupted"),
        (PLAIN, served(0, 0, 0), {"status": "interrupted", "cost_nano": PLAIN.estimate()}, "interrupted"),
        (PLAIN, served(), {"status": "interrupted", "cost_nano": PLAIN.estimate() - 1}, None),
        (PLAIN, served(), LOST | {"input": QUESTION, "output": 40}, "answer lost"),
        (PLAIN, served(2), LOST | {"input": 2 * QUESTION, "output": 80}, "answer lost"),
        (PLAIN, served(2), LOST | {"status": "success", "input": 10 + QUESTION, "output": 49}, "answer lost"),
        (STREAM, served(2), LOST | {"status": "success", "client_left": True, "input": 2 * ASKED, "output": 5}, "answer lost"),
        (STREAM, served(2), LOST | {"status": "success", "input": 2 * ASKED, "output": 5}, None),
        (BETA, served(2), DEAR | {"input": BETA.question, "output": 40}, "answer lost"),
        (PLAIN, served(2), LOST | {"input": QUESTION, "output": 40, "cost_nano": cost("up-b", QUESTION, 40)}, None),
        (PLAIN, served(2), LOST | {"input": 3 * QUESTION, "output": 120}, None),
        (PLAIN, served(), CAPPED | {"cost_nano": PLAIN.worst()}, "answers lost, as far as reserved"),
        (PLAIN, served(), CAPPED | {"cost_nano": PLAIN.worst() + 1}, None),
        (STREAM, served(), LOST | {"input": ASKED, "output": 9}, "answer lost"),
        (STREAM, served(), LOST | {"input": ASKED, "output": 10}, None),
        (PLAIN, served(), LEFT | {"input": QUESTION, "output": 40}, "cut unseen"),
        (PLAIN, served(), LEFT | {"input": QUESTION, "output": 41}, None),
        (STREAM, served(), LEFT | {"input": ASKED, "output": None}, "cut unseen"),
        (STREAM, served(), STOPPED | {"input": ASKED, "output": None}, "cut unseen"),
        (PLAIN, served(), STOPPED | {"input": QUESTION, "output": 40}, "cut unseen"),
        (STREAM, served(), GUESS | {"input": ASKED, "output": None}, None),
        (STREAM, served(output=5), LEFT | {"input": ASKED, "output": 4}, "broken stream"),
        (STREAM, served(output=5), LEFT | {"input": ASKED, "output": 6}, None),
        (FIN, served(output=3), CUT | {"output": 3}, "broken stream"),
        (FIN, served(output=3), CUT | {"output": 2}, None),
        (Ask(label="l", mode="no_usage"), served(), {"usage_source": "estimated", "output": 3, "input": 40}, None),
        (STREAM, served(), {"usage_source": "estimated", "input": ASKED}, None),
        (PLAIN, served(0, 0, 0), NOTHING, "not served"),
        (PLAIN, served(), NOTHING, None),
        (Ask(label="l", mode="500"), served(1, 0, 0), NOTHING, "no answer begun"),
    ],
)  # fmt: skip
def test_the_rules(ask: Ask, calls: Calls, fields: dict[str, Any], rule: str | None) -> None:
    assert explain(row(**fields), ask, calls) == rule


def test_unreported_usage_is_counted_by_what_was_said() -> None:
    ask = Ask(label="l", chunks=2, mode="no_usage")
    counted = row(usage_source="estimated", input=ask.question, output=-(-len("Hello! I") // 4))
    assert explain(counted, ask, served()) == "no usage reported"
    left = counted | {"client_left": True, "error_type": "client_disconnected"}
    assert explain(left, ask, served()) == "no usage reported"
    streamed = Ask(label="l", chunks=5, mode="no_usage", stream=True)
    counted = row(usage_source="estimated", input=streamed.question, output=5)
    assert explain(counted, streamed, served()) == "no usage reported"


def test_everything_has_exactly_one_row() -> None:
    asks = {name: Ask(label=name, words=7, chunks=9) for name in ("good", "lost", "unheard", "twice", "refused")}
    calls = dict.fromkeys(("good", "lost", "twice"), served())
    seen = {"good": Seen(200, True, (10, 9)), "unheard": Seen(200, True), "refused": Seen(422)}
    lines = [row(trace_id=name) for name in ("good", "twice", "twice", "strange")]
    verdict = judge(asks, seen, calls, lines)
    assert verdict.faults == {
        "served and not in the ledger": 1,
        "acknowledged and not in the ledger": 1,
        "twice in the ledger": 1,
        "nobody asked for it": 1,
    }
    assert verdict.acknowledged == 1
    assert (verdict.sums["exact"].rows, verdict.sums["exact"].ledger, verdict.sums["exact"].simulator) == (
        2,
        56_000,
        56_000,
    )


def test_what_the_caller_was_told_is_what_is_billed() -> None:
    asks, calls = {"l": PLAIN}, {"l": served()}
    wrong = judge(asks, {"l": Seen(200, True, (10, 8))}, calls, [row()])
    assert wrong.faults == {"the caller was told another usage": 1}
    failed = judge(asks, {"l": Seen(200, True)}, calls, [row(**LEFT | {"input": QUESTION, "output": 40})])
    assert failed.faults == {"acknowledged and not a success": 1}
    unknown = judge(asks, {}, calls, [row(cost_nano=1)])
    assert unknown.faults == {"cost by no rule": 1}
    assert unknown.sums["unexplained"].ledger == 1


def test_the_simulators_books_by_label() -> None:
    counted = {"requests": 1, "prompt_tokens": 5, "completion_tokens": 0}
    found = tallied([("up-a1", "l", counted), ("up-b", "l", counted), ("up-c", "m", counted)])
    assert found == {"l": Calls(2, 10, 0, 5 * 1000 + 5 * 700), "m": Calls(1, 5, 0, 617)}
