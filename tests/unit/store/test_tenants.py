from __future__ import annotations

from dataclasses import fields

import pytest

from phantom_gateway.store import tenants
from phantom_gateway.store.rows import Rows

ALL = [rows for rows in vars(tenants).values() if isinstance(rows, Rows)]


@pytest.mark.parametrize("rows", ALL, ids=lambda rows: rows.table.name)
def test_a_row_has_a_field_for_each_column(rows: Rows[tenants.UserRow]) -> None:
    assert {field.name for field in fields(rows._type)} == {column.name for column in rows.table.columns}


def test_secrets_are_not_in_the_representation() -> None:
    row = tenants.UserRow(id="u", role="r", password_hash="$argon2id$...", created_at=0.0, updated_at=0.0)
    assert "argon2" not in repr(row)
    model = tenants.ModelRow(id="m", name="m", params={}, sealed="ph1.x", info={}, created_at=0.0, updated_at=0.0)
    assert "ph1" not in repr(model)
