from __future__ import annotations

import pytest

from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_base import Active, meta_of
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.overrides.settings import LISTED, SECTIONS, setting, settings


def test_every_listed_setting_exists_in_the_schema() -> None:
    for section, names in LISTED.items():
        assert set(names) <= SECTIONS[section].model_fields.keys(), section
        assert type(getattr(Config(), section)) is SECTIONS[section]


def test_only_what_is_acted_on_can_be_set() -> None:
    found = list(settings())
    assert found
    for each in found:
        assert isinstance(meta_of(SECTIONS[each.section], each.name), Active)
        assert each.kind in ("Integer", "Float", "Boolean", "String", "List", "Dict")
        assert each.description


@pytest.mark.parametrize("section", ["general_settings", "nope"])
def test_others_are_refused_by_name(section: str) -> None:
    with pytest.raises(ApiError, match=f"{section}.master_key cannot be set"):
        setting(section, "master_key")
