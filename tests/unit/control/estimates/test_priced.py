from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from tests.unit.control.rig import CONFIG, Rig, rig

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.estimates.priced import find

WILDCARD = CONFIG.replace(
    "phantom:", "  - {model_name: 'openai/*', litellm_params: {model: 'openai/*', api_key: sk-x}}\nphantom:"
)


async def test_what_is_served_comes_before_the_price_table(tmp_path: Path) -> None:
    async with rig(tmp_path, WILDCARD) as control:
        key = control.services.master()
        served = find(control.services, key, "demo")
        assert (served.model, served.provider, served.prices.input) == ("gpt-x", "openai", 1_000_000_000)
        wild = find(control.services, key, "openai/gpt-4o")
        assert (wild.model, wild.prices.input > 0) == ("gpt-4o", True)
        assert wild.deployment is not None


async def test_the_price_table_knows_the_rest(control: Rig) -> None:
    key = control.services.master()
    for name, provider in (("gpt-4o", None), ("openai/gpt-4o", None), ("gpt-4o", "openai")):
        found = find(control.services, key, name, provider)
        assert found.deployment is None
        assert found.prices.input > 0
    with pytest.raises(ApiError, match="No model has this name"):
        find(control.services, key, "nobody/nothing")


async def test_a_model_the_key_may_not_use_is_not_there(control: Rig) -> None:
    narrow = msgspec.structs.replace(control.services.master(), models=("other",))
    with pytest.raises(ApiError, match="No model has this name"):
        find(control.services, narrow, "demo")
