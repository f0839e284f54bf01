from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from phantom_gateway.limits.authority import IDLE_SECONDS, RECOVERY_SECONDS, Authority, Standing
from phantom_gateway.limits.lending import Grant, NeedRecall
from phantom_gateway.spine.messages import HeldLease, Limit, LimitKind, Spend

NOW = 1_800_000_010.0
"""Ten seconds into a minute."""


def limit(kind: LimitKind = "budget", amount: int = 100, window: str = "") -> Limit:
    return Limit(scope=f"{kind}:key:k:{window}", kind=kind, entity="key:k", amount=amount, window=window)


def authority(workers: Iterable[str] = ("a", "b"), spent: int = 0) -> Authority:
    result = Authority(lambda windows: dict.fromkeys(windows, spent))
    for worker in workers:
        result.hello(worker, (), NOW)
    return result


def granted(answer: Grant | NeedRecall) -> int:
    assert isinstance(answer, Grant)
    return answer.granted


def drain(subject: Authority, of: Limit, need: int = 1, want: int = 1000) -> list[int]:
    slices = []
    while size := granted(subject.ask("a", of, need, want, NOW, recalled=True)):
        slices.append(size)
    return slices


def test_slices_shrink_to_one_and_never_exceed_the_limit() -> None:
    slices = drain(authority(), limit())
    assert slices[0] == 25
    assert slices == sorted(slices, reverse=True)
    assert slices[-1] == 1
    assert sum(slices) == 100


def test_a_need_is_granted_whole_or_not_at_all() -> None:
    subject = authority()
    assert granted(subject.ask("a", limit(), 60, 60, NOW)) == 60
    refusal = subject.ask("b", limit(), 41, 500, NOW, recalled=True)
    assert refusal == Grant(0, 0.0, 0.0, 40, 60, "exhausted", current=60)
    assert granted(subject.ask("b", limit(), 40, 40, NOW)) == 40


def test_a_debt_of_who_was_refused_is_not_lent_again() -> None:
    subject = authority()
    subject.ask("b", limit(), 100, 100, NOW)
    assert granted(subject.ask("a", limit(), 1, 1, NOW, recalled=True)) == 0
    subject.give_back("a", limit().scope, 0.0, -30, NOW)
    assert subject.usage(limit(), NOW).used == 130
    subject.ingested("a", [Spend(limit().scope, 0.0, 30)])
    assert subject.usage(limit(), NOW).used == 130
    assert granted(subject.ask("a", limit(amount=200), 71, 71, NOW, recalled=True)) == 0
    assert granted(subject.ask("a", limit(amount=200), 70, 70, NOW)) == 70
    subject.give_back("stranger", limit().scope, 0.0, -50)
    assert subject.usage(limit(), NOW).used == 200


def test_what_another_worker_holds_is_recalled_first() -> None:
    subject = authority()
    subject.ask("a", limit(), 100, 100, NOW)
    assert subject.ask("b", limit(), 1, 1, NOW) == NeedRecall(("a",))
    subject.give_back("a", limit().scope, 0.0, 30, NOW)
    assert granted(subject.ask("b", limit(), 1, 100, NOW, recalled=True)) == 7
    assert isinstance(subject.ask("a", limit(amount=1), 1, 1, NOW), NeedRecall)


def test_fruitless_recalls_pause() -> None:
    subject = authority()
    subject.ask("a", limit(), 100, 100, NOW)
    for _ in range(2):
        assert isinstance(subject.ask("b", limit(), 1, 1, NOW), NeedRecall)
        assert granted(subject.ask("b", limit(), 1, 1, NOW, recalled=True)) == 0
    assert granted(subject.ask("b", limit(), 1, 1, NOW)) == 0
    assert isinstance(subject.ask("b", limit(), 1, 1, NOW + 1), NeedRecall)


def test_spend_replaces_what_was_held() -> None:
    subject = authority(spent=10)
    budget = limit()
    subject.ask("a", budget, 20, 20, NOW)
    assert subject.usage(budget, NOW) == Standing(30, 70, 0.0, 0.0)
    subject.ingested("a", [(budget.scope, 0.0, 15)])
    assert subject.usage(budget, NOW).used == 30
    assert subject.spent(budget, NOW) == 25
    subject.give_back("a", budget.scope, 0.0, 5)
    assert subject.usage(budget, NOW).used == 25
    subject.gone("a")
    assert subject.usage(budget, NOW).used == 25


@pytest.mark.parametrize("ingested_first", [False, True])
def test_an_overrun_is_counted_once(ingested_first: bool) -> None:
    """10 reserved, 15 used: the worker asks for the 5 with its next lease of 85, which is all that is left."""
    subject, budget = authority(), limit()
    subject.ask("a", budget, 10, 10, NOW)
    if ingested_first:
        subject.ingested("a", [(budget.scope, 0.0, 15)])
        assert subject.usage(budget, NOW).used == 15
    assert granted(subject.ask("a", budget, 91, 91, NOW)) == 0
    assert granted(subject.ask("a", budget, 90, 90, NOW)) == 90
    if not ingested_first:
        subject.ingested("a", [(budget.scope, 0.0, 15)])
    assert subject.usage(budget, NOW).used == 100
    assert granted(subject.ask("a", budget, 1, 1, NOW)) == 0


def test_a_debt_may_be_reported_without_asking() -> None:
    subject, budget = authority(), limit()
    subject.ask("a", budget, 10, 10, NOW)
    subject.give_back("a", budget.scope, 0.0, -5)
    assert subject.usage(budget, NOW).used == 15
    subject.ingested("a", [(budget.scope, 0.0, 15)])
    assert subject.usage(budget, NOW).used == 15


def test_a_worker_that_comes_back_declares_what_it_holds() -> None:
    subject, budget = authority(), limit()
    subject.ask("a", budget, 50, 50, NOW)
    subject.hello("a", [HeldLease(scope=budget.scope, window_start=0.0, amount=20, limit=budget)], NOW)
    assert subject.usage(budget, NOW).used == 20
    subject.hello("a", (), NOW)
    assert subject.usage(budget, NOW).used == 0


def test_after_a_restart_everything_is_refused_until_all_have_said_hello() -> None:
    budget = limit()
    subject = Authority(awaiting=("a", "b", "dead"), now=NOW)
    held = HeldLease(scope=budget.scope, window_start=0.0, amount=90, limit=budget)
    subject.hello("a", [held], NOW)
    answer = subject.ask("a", budget, 1, 1, NOW)
    assert isinstance(answer, Grant)
    assert (answer.granted, answer.reason, answer.message(7).seq) == (0, "recovering", 7)
    subject.hello("b", (), NOW)
    assert subject.recovering(NOW)
    subject.gone("dead")
    assert not subject.recovering(NOW)
    assert granted(subject.ask("b", budget, 11, 11, NOW, recalled=True)) == 0
    assert granted(subject.ask("b", budget, 10, 10, NOW)) == 10


def test_a_silent_worker_holds_up_budgets_for_ever_and_rates_for_five_seconds() -> None:
    subject = Authority(awaiting=("a",), now=NOW)
    later = NOW + RECOVERY_SECONDS
    rate = limit("requests", window="60s")
    assert granted(subject.ask("b", rate, 1, 1, NOW)) == 0
    assert granted(subject.ask("b", rate, 1, 1, later)) > 0
    assert granted(subject.ask("b", limit(), 1, 1, later)) == 0
    assert subject.awaiting() == {"a"}
    subject.gone("a")
    assert granted(subject.ask("b", limit(), 1, 1, later)) > 0


def test_windows_reset_by_themselves_and_old_ones_are_still_settled() -> None:
    subject, budget = authority(), limit(window="60s")
    first = subject.ask("a", budget, 100, 100, NOW)
    assert isinstance(first, Grant)
    assert (first.window_start, first.window_end) == (1_800_000_000.0, 1_800_000_060.0)
    assert granted(subject.ask("a", budget, 1, 1, NOW)) == 0
    assert granted(subject.ask("a", budget, 100, 100, NOW + 60)) == 100
    subject.ingested("a", [(budget.scope, 1_800_000_000.0, 100)])
    assert granted(subject.ask("a", budget, 1, 1, NOW)) == 0


def test_requests_slide() -> None:
    subject, rate = authority(("a",)), limit("requests", 60, "60s")
    assert granted(subject.ask("a", rate, 60, 60, NOW)) == 60
    assert granted(subject.ask("a", rate, 1, 1, NOW)) == 0
    half = 1_800_000_090.0
    assert subject.usage(rate, half) == Standing(30, 30, 1_800_000_060.0, 1_800_000_120.0)
    assert granted(subject.ask("a", rate, 31, 31, half)) == 0
    assert granted(subject.ask("a", rate, 30, 30, half)) == 30
    subject.give_back("a", rate.scope, 1_800_000_000.0, 20)
    assert subject.usage(rate, half).used == 50


def test_what_a_dead_worker_used_of_a_rate_stays_used() -> None:
    subject, rate = authority(("a",)), limit("tokens", 60, "60s")
    subject.ask("a", rate, 50, 50, NOW)
    subject.gone("a")
    assert subject.usage(rate, NOW).used == 50


def test_slots_of_a_dead_worker_are_free() -> None:
    subject, slots = authority(("a",)), limit("parallel", 3)
    assert granted(subject.ask("a", slots, 3, 3, NOW)) == 3
    assert granted(subject.ask("b", slots, 1, 1, NOW, recalled=True)) == 0
    subject.give_back("a", slots.scope, 0.0, 1)
    assert granted(subject.ask("b", slots, 1, 1, NOW)) == 1
    subject.gone("a")
    assert subject.usage(slots, NOW).used == 1


def test_others_hear_of_it_before_a_worker_goes_beyond_its_even_share() -> None:
    subject, rate = authority(("a", "b", "c")), limit("requests", 60, "60s")
    start = 1_800_000_000.0
    assert granted(subject.ask("a", rate, 18, 18, NOW)) == 18
    assert granted(subject.ask("a", rate, 1, 6, NOW)) == 2, "what is left of the share, so that nobody need hear of it"
    question = subject.ask("a", rate, 1, 6, NOW)
    assert question == NeedRecall(("b", "c"), notice=start)
    subject.told(rate.scope, start, ("b", "c"))
    assert granted(subject.ask("a", rate, 1, 6, NOW)) == 6
    assert granted(subject.ask("b", rate, 20, 20, NOW)) == 20
    assert subject.ask("b", rate, 1, 1, NOW, recalled=True) == NeedRecall(("a",), notice=start)


def test_slots_within_the_even_shares_again_are_said_to_be() -> None:
    subject, slots = authority(), limit("parallel", 6)
    assert subject.ask("a", slots, 4, 4, NOW) == NeedRecall(("b",), notice=0.0)
    subject.told(slots.scope, 0.0, ("b",))
    assert granted(subject.ask("a", slots, 4, 4, NOW)) == 4
    first = subject.ask("b", slots, 1, 1, NOW)
    assert isinstance(first, Grant)
    assert not first.eased
    subject.give_back("a", slots.scope, 0.0, 3)
    second = subject.ask("b", slots, 1, 1, NOW)
    assert isinstance(second, Grant)
    assert second.eased
    assert subject.ask("a", slots, 3, 3, NOW) == NeedRecall(("b",), notice=0.0), "told anew"


def test_a_reading_during_a_commit_is_uncertain_and_repeated() -> None:
    stored = {"value": 0}
    subject = Authority(lambda windows: dict.fromkeys(windows, stored["value"]))
    subject.hello("a", (), NOW)
    budget = limit()
    spends = [(budget.scope, 0.0, 40)]
    subject.ingesting("dead", spends)
    stored["value"] = 40
    assert subject.usage(budget, NOW).used == 80
    subject.ingested("dead", spends)
    assert subject.usage(budget, NOW).used == 40
    subject.ingesting("a", spends)
    subject.ingesting("a", spends)
    stored["value"] = 80
    subject.ingested("a", spends)
    assert subject.spent(budget, NOW) == 80


def test_corrections() -> None:
    subject, budget = authority(spent=90), limit()
    assert granted(subject.ask("a", budget, 20, 20, NOW)) == 0
    subject.set_spent(budget.scope, 0.0, 0)
    assert granted(subject.ask("a", budget, 20, 20, NOW)) == 20
    subject.set_spent("budget:nobody:", 0.0, 5)


def test_idle_counters_are_dropped() -> None:
    subject = authority()
    for kind in ("budget", "requests", "parallel"):
        subject.ask("a", limit(kind, window="" if kind == "parallel" else "60s"), 1, 1, NOW)
    assert subject.expire(NOW + 10 * IDLE_SECONDS) == 2
    subject.gone("a")
    assert subject.expire(NOW + 20 * IDLE_SECONDS) == 0
    assert len(subject) == 0


def test_returns_of_unknown_leases_are_ignored() -> None:
    subject = authority()
    subject.give_back("a", "budget:key:x:", 0.0, 5)
    subject.ask("a", limit(), 1, 1, NOW)
    subject.give_back("stranger", limit().scope, 0.0, 50)
    assert subject.usage(limit(), NOW).used == 1
    assert subject.workers() == {"a", "b"}


def test_budgets_that_are_asked_for_together_are_read_together() -> None:
    reads: list[list[tuple[str, float]]] = []

    def load(windows: Sequence[tuple[str, float]]) -> dict[tuple[str, float], int]:
        reads.append(list(windows))
        return {windows[0]: 30}

    subject = Authority(load)
    subject.hello("a", (), NOW)
    first, second = limit(), limit(window="30d")
    subject.prepare([first, limit("requests", window="60s"), second], NOW)
    assert [len(each) for each in reads] == [2]
    assert [subject.usage(each, NOW).used for each in (first, second)] == [30, 0]
    subject.prepare([first, second], NOW)
    assert len(reads) == 1
