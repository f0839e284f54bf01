"""Who may serve a request and who is asked next."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.gateway.test_table import deployment, table

from phantom_gateway.dialects.operations import CHAT, EMBEDDINGS
from phantom_gateway.gateway.body import parse
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.exchange import Exchange
from phantom_gateway.gateway.selection import Round, by_tags
from phantom_gateway.gateway.table import Table
from phantom_gateway.gateway.wishes import NONE
from phantom_gateway.spine.messages import KeyRecord


def exchange(operation: Any = CHAT, **fields: Any) -> Exchange:
    """A request that got as far as routing; nothing of the wire is needed there."""
    made = Exchange(cast("Any", None), cast("Any", None), operation, "", "call", 0)
    made.call = parse(b'{"model":"g"}', operation, "")
    made.principal = KeyRecord(id="k", **fields)
    made.wishes = NONE
    return made


def begun(routes: Table) -> Round:
    return Round(routes.groups["g"], "g", exchange(), routes)


def test_the_lowest_order_then_who_was_not_tried_then_nobody() -> None:
    routes = table(
        deployment("a", order=1), deployment("b", order=2), deployment("c", order=1, paths={"embeddings": "/e"})
    )
    found = begun(routes)
    order = []
    for _ in range(3):
        target = found.next(0.0)
        assert target is not None
        order.append(target.id)
        found.tried.add(target.id)
    assert order == ["a", "b", "a"], "when all were tried, the lowest tier again"
    found.banned |= {"a", "b"}
    assert found.next(0.0) is None


def test_who_rests_is_left_out_until_he_does_not() -> None:
    routes = table(deployment("a", order=1), deployment("b", order=2))
    routes.targets[0].health.rest(0.0, 5.0)
    found = begun(routes)
    first, second = found.next(1.0), found.next(6.0)
    assert (first and first.id, second and second.id) == ("b", "a")
    assert found._exchange.trail == [("skip", "a", "resting", 4)]


def test_a_single_one_that_rests_is_nobody() -> None:
    routes = table(deployment("a"))
    routes.targets[0].health.trip(0.0, 5.0)
    found = begun(routes)
    assert found.next(1.0) is None
    assert found._exchange.trail == [("skip", "a", "open", 4)]
    assert found.nobody(1.0).headers == ((b"retry-after", b"4"),)
    assert found.next(5.0) is routes.targets[0]
    routes.targets[0].health.probing = True
    assert found.next(5.0) is None, "somebody else is probing"


def test_who_failed_a_health_check_is_asked_last() -> None:
    routes = table(deployment("a", order=1), deployment("b", order=2))
    routes.unhealthy = frozenset({"a"})
    found = begun(routes)
    target = found.next(0.0)
    assert target is not None
    assert target.id == "b"
    assert found._exchange.trail == [("skip", "a", "unhealthy", 0)]
    routes.unhealthy = frozenset({"a", "b"})
    again = begun(routes).next(0.0)
    assert again is not None
    assert again.id == "a", "somebody must"


def test_an_operation_that_nobody_does() -> None:
    routes = table(deployment("a"))
    with pytest.raises(ApiError) as caught:
        Round(routes.groups["g"], "g", exchange(EMBEDDINGS), routes)
    assert (caught.value.status, caught.value.param) == (400, "model")


tag_sets = st.sets(st.sampled_from(("x", "y", "default")))


@given(st.lists(tag_sets, min_size=1, max_size=4), st.sets(st.sampled_from(("x", "y"))), st.booleans())
def test_tags_never_lead_where_neither_they_nor_the_default_stand(
    tagged: list[set[str]], tags: set[str], match_any: bool
) -> None:
    routes = table(*(deployment(str(n), tags=tuple(sorted(each))) for n, each in enumerate(tagged)))
    found = by_tags(routes.targets, frozenset(tags), match_any=match_any)
    fit = [t for t in routes.targets if tags and (tags & t.tags if match_any else tags <= t.tags)]
    default = [t for t in routes.targets if "default" in t.tags]
    if fit:
        assert found == fit
    elif default or tags:
        assert found == default
    else:
        assert found == routes.targets
