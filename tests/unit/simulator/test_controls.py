from __future__ import annotations

import pytest

from phantom_gateway.simulator.controls import ControlError, Controls, merge, pairs, split_model


def test_a_plain_model_has_no_controls() -> None:
    assert split_model("demo") == ("demo", {})
    assert merge({}, None, "") == Controls()


def test_later_places_override_earlier_ones() -> None:
    name, suffix = split_model("gpt-x;mode=stall,chunks=100,pace_ms=5")
    controls = merge(suffix, {"chunks": 7, "usage": "off"}, "pace_ms=0.5, at=2")
    assert name == "gpt-x"
    assert controls == Controls(mode="stall", chunks=7, usage="off", pace_ms=0.5, at=2)


def test_the_field_may_be_a_string() -> None:
    assert merge({}, "mode=429,retry_after=7", "") == Controls(mode="429", retry_after="7")
    assert merge({}, {"mode": 429}, "").mode == "429"


@pytest.mark.parametrize(
    ("field", "header"),
    [({"chunk": 1}, ""), (None, "chunks"), (None, "chunks=-1"), (None, "usage=maybe"), (3, ""), (None, "size=1e99")],
)
def test_what_is_unknown_or_out_of_range_is_named(field: object, header: str) -> None:
    with pytest.raises(ControlError, match="simulate"):
        merge({}, field, header)


def test_pairs_skip_empty_parts() -> None:
    assert pairs(" a=1 ,, b = x=y ") == {"a": "1", "b": "x=y"}
