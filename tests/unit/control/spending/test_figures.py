from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.spending import figures
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.store.rollups import Metrics, Sum

sums = st.lists(st.builds(Metrics, requests=st.integers(0, 9), cost_nano=st.integers(-(10**18), 10**18)), max_size=9)


@given(sums)
def test_merging_adds_in_integers(found: list[Metrics]) -> None:
    merged = figures.merged(found)
    assert merged.cost_nano == sum(each.cost_nano for each in found)
    assert merged.requests == sum(each.requests for each in found)
    assert usd_to_nano(repr(figures.metrics(merged)["spend"])) == pytest.approx(merged.cost_nano)


def test_groups_are_merged_by_one_column() -> None:
    found = figures.by([Sum((model, key), Metrics(requests=1)) for model in "ab" for key in "xyz"], 0)
    assert found == {"a": Metrics(requests=3), "b": Metrics(requests=3)}


def test_endpoints_are_named_as_people_call_them() -> None:
    assert figures.endpoint("acompletion") == "/chat/completions"
    assert figures.endpoint("correction") == "correction"
