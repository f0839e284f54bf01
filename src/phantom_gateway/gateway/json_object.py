"""A JSON object, decoded at its top level, in time and memory that are bounded by its size.

What is refused is what two readers could understand differently: a repeated key (OWASP ASVS 5.0, 1.5.3), NaN, a lone surrogate,
bytes that are not UTF-8. This happens on the event loop and before any limit is asked, so no body may be dear: a large one has a
bounded number of fields, and is never read value by value in Python.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import msgspec

from phantom_gateway.gateway.errors import invalid_request

MAX_FIELDS = 1000
"""Fields of a body over ``CLOSE`` bytes. Known formats have a few dozen."""
CLOSE = 64 * 1024
"""Bytes of a body that may be read value by value: some milliseconds."""

_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encoder = msgspec.json.Encoder()


class _Name(str):
    """A key that is counted."""

    __slots__ = ()


def decoded(body: bytes) -> dict[str, msgspec.Raw]:
    """The top level of a body, each value as the bytes it came in. Raises ApiError 400."""
    try:
        fields = _decoder.decode(body) if len(body) <= CLOSE else _bounded(body)
        if not body.isascii():
            body.decode()
    except msgspec.ValidationError as error:
        raise invalid_request("The request body must be a JSON object.", "request_body") from error
    except msgspec.DecodeError as error:
        raise invalid_request(f"The request body is not valid JSON: {error}", "request_body") from error
    except RecursionError as error:
        raise invalid_request("The request body is nested too deeply.", "request_body") from error
    except UnicodeDecodeError as error:
        raise invalid_request("The request body is not valid UTF-8.", "request_body") from error
    # A body that is the plain sum of its parts, written compactly or with the usual spaces, repeats no key. Almost all clients
    # write one of the two; anything else is looked at closely.
    if _encoder.encode(fields) != body and _spaced(fields) != body:
        if len(body) <= CLOSE:
            _inspect(body)
        else:
            _inspect_top(body)
    return fields


def _bounded(body: bytes) -> dict[str, msgspec.Raw]:
    """The same for a large body, given up at the first field too many."""
    count = 0

    def counted(_kind: type, name: str) -> _Name:
        nonlocal count
        count += 1
        if count > MAX_FIELDS:
            raise _TooManyError
        return _Name(name)

    try:
        fields = msgspec.json.Decoder(dict[_Name, msgspec.Raw], dec_hook=counted).decode(body)
    except _TooManyError:
        raise invalid_request(f"The request body has more than {MAX_FIELDS} fields.", "request_body") from None
    return {str(name): raw for name, raw in fields.items()}


class _TooManyError(Exception):
    """There are more fields than any format has."""


def _spaced(fields: dict[str, msgspec.Raw]) -> bytes:
    return b"{" + b", ".join([b'"%b": %b' % (name.encode(), raw) for name, raw in fields.items()]) + b"}"


def _inspect(body: bytes) -> None:
    """The slow, strict reading: repeated keys at any depth, NaN, lone surrogates."""
    try:
        json.dumps(
            json.loads(body, object_pairs_hook=_unique, parse_constant=_no_constant), ensure_ascii=False
        ).encode()
    except UnicodeEncodeError as error:
        raise invalid_request("The request body contains a lone surrogate.", "request_body") from error
    except RecursionError as error:
        raise invalid_request("The request body is nested too deeply.", "request_body") from error
    except ValueError as error:
        raise invalid_request("The request body is not valid JSON.", "request_body") from error


def _inspect_top(body: bytes) -> None:
    """The same for a large body, by what is compiled: without its white space it must be the plain sum of its parts."""
    compact = msgspec.json.format(body, indent=-1)
    if _encoder.encode(_bounded(compact)) != compact:
        raise invalid_request(
            "The request body repeats a key, or is large and has escapes in its keys.", "request_body"
        )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise invalid_request("The request body repeats a key.", "request_body")
    return result


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("not a JSON number")
