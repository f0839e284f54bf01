from __future__ import annotations

from pathlib import Path

from phantom_gateway.control.models.listing import Outline, of_deployment, of_outline, outlines
from phantom_gateway.spine.snapshot import Address, Deployment, Prices
from phantom_gateway.store import schema, tenants
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.tenants import ModelRow

ROW = Outline("m", "group", 5.0, 6.0, {"access_groups": ["a"]}, "root")
SERVED = Deployment(
    id="d",
    group="served",
    provider="openai",
    model="up",
    address=Address(scheme="http", host="h"),
    access_groups=("b",),
    prices=Prices(input=2, output=3),
)


def test_models_of_the_database_and_of_the_file_are_listed_alike() -> None:
    stored, written, both = of_outline(ROW), of_deployment(SERVED, None), of_deployment(SERVED, ROW)
    assert [(each.name, each.access_groups) for each in (stored, written, both)] == [
        ("group", ("a",)), ("served", ("b",)), ("group", ("b",)),
    ]  # fmt: skip
    assert [each.order("created_at") for each in (stored, written, both)] == [5.0, float("-inf"), 5.0]
    assert [each.order("updated_at") for each in (stored, both)] == [6.0, 6.0]
    assert [each.order("costs") > 0 for each in (stored, written)] == [False, True]
    assert sorted([stored, written], key=lambda each: each.order("status")) == [written, stored]
    assert stored.order("model_name") == "group"


def test_outlines_are_read_without_what_is_wide(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "models.db")
    schema.migrate(database)
    with database.write() as connection:
        row = ModelRow(
            id="m",
            name="group",
            params={"model": "x"},
            info=ROW.info,
            created_at=5.0,
            updated_at=6.0,
            created_by="root",
        )
        tenants.MODELS.insert(connection, row)
        assert outlines(connection) == [ROW]
    database.close()
