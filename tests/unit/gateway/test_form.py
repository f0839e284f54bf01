from __future__ import annotations

import pytest

from phantom_gateway.dialects.operations import TRANSCRIPTIONS
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.form import Form, boundary_of, parse
from phantom_gateway.wire import multipart
from phantom_gateway.wire.multipart import Part, field

FILE = Part("file", memoryview(b"RIFF"), b'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n', True)


def form(*parts: Part, model: str = "gpt") -> bytes:
    return multipart.render([field("model", model.encode()), *parts], b"b")


def read(body: bytes, path_model: str = "") -> Form:
    assert TRANSCRIPTIONS.media is not None
    return parse(body, b"b", TRANSCRIPTIONS.media, path_model)


def fields(body: bytes) -> list[tuple[str, bytes]]:
    return [(part.name, bytes(part.content)) for part in multipart.parse(body, b"b")]


def test_the_fields_we_act_on() -> None:
    call = read(form(FILE, field("stream", b"true"), field("user", b"u"), field("prompt", b"hello")))
    assert (call.model, call.stream, call.field("user"), call.field("file")) == ("gpt", True, "u", None)
    assert call.size == len("gpt") + len("true") + len("hello")
    assert [bytes(file.content) for file in call.files] == [b"RIFF"]
    assert call.content_type == b'multipart/form-data; boundary="b"'


def test_a_form_for_an_upstream() -> None:
    call = read(form(FILE, field("language", b"de"), field("num_retries", b"3"), field("metadata[tags][]", b"x")))
    body = call.render("up", {"language": b'"en"', "temperature": b"0.5", "prompt": b'"p"'}, False)
    assert fields(body) == [
        ("model", b"up"),
        ("temperature", b"0.5"),
        ("prompt", b"p"),
        ("file", b"RIFF"),
        ("language", b"de"),
        ("metadata[tags][]", b"x"),
    ]
    assert call.render("up", {}, False) == call.render("up", {}, False)
    assert ("language", b"de") not in fields(call.render("up", {}, False, frozenset({"language"})))


def test_the_model_may_stand_in_the_path() -> None:
    assert read(multipart.render([FILE], b"b"), "deployed").model == "deployed"
    with pytest.raises(ApiError) as caught:
        read(multipart.render([FILE], b"b"))
    assert caught.value.param == "model"


@pytest.mark.parametrize(
    ("part", "param"),
    [
        (field("model", b"other"), "model"),
        (field("model[]", b"other"), "model"),
        (FILE._replace(name="model", head=FILE.head.replace(b'"file"', b'"model"')), "model"),
        (field("api_base", b"http://evil"), "api_base"),
        (field("extra_headers[authorization]", b"x"), "extra_headers"),
        (field("prompt", b"\xff"), "prompt"),
        (field("file", b"x"), "file"),
    ],
)
def test_what_is_refused(part: Part, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        read(form(FILE, part))
    assert (caught.value.status, caught.value.param) == (400, param)


def test_lists_and_files_may_repeat() -> None:
    call = read(form(FILE, FILE, field("include[]", b"a"), field("include[]", b"b")))
    assert len(call.files) == 2
    assert fields(call.render("up", {}, False))[-2:] == [("include[]", b"a"), ("include[]", b"b")]
    with pytest.raises(ApiError):
        read(form(FILE, field("include", b"a"), field("include", b"b")))


def test_errors_of_the_form_itself() -> None:
    for body in (b"", b"--b\r\nnothing", form(FILE)[:-8], form(FILE, model="m" * 300)):
        with pytest.raises(ApiError) as caught:
            read(body)
        assert caught.value.status == 400
    with pytest.raises(ApiError):
        boundary_of(b"multipart/form-data")
    assert boundary_of(b"application/json") is None
