from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.config.schema import Environment
from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.control.compile_address import Egress
from phantom_gateway.control.compile_grant import GrantError, compile_grant
from phantom_gateway.providers.catalogue import PROVIDERS


class Around:
    egress = Egress()
    environment = Environment({}, {"AZURE_AUTHORITY_HOST": "http://169.254.169.254"})


def test_only_azure_takes_such_tokens() -> None:
    params = LitellmParams.model_validate({"model": "m", "tenant_id": "t", "client_id": "c", "client_secret": "s"})
    assert compile_grant(PROVIDERS["openai"], params, Around(), None) is None
    with pytest.raises(GrantError, match="link-local"):
        compile_grant(PROVIDERS["azure"], params, Around(), None)


class Plain:
    egress = Egress()
    environment = Environment({}, {})


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"client_secret": None}, "client_secret"),
        ({"tenant_id": "a/../b"}, "tenant_id"),
        ({"client_id": "a b"}, "client_id"),
        ({"azure_scope": "a\r\nb"}, "azure_scope"),
    ],
)
def test_client_credentials_that_cannot_be_used_are_named(change: dict[str, Any], key: str) -> None:
    params = {"model": "azure/x", "tenant_id": "t", "client_id": "c", "client_secret": "s", **change}
    with pytest.raises(GrantError) as caught:
        compile_grant(PROVIDERS["azure"], LitellmParams.model_validate(params), Plain(), None)
    assert caught.value.key == key
