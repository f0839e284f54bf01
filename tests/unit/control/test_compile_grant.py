from __future__ import annotations

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
