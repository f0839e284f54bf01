"""``multipart/form-data`` (RFC 7578) in a body that is there as a whole: strict where readers disagree.

Two readers of one form must see the same fields, so everything on which parsers differ is refused: text before the first boundary
or behind the last, names that are escaped or coded, transfer encodings, a part without a name.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_PARTS = 256
MAX_PART_HEAD = 4096
_BOUNDARY = re.compile(rb"[0-9A-Za-z'()+_,./:=?-]{1,70}")
_TYPE = re.compile(rb"multipart/form-data *;(.*)", re.IGNORECASE | re.DOTALL)
_PARAMETER = re.compile(rb' *boundary=(?:"([^"\\]*)"|([^";\s]*)) *;?', re.IGNORECASE)
_DISPOSITION = re.compile(
    rb'form-data *; *name=(?:"([^"\r\n\\]*)"|([^";\s]+))'
    rb'(?: *; *filename=(?:"((?:[^"\r\n\\]|\\.)*)"|([^";\s]*)))?(?: *; *filename\*=[^";\r\n]*)? *;?',
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}(?:\[[A-Za-z0-9_.-]{0,64}\]){0,4}")
_PLAIN_CODINGS = (b"binary", b"8bit", b"7bit")


class FormError(ValueError):
    """The form cannot be read; the message says why and quotes nothing of it."""


class Part(NamedTuple):
    """One field or file of a form."""

    name: str
    content: memoryview
    head: bytes
    """Its header lines as they came, each with its line end."""
    is_file: bool


def boundary_of(content_type: bytes | None) -> bytes | None:
    """The boundary that a ``content-type`` names; None when it is no form. Raises FormError for a form without a usable one."""
    match = None if content_type is None else _TYPE.fullmatch(content_type.strip())
    if match is None:
        if content_type is not None and content_type.strip()[:19].lower() == b"multipart/form-data":
            raise FormError("The content type names no boundary.")
        return None
    found = _PARAMETER.search(match[1])
    boundary = b"" if found is None else found[1] if found[1] is not None else found[2]
    if not _BOUNDARY.fullmatch(boundary):
        raise FormError("The content type names no boundary that can be used.")
    return boundary


def parse(body: bytes, boundary: bytes) -> list[Part]:
    """The parts of ``body`` in their order. Raises FormError."""
    delimiter = b"--" + boundary
    if not body.startswith(delimiter):
        raise FormError("The form does not begin with its boundary.")
    view, parts = memoryview(body), list[Part]()
    at = len(delimiter)
    delimiter = b"\r\n" + delimiter
    while body[at : at + 2] == b"\r\n":
        end = body.find(delimiter, at)
        if end < 0:
            raise FormError("The form does not end with its boundary.")
        if len(parts) >= MAX_PARTS:
            raise FormError(f"The form has more than {MAX_PARTS} parts.")
        parts.append(_part(body, view, at + 2, end))
        at = end + len(delimiter)
    if body[at : at + 2] != b"--" or body[at + 2 :] not in (b"", b"\r\n"):
        raise FormError("There is something behind a boundary of the form that is no part.")
    return parts


def render(parts: list[Part], boundary: bytes) -> bytes:
    """The form of ``parts``; ``parse`` gives them back."""
    pieces: list[bytes | memoryview] = []
    for part in parts:
        pieces += (b"--", boundary, b"\r\n", part.head, b"\r\n", part.content, b"\r\n")
    return b"".join([*pieces, b"--", boundary, b"--\r\n"])


def field(name: str, content: bytes) -> Part:
    """A part for a plain field."""
    return Part(name, memoryview(content), b'Content-Disposition: form-data; name="%b"\r\n' % name.encode(), False)


def _part(body: bytes, view: memoryview, start: int, end: int) -> Part:
    # an empty part has its blank line directly before the delimiter
    blank = body.find(b"\r\n\r\n", start, min(end + 2, start + MAX_PART_HEAD))
    if blank < 0:
        raise FormError("A part of the form has no header that can be read.")
    head = body[start : blank + 2]
    name, is_file = _read_head(head)
    return Part(name, view[min(blank + 4, end) : end], head, is_file)


def _read_head(head: bytes) -> tuple[str, bool]:
    """The name, and whether it is a file."""
    found: re.Match[bytes] | None = None
    for line in head.split(b"\r\n")[:-1]:
        title, colon, value = line.partition(b":")
        title, value = title.lower(), value.strip()
        if not colon or not title or title.strip() != title or b"\0" in line or b"\n" in line or b"\r" in line:
            raise FormError("A header line of a part cannot be read.")
        if title == b"content-transfer-encoding" and value.lower() not in _PLAIN_CODINGS:
            raise FormError("A part of the form has a transfer encoding, which forms do not have.")
        if title == b"content-disposition":
            if found is not None:
                raise FormError("A part of the form says twice what it is.")
            found = _DISPOSITION.fullmatch(value)
            if found is None:
                raise FormError("A part of the form does not say its name as forms do.")
    if found is None:
        raise FormError("A part of the form has no name.")
    name = (found[1] if found[1] is not None else found[2]).decode("latin-1")
    if not _NAME.fullmatch(name):
        raise FormError("The name of a part has characters that names of fields do not have.")
    return name, found[3] is not None or found[4] is not None
