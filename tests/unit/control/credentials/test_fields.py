from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.control.credentials.fields import CredentialNew, CredentialUpdate


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (CredentialNew, {"credential_values": {}}),
        (CredentialNew, {"credential_name": "x", "credential_values": {"Api-Key": "x"}}),
        (CredentialNew, {"credential_name": "x", "credential_values": {f"v{n}": "x" for n in range(40)}}),
        (CredentialUpdate, {"credential_values_to_delete": "api_key"}),
        (CredentialUpdate, {"surprise": 1}),
    ],
)
def test_what_is_no_such_body_is_refused(kind: Any, body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(body)
