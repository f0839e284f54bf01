"""What the tests of the descriptions of answers have in common."""

from __future__ import annotations

import functools
import inspect
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from pydantic import BaseModel

from phantom_gateway.control.app import create_app
from phantom_gateway.control.openapi import document
from phantom_gateway.control.services import ControlServices


@functools.cache
def described() -> dict[str, Any]:
    """The shapes in the description of the API, by name."""
    app = create_app(cast(ControlServices, SimpleNamespace()))
    found: dict[str, Any] = document(app)["components"]["schemas"]
    return found


def shapes(module: ModuleType) -> dict[str, type[BaseModel]]:
    """The shapes that a module declares itself."""
    return {
        name: each
        for name, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, BaseModel) and each.__module__ == module.__name__
    }


def loose(module: ModuleType) -> set[str]:
    """Those of the module's shapes that are used and not exact: with undeclared fields, or with fields that may be missing."""
    found = set()
    for name in shapes(module).keys() & described().keys():
        shape = described()[name]
        if shape.get("additionalProperties") is not False or set(shape["required"]) != set(shape["properties"]):
            found.add(name)
    return found


def unused(module: ModuleType) -> set[str]:
    """Those of the module's shapes that no answer has, and no shape that one has is made of."""
    used = {base.__name__ for shape in _kinds(BaseModel) if shape.__name__ in described() for base in shape.__mro__}
    return shapes(module).keys() - used


def _kinds(shape: type[BaseModel]) -> set[type[BaseModel]]:
    return {shape}.union(*(_kinds(each) for each in shape.__subclasses__()))
