"""A changed budget and the requests that were admitted before: nothing is forgotten, nothing counted twice."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.store.samples import closed, opened

from phantom_gateway.control.strays import Strays, entities_of
from phantom_gateway.ledger.record import Closed, Opened, Spend
from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.lending import Grant
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import Limit

NOW = 1_800_000_000.5
WINDOWS = ("", "1d", "7d", "1mo")


def budget(window: str, amount: int = 100, entity: str = "key:k") -> Limit:
    return Limit(scope=f"budget:{entity}:{window}", kind="budget", entity=entity, amount=amount, window=window)


class Directory:
    """Budgets by entity."""

    def __init__(self, *limits: Limit) -> None:
        self.limits = list(limits)

    def of(self, entities: Collection[str]) -> Mapping[str, Sequence[Limit]]:
        return {entity: [each for each in self.limits if each.entity == entity] for entity in entities}


def start(limit: Limit) -> float:
    return window_bounds(limit.window, NOW, limit.anchor)[0]


def open_record(n: int, carried: Sequence[Limit] = (), worst: int = 10, **fields: str) -> Opened:
    reserved = tuple([Spend(limit.scope, start(limit), worst) for limit in carried])
    return opened(n, at_ns=int(NOW * 1e9), reserved=reserved, worst=worst, estimate=1, key_id="k", **fields)


def close_record(n: int, of: Opened, cost: int) -> Closed:
    spends = tuple([Spend(scope, at, cost) for scope, at, _ in of.reserved])
    return closed(n, opened=of.n, at_ns=of.at_ns, key_id=of.key_id, team_id=of.team_id, cost=cost, spends=spends)


def test_everybody_a_request_counts_against() -> None:
    record = open_record(1, user_id="u", team_id="t", org_id="o", project_id="p")
    assert set(entities_of(record)) == {
        "gateway", "key:k", "member:t/u", "team:t", "org:o", "org_member:o/u", "project:p",
    }  # fmt: skip
    assert entities_of(open_record(1, user_id="u")) == ("gateway", "key:k", "user:u")
    assert entities_of(open_record(1)) == ("gateway", "key:k")
    named = opened(1, key_id="k", end_user="c", tags=("a", "b"))
    assert entities_of(named) == ("gateway", "key:k", "customer:c", "tag:a", "tag:b")


def test_a_request_that_carries_every_budget_is_no_stray() -> None:
    day = budget("1d")
    strays = Strays(Directory(day).of)
    record = open_record(1, [day])
    strays.took("w", [record], ())
    assert strays.outside() == {}
    assert strays.charges([close_record(2, record, 3)]) == {}


def test_a_new_budget_counts_what_is_under_way_and_charges_what_it_cost() -> None:
    directory = Directory(budget("1d"))
    strays = Strays(directory.of)
    one, two = open_record(1, [budget("1d")], 10), open_record(3, [budget("1d")], 7, team_id="t")
    strays.took("w", [one, two], ())
    month, team = budget("1mo"), budget("7d", entity="team:t")
    directory.limits = [month, team]
    strays.changed()
    assert strays.outside() == {(month.scope, start(month)): 17, (team.scope, start(team)): 7}
    done = close_record(4, two, 5)
    assert strays.charges([done]) == {4: (Spend(month.scope, start(month), 5), Spend(team.scope, start(team), 5))}
    strays.took("w", (), (3,))
    assert strays.outside() == {(month.scope, start(month)): 10}


def test_the_same_number_of_another_worker_is_another_request() -> None:
    strays = Strays(Directory(budget("1d")).of)
    strays.took("a", [open_record(1)], ())
    strays.took("b", [open_record(1)], ())
    strays.took("b", (), (1,))
    assert list(strays.outside().values()) == [10]


def test_what_is_open_after_a_restart() -> None:
    strays = Strays(Directory(budget("1d")).of)
    strays.took("w", [open_record(1)], ())
    strays.replace([("w", open_record(5, worst=4)), ("v", open_record(5, [budget("1d")]))])
    assert list(strays.outside().values()) == [4]


def test_a_record_of_before_counts_at_least_its_estimate() -> None:
    strays = Strays(Directory(budget("1d")).of)
    strays.took("w", [opened(1, at_ns=int(NOW * 1e9), key_id="k", estimate=9)], ())
    assert list(strays.outside().values()) == [9]


class Node:
    """Control and its workers, as far as money goes: leases of exactly what a request needs, journals, rows, edits."""

    def __init__(self) -> None:
        self.directory = Directory(budget("1d"))
        self.strays = Strays(self.directory.of)
        self.spend: dict[tuple[str, float], int] = {}
        self.authority = Authority(lambda windows: {each: self.spend.get(each, 0) for each in windows})
        self.workers = ("a", "b")
        self.knows = {worker: tuple(self.directory.limits) for worker in self.workers}
        self.journal: dict[str, list[Opened | Closed]] = {worker: [] for worker in self.workers}
        self.read = dict.fromkeys(self.workers, 0)
        self.running: list[tuple[str, Opened]] = []
        self.finished = 0
        self.rows = 0
        for worker in self.workers:
            self.authority.hello(worker, (), NOW)

    def admit(self, worker: str, worst: int) -> None:
        limits = self.knows[worker]
        got: list[Limit] = []
        for limit in limits:
            answer = self.authority.ask(worker, limit, worst, worst, NOW, recalled=True)
            assert isinstance(answer, Grant)
            if not answer.granted:
                for taken in got:
                    self.authority.give_back(worker, taken.scope, start(taken), worst)
                return
            got.append(limit)
        committed = self.finished + sum(record.worst for _, record in self.running)
        if list(limits) == self.directory.limits:
            for limit in limits:
                assert committed + worst <= limit.amount, "admitted beyond a budget that was known"
        record = open_record(len(self.journal[worker]) + 1, limits, worst)
        self.journal[worker].append(record)
        self.running.append((worker, record))

    def finish(self, index: int, part: int) -> None:
        if not self.running:
            return
        worker, record = self.running.pop(index % len(self.running))
        cost = record.worst * part // 100
        self.finished += cost
        self.journal[worker].append(close_record(len(self.journal[worker]) + 1, record, cost))
        for scope, at, amount in record.reserved:
            self.authority.give_back(worker, scope, at, amount - cost)

    def ingest(self, worker: str) -> None:
        """One batch, in the order of ``control.ingestion``."""
        batch = self.journal[worker][self.read[worker] :]
        self.read[worker] += len(batch)
        done = [record for record in batch if isinstance(record, Closed)]
        numbers = {record.opened for record in done}
        charges = self.strays.charges(done)
        own = [spend for record in done for spend in record.spends]
        extra = [spend for spends in charges.values() for spend in spends]
        self.authority.ingesting(worker, [*own, *extra])
        for scope, at, amount in (*own, *extra):
            self.spend[scope, at] = self.spend.get((scope, at), 0) + amount
        self.rows += sum(record.cost.total for record in done)
        opening = [record for record in batch if isinstance(record, Opened) and record.n not in numbers]
        self.strays.took(worker, opening, numbers)
        self.authority.ingested(worker, own, extra)
        self.authority.set_outside(self.strays.outside())

    def edit(self, window: str, amount: int) -> None:
        """Commit another budget; the rows so far are its past (``store.spend.seed_window``)."""
        old = {limit.scope for limit in self.directory.limits}
        new = budget(window, amount)
        if new.scope not in old:
            self.authority.fence([new.scope])
            at = (new.scope, start(new))
            self.spend[at] = max(self.rows, self.spend.get(at, 0))
            self.authority.set_spent(*at, self.spend[at])
        self.directory.limits = [new]
        self.strays.changed()
        self.authority.set_outside(self.strays.outside())

    def confirm(self, worker: str) -> None:
        """The worker forgets what it knew; its journal is read; it learns the present limits."""
        self.knows[worker] = tuple(self.directory.limits)
        number = self.authority.fences.number
        self.ingest(worker)
        self.authority.fences.confirmed(worker, number)


WORKER = st.sampled_from(("a", "b"))
STEP = st.one_of(
    st.tuples(st.just("admit"), WORKER, st.sampled_from((1, 20, 40, 60))),
    st.tuples(st.just("finish"), st.integers(0, 5), st.sampled_from((0, 50, 100))),
    st.tuples(st.just("ingest"), WORKER),
    st.tuples(st.just("edit"), st.sampled_from(WINDOWS), st.sampled_from((60, 100, 200))),
    st.tuples(st.just("confirm"), WORKER),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(STEP, min_size=30, max_size=60))
def test_no_edit_lets_a_budget_be_overspent_and_every_sum_is_exact(steps: list[tuple[object, ...]]) -> None:
    node = Node()
    for name, *arguments in steps:
        getattr(node, str(name))(*arguments)
    while node.running:
        node.finish(0, 100)
    for worker in node.workers:
        node.confirm(worker)
    (limit,) = node.directory.limits
    assert node.spend.get((limit.scope, start(limit)), 0) == node.finished == node.rows
    assert node.strays.outside() == {}
    assert not node.authority.fences
    assert node.authority.usage(limit, NOW).used == node.finished
