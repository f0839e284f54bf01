"""The plan of the bridge on its way."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.bridge import (
    BridgePlan,
    BridgeSettings,
    BridgeSlot,
    plan_of,
    settings_of,
    slot_of,
    socket_path,
    written,
)


def test_it_comes_back_as_it_was() -> None:
    slot = BridgeSlot(
        id="a", provider="p", hosts={"h": ("10.0.0.0/8",)}, suffixes=("x.test",), proxy_url=Secret("http://u:p@h:1")
    )
    plan = BridgePlan(settings=BridgeSettings(processes=3), slots=(slot,))
    line = json.loads(json.dumps(written(plan)))
    assert plan_of(line) == plan
    assert slot_of(line["slots"][0]) == slot
    assert settings_of(line["settings"]) == plan.settings


@pytest.mark.parametrize("value", [None, {}, {"settings": {"processes": "x"}}, {"settings": {}, "slots": [{"id": 1}]}])
def test_nonsense(value: object) -> None:
    with pytest.raises(msgspec.ValidationError):
        plan_of(value)


def test_paths_stay_short() -> None:
    assert len(str(socket_path(Path("run"), "0123456789abcdef"))) < 30
