from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.wire import multipart
from phantom_gateway.wire.multipart import FormError, boundary_of, field, parse, render

NAMES = st.from_regex(r"[A-Za-z0-9_.-]{1,20}(\[\])?", fullmatch=True)


def form(*parts: bytes, boundary: bytes = b"b") -> bytes:
    return b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + boundary + b"--\r\n"


def named(disposition: bytes, content: bytes = b"x") -> bytes:
    return b"Content-Disposition: " + disposition + b"\r\n\r\n" + content


def test_a_form_as_clients_send_it() -> None:
    body = form(
        named(b'form-data; name="model"', b"whisper-1"),
        b'content-disposition:form-data; name="file"; filename="a \\"b\\".mp3"\r\nContent-Type: audio/mpeg\r\n\r\n\x00\r\n--c',
        named(b"form-data; name=n", b""),
    )
    model, file, empty = parse(body, b"b")
    assert (model.name, bytes(model.content), model.is_file) == ("model", b"whisper-1", False)
    assert (file.name, bytes(file.content), file.is_file) == ("file", b"\x00\r\n--c", True)
    assert (empty.name, bytes(empty.content)) == ("n", b"")
    assert parse(b"--b--", b"b") == []


@given(st.lists(st.tuples(NAMES, st.binary(max_size=50)), max_size=8))
def test_what_is_written_is_read(fields: list[tuple[str, bytes]]) -> None:
    boundary = b"--------boundary-of-nobody"
    parts = [field(name, content) for name, content in fields]
    found = parse(render(parts, boundary), boundary)
    assert [(part.name, bytes(part.content)) for part in found] == fields
    assert render(found, boundary) == render(parts, boundary)


@given(st.binary(max_size=200))
def test_anything_else_is_one_named_error(body: bytes) -> None:
    for raw in (body, b"--b\r\n" + body, b"--b\r\n" + named(b"form-data; name=a", body) + b"\r\n--b--"):
        with suppress(FormError):
            assert all(part.name for part in parse(raw, b"b"))


@pytest.mark.parametrize(
    "body",
    [
        b"preamble\r\n--b--",
        b"--b\r\n" + named(b"form-data; name=a"),
        form(named(b"form-data; name=a")) + b"epilogue",
        b"--bc\r\n\r\n",
        form(b"no header"),
        form(b"\r\nno name"),
        form(named(b"attachment; name=a")),
        form(named(b"form-data")),
        form(named(b'form-data; name="mod\\el"')),
        form(named(b'form-data; name="a%0d%0a"')),
        form(named(b"form-data; name*=utf-8''model")),
        form(named(b"form-data; name=a; name=model")),
        form(b"Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nx"),
        form(b"Content-Transfer-Encoding: base64\r\n" + named(b"form-data; name=model")),
        form(b"A\nB: c\r\n" + named(b"form-data; name=model")),
        form(b"bad name : c\r\n" + named(b"form-data; name=model")),
        form(b"x: " + b"y" * multipart.MAX_PART_HEAD + b"\r\n" + named(b"form-data; name=model")),
        form(*[named(b"form-data; name=a")] * (multipart.MAX_PARTS + 1)),
    ],
)
def test_what_readers_could_disagree_on_is_refused(body: bytes) -> None:
    with pytest.raises(FormError):
        parse(body, b"b")


@pytest.mark.parametrize(
    ("value", "boundary"),
    [
        (None, None),
        (b"application/json", None),
        (b"multipart/form-data; boundary=abc", b"abc"),
        (b'Multipart/Form-Data;boundary="a b"', FormError),
        (b'multipart/form-data; charset=utf-8; boundary="a:b"', b"a:b"),
        (b"multipart/form-data", FormError),
        (b"multipart/form-data; boundary=", FormError),
        (b"multipart/form-data; boundary=" + b"a" * 71, FormError),
        (b"multipart/mixed; boundary=a", None),
    ],
)
def test_the_boundary(value: bytes | None, boundary: bytes | type[FormError] | None) -> None:
    if boundary is FormError:
        with pytest.raises(FormError):
            boundary_of(value)
    else:
        assert boundary_of(value) == boundary
