"""What the simulator keeps of responses: what was asked and what was answered, the last thousand of them."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, NamedTuple

MAX_KEPT = 1000


class Kept(NamedTuple):
    """One response, with the whole conversation before it."""

    input: list[dict[str, Any]]
    response: dict[str, Any]


class Shelf:
    """Responses by id; the oldest goes first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def put(self, kept: Kept) -> None:
        """Keep a response under its id."""
        self._kept[str(kept.response["id"])] = kept
        while len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def get(self, name: str) -> Kept | None:
        """A kept response."""
        return self._kept.get(name)

    def drop(self, name: str) -> bool:
        """Forget a response; whether there was one."""
        return self._kept.pop(name, None) is not None

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
