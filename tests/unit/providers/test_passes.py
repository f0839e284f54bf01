from __future__ import annotations

import re

import pytest

from phantom_gateway.config.urls import parse_url
from phantom_gateway.ledger.pass_usage import READERS
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.providers.passes import PASSES, PassProvider


@pytest.mark.parametrize("each", PASSES, ids=lambda each: each.name)
def test_every_api_can_be_addressed_and_metered(each: PassProvider) -> None:
    if each.base_url:
        assert parse_url(each.base_url.format(region="eu-west-1")).scheme == "https"
    assert each.base_url or each.base_env
    assert ("{region}" in each.base_url) == bool(each.region_env)
    assert all(name.isupper() for name in (*each.key_env, *each.base_env, *each.region_env))
    assert each.shape in READERS
    assert re.search(f"(?:{each.metered})$", "/v1/nothing") is None
    assert re.search(f"(?:{each.free})$", "/v1/nothing") is None
    assert PriceTable.load().of_provider(each.provider)


def test_what_must_be_there() -> None:
    names = [each.name for each in PASSES]
    assert {"openai", "anthropic", "gemini", "azure", "vertex_ai", "bedrock", "cohere", "mistral"} <= set(names)
    assert len(set(names)) == len(names)
