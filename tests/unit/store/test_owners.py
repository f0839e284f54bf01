from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.unit.store.samples import closed

from phantom_gateway.ledger.record import Closed
from phantom_gateway.store.grouping import grouped, owned
from phantom_gateway.store.owners import Owners, Sum, sums

some = st.sampled_from([None, "a", "b"])
records = st.lists(
    st.builds(
        lambda cost, key, user, team, customer, tags: closed(
            1, cost=cost, key_id=key, user_id=user, team_id=team, org_id=team, end_user=customer, tags=tuple(tags)
        ),
        st.integers(0, 1000),
        st.sampled_from(["k", "l"]),
        some,
        some,
        some,
        st.lists(st.sampled_from(["x", "y"]), max_size=3),
    ),
    max_size=20,
)


def summed(batch: list[Closed]) -> list[Sum]:
    return sums(owned(grouped(batch)))


def test_an_entity_is_named_once_and_pairs_need_both() -> None:
    everything = Owners("k", "u", "t", "o", "p", "c", ("x", "x"))
    names = ["key:k", "user:u", "team:t", "member:t/u", "org:o", "org_member:o/u", "project:p", "customer:c", "tag:x"]
    assert everything.entities() == names
    assert Owners("k", None, "t", "o", None, "", ()).entities() == ["key:k", "team:t", "org:o"]


@given(records)
def test_the_sums_are_those_of_each_record_alone(batch: list[Closed]) -> None:
    expected: dict[str, tuple[int, int]] = {}
    for record in batch:
        for each in summed([record]):
            before = expected.get(each.entity, (0, 0))
            expected[each.entity] = before[0] + each.amount, before[1] + 1
    found = summed(batch)
    assert {each.entity: (each.amount, each.requests) for each in found} == expected
    assert [each.entity for each in found] == sorted(expected)
    for name in ("key:", "user:", "team:", "customer:"):
        assert sum(each.amount for each in found if each.entity.startswith(name)) <= sum(r.cost.total for r in batch)
