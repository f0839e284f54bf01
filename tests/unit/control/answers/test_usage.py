from __future__ import annotations

from tests.unit.control.answers.shapes import loose, unused

from phantom_gateway.control.answers import usage

OPEN = set[str]()
"""Shapes some of whose fields are not always there. What routes answer is held against all of them in ``test_openapi``."""


def test_every_shape_is_exact_and_in_use() -> None:
    assert loose(usage) == OPEN
    assert unused(usage) == set()
