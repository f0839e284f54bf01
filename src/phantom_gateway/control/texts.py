"""What is refused at the door, with the name of the field, before anybody looks something up by it.

Text that no database holds alike: PostgreSQL takes no NUL, and neither database takes half of a surrogate pair, which JSON can
spell. And JSON objects that name a field twice: readers differ in which of the two they take (RFC 8259, section 4), so what one
has checked another would carry out.
"""

from __future__ import annotations

import json
import re
from typing import Any

from starlette.requests import Request

from phantom_gateway.control.errors import bad_field

_SUSPECT = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""How JSON spells such a character. A raw one is no JSON, or no UTF-8."""
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


async def refuse_unstorable(request: Request) -> None:
    """Look at query, path and body. Raises ApiError 400; reads the body, which stays there for others."""
    for name, value in [*request.query_params.multi_items(), *request.path_params.items()]:
        check(value, name)
        check(name, "query")
    if request.method in _SAFE:
        return
    raw = await request.body()
    try:
        value = json.loads(raw, object_pairs_hook=_Object)
        _check_once(value, "")
    except (ValueError, RecursionError):
        return  # whoever reads it finds out in the same way
    if _SUSPECT.search(raw):
        check(value, "")


class _Object(dict[str, Any]):
    """A JSON object that remembers which of its fields it names twice."""

    __slots__ = ("repeated",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.repeated = ""
        if len(self) != len(pairs):
            seen: set[str] = set()
            for name, _ in pairs:
                if name in seen:
                    self.repeated = name or '""'
                seen.add(name)


def _check_once(value: Any, field: str) -> None:
    if isinstance(value, _Object):
        if value.repeated:
            named = _UNSTORABLE.sub("?", value.repeated)
            raise bad_field(f"{field}.{named}"[-200:].lstrip("."), "is given twice")
        for name, each in value.items():
            _check_once(each, f"{field}.{name}")
    elif isinstance(value, list):
        for number, each in enumerate(value):
            _check_once(each, f"{field}.{number}")


def check(value: Any, field: str) -> None:
    """Raise ApiError 400 that names the part of ``field`` which holds such a text; ``field`` is empty for a whole body."""
    if isinstance(value, str):
        if _UNSTORABLE.search(value):
            message = "must not contain NUL (U+0000) or half of a surrogate pair"
            raise bad_field(field[:200] or "request_body", message)
    elif isinstance(value, dict):
        for name, each in value.items():
            check(name, field)
            check(each, f"{field}.{name}" if field else name)
    elif isinstance(value, list):
        for number, each in enumerate(value):
            check(each, f"{field}.{number}" if field else str(number))
