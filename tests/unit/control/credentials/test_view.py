from __future__ import annotations

from phantom_gateway.config.schema_models import CredentialEntry
from phantom_gateway.control.answers.served import CredentialView
from phantom_gateway.control.credentials.view import MASKED, entry_view, masked, row_view
from phantom_gateway.store.tenants import CredentialRow


def test_of_values_only_their_names_are_shown() -> None:
    row = CredentialRow(id="c", names=["b", "a"], sealed="ph1.x", info={}, created_at=0.0, updated_at=0.0)
    values = {"api_key": "sk-the-secret", "api_base": "x"}
    entry = CredentialEntry.model_validate({"credential_name": "f", "credential_values": values})
    for view, source in ((row_view(row), "db"), (entry_view(entry), "config")):
        assert CredentialView.model_validate(view).source == source
        assert set(view["credential_values"].values()) == {MASKED}
        assert "sk-the-secret" not in str(view)
    assert list(masked(["b", "a"])) == ["a", "b"]
