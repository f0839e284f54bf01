"""How Google's JSON is spelled: field names in camelCase or with underscores, numbers and bytes as texts (protobuf's JSON mapping).

Whoever reads one of Google's objects reads it through ``fields``; what callers named themselves (arguments of functions,
properties of schemas) is no object of Google's.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import GEMINI_SIGNED, Untranslatable

NAME = "generate"
"""The operation this format is known by."""
MARK = b"phantom1:"
"""Begins a signature that was given to a caller of this format and is another provider's; nine bytes, so that base64 keeps it."""
REDACTED = "redacted:"
_MARK = base64.b64encode(MARK).decode()


def camel(name: str) -> str:
    """``inline_data`` as ``inlineData``."""
    if "_" not in name.strip("_"):
        return name
    first, *rest = name.split("_")
    return first + "".join(each[:1].upper() + each[1:] for each in rest)


def fields(value: Any, where: str) -> dict[str, Any]:
    """An object with its names in camelCase. Raises Untranslatable, also for a field that stands there in both spellings."""
    given = read.table(value, where)
    found: dict[str, Any] = {}
    for name, each in given.items():
        spelled = camel(name)
        if spelled in found:
            raise Untranslatable(f"'{where}.{spelled}' is there twice, in two spellings.", where)
        if each is not None:
            found[spelled] = each
    return found


def optional_fields(value: Any, where: str) -> dict[str, Any]:
    """The same; empty when there is none."""
    return {} if value is None else fields(value, where)


def lasting(signature: str) -> str:
    """A signature as callers of this format get it: Google's own as it came, another provider's marked, in base64."""
    if signature.startswith(GEMINI_SIGNED):
        return signature.removeprefix(GEMINI_SIGNED)
    return base64.b64encode(MARK + signature.encode("utf-8", "replace")).decode()


def signed(value: str) -> str:
    """A signature of this format in the neutral form: see ``lasting``."""
    if not value.startswith(_MARK):
        return GEMINI_SIGNED + value
    try:
        return base64.b64decode(value[len(_MARK) :], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError) as error:
        raise Untranslatable("A 'thoughtSignature' was changed on its way.", "contents") from error
