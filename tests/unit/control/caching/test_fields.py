"""What may be named in ``/cache/delete``."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.control.caching.fields import MAX_NAMES, CacheDelete

NAME = "ab" * 32


@pytest.mark.parametrize("keys", [[NAME], [f"team/a:b:{NAME}"], [NAME] * MAX_NAMES])
def test_names(keys: list[str]) -> None:
    assert CacheDelete(keys=keys).keys == keys


@pytest.mark.parametrize(
    "keys",
    [
        None,
        NAME,
        [],
        [NAME] * (MAX_NAMES + 1),
        ["*"],
        [NAME.upper()],
        [NAME + "\n"],
        [f"a b:{NAME}"],
        ["n" * 65 + f":{NAME}"],
        [3],
    ],
)
def test_what_is_none(keys: Any) -> None:
    with pytest.raises(ValidationError):
        CacheDelete(keys=keys)
