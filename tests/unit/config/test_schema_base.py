from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, get_args

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema import Config
from phantom_gateway.config.schema_base import (
    Active,
    Count,
    Dollars,
    DurationText,
    Later,
    OpenSection,
    SecretText,
    Section,
    inactive,
    meta_of,
)
from phantom_gateway.config.secret import Secret


class Example(OpenSection):
    count: Annotated[Count | None, Active("A count.")] = None
    price: Annotated[Dollars | None, Later("A price.")] = None
    window: Annotated[DurationText | None, Active("A window.")] = None
    key: Annotated[SecretText | None, Active("A key.")] = None


def sections(section: type[Section]) -> Iterator[type[Section]]:
    yield section
    for info in section.model_fields.values():
        yield from found(info.annotation)


def found(annotation: Any) -> Iterator[type[Section]]:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        yield from sections(annotation)
    for argument in get_args(annotation):
        yield from found(argument)


@pytest.mark.parametrize("section", dict.fromkeys(sections(Config)), ids=lambda section: section.__name__)
def test_every_field_has_one_status_and_a_description(section: type[Section]) -> None:
    assert section.__doc__
    for name in section.model_fields:
        description = meta_of(section, name).description
        assert description.endswith((".", "...", "`")), (name, description)


def test_numbers_are_exact_and_no_truth_values() -> None:
    assert Example.model_validate({"price": 0.0000001}).price == Decimal("1E-7")
    assert Example.model_validate({"price": "1e-6"}).price == Decimal("0.000001")
    wrongs: list[dict[str, Any]] = [
        {"count": True},
        {"price": True},
        {"price": float("nan")},
        {"count": -1},
        {"count": 10**16},
        {"window": True},
        {"key": []},
    ]
    for wrong in wrongs:
        with pytest.raises(ValidationError):
            Example.model_validate(wrong)


def test_a_whole_number_is_a_duration_in_seconds() -> None:
    assert Example.model_validate({"window": 60}).window == "60s"


def test_unnamed_credentials_are_concealed() -> None:
    extra = Example.model_validate({"key": 5, "other_key": "x", "plain": "y"})
    assert extra.key == Secret("5")
    assert extra.model_extra == {"other_key": Secret("x"), "plain": "y"}


def test_what_is_inactive_is_named_when_it_was_written() -> None:
    assert list(inactive(Example.model_validate({"price": 1, "count": 1}))) == [("price", "later", "A price.")]
    assert list(inactive(Example.model_validate({"price": None}))) == []
