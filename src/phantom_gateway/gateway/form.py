"""A request that came as a form: the fields we act on, and a new form for each upstream.

The form is held whole, as every body is, so that it can be sent again. Its fields pass as they came, but for the model's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from phantom_gateway.gateway.body import CONSUMED, FORBIDDEN, MAX_MODEL, UNREAD, Call
from phantom_gateway.gateway.errors import invalid_request
from phantom_gateway.wire import multipart
from phantom_gateway.wire.multipart import FormError, Part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from phantom_gateway.dialects.operations import Media

_json = msgspec.json.Encoder()
_TRUE = frozenset({"true", "1", "True"})


class Form(Call):
    """A call whose fields are parts of a form."""

    __slots__ = ("_boundary", "_parts", "files")

    def __init__(self, parts: list[Part], boundary: bytes) -> None:
        texts = {part.name: _text(part) for part in parts if not part.is_file}
        fields = {name: msgspec.Raw(_json.encode(text)) for name, text in texts.items()}
        size = sum([len(text.encode()) for name, text in texts.items() if name not in UNREAD])
        super().__init__(fields, size + sum([len(memoryview(fields[name])) for name in UNREAD & fields.keys()]))
        self._parts = parts
        self._boundary = boundary
        self.files = [part for part in parts if part.is_file]
        """Those of the form, in its order."""

    @property
    def content_type(self) -> bytes:
        """Of what ``render`` gives."""
        return b'multipart/form-data; boundary="%b"' % self._boundary

    def render(
        self, model: str, defaults: Mapping[str, bytes], _ask_usage: bool, without: frozenset[str] = frozenset()
    ) -> bytes:
        """The form for one upstream: its model name, its defaults where the caller was silent."""
        out = without | CONSUMED | {"model"}
        parts = [part for part in self._parts if _base(part.name) not in out]
        named = {_base(part.name) for part in self._parts}
        more = [multipart.field("model", model.encode())]
        more += [
            multipart.field(name, _plain(value)) for name, value in defaults.items() if name not in named | {"model"}
        ]
        return multipart.render([*more, *parts], self._boundary)


def boundary_of(content_type: bytes | None) -> bytes | None:
    """The boundary of a form; None when the body is something else. Raises ApiError 400."""
    try:
        return multipart.boundary_of(content_type)
    except FormError as error:
        raise invalid_request(str(error), "content-type") from error


def parse(body: bytes, boundary: bytes, media: Media, path_model: str) -> Form:
    """Read a form. Raises ApiError 400 naming what is wrong, never quoting the body."""
    try:
        parts = multipart.parse(body, boundary)
    except FormError as error:
        raise invalid_request(str(error), "request_body") from error
    _check(parts)
    call = Form(parts, boundary)
    model = call.field("model") or path_model or media.model
    if not model:
        raise invalid_request(
            "The field 'model' is missing. Call `/v1/models` to see which models this key can use.", "model"
        )
    if len(model) > MAX_MODEL:
        raise invalid_request(f"The field 'model' is longer than {MAX_MODEL} characters.", "model")
    call.model = model
    call.stream = media.streams and call.field("stream") in _TRUE
    return call


def _check(parts: list[Part]) -> None:
    seen = set[str]()
    for part in parts:
        base = _base(part.name)
        if base in FORBIDDEN:
            raise invalid_request(
                f"The field '{base}' is not accepted in a request: it is fixed by the gateway's configuration.", base
            )
        if base == "model" and (part.is_file or part.name != base):
            raise invalid_request("The field 'model' must be a plain field.", "model")
        repeats = part.is_file or part.name.endswith("[]")
        if part.name in seen and not repeats:
            raise invalid_request("The form repeats a field.", part.name)
        seen.add(part.name)
    mixed = {part.name for part in parts if part.is_file} & {part.name for part in parts if not part.is_file}
    if mixed:
        raise invalid_request("The form has a field that is also a file.", min(mixed))


def _base(name: str) -> str:
    """``metadata[tags][]`` is a part of ``metadata``."""
    return name.partition("[")[0]


def _text(part: Part) -> str:
    try:
        return bytes(part.content).decode()
    except UnicodeDecodeError as error:
        raise invalid_request(f"The field '{part.name}' is not valid UTF-8.", part.name) from error


def _plain(value: bytes) -> bytes:
    """A default as a form has it: a text without its quotes."""
    decoded = msgspec.json.decode(value)
    return decoded.encode() if isinstance(decoded, str) else value
