"""The one type that holds a secret: it cannot be printed, formatted, compared by accident or serialised."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A secret string (provider key, master key, pepper).

    ``str()``, ``repr()``, ``format()`` give ``***``; pickling and copying through ``__reduce__`` fail. ``reveal()`` is the
    single way to the value; a test lists the modules that may call it.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The plain value, for the moment in which it is put on the wire or hashed."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        """Constant-time equality with another secret; anything else is unequal."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")
