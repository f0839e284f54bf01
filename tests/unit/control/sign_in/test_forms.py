from __future__ import annotations

import pytest
from fastapi import Request
from starlette.types import Message

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.sign_in.forms import FORM, attempt_of


def request(body: bytes, kind: str) -> Request:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    headers = [(b"content-type", kind.encode())]
    return Request({"type": "http", "method": "POST", "path": "/login", "headers": headers}, receive)


async def test_forms_and_json() -> None:
    for body, kind in (
        (b"username=ada%40x.org&password=a+b%26c", FORM),
        (b"username=ada%40x.org&password=a+b%26c", "Application/X-WWW-Form-URLEncoded; charset=utf-8"),
        (b'{"username": "ada@x.org", "password": "a b&c"}', "application/json"),
        (b'{"username": "ada@x.org", "password": "a b&c"}', "text/plain"),
    ):
        attempt = await attempt_of(request(body, kind))
        assert (attempt.username, attempt.password) == ("ada@x.org", "a b&c")
        assert "a b&c" not in repr(attempt)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"username=a", "password"), (b"username=a&password=", "password"), (b"username=a&password=x&role=admin", "role"),
        (b"username=a&username=b&password=x", "request_body"), (b"username=%ff&password=x", "request_body"),
        (b"\xff", "request_body"), (b"", "username"),
    ],
)  # fmt: skip
async def test_bad_forms_name_the_field(body: bytes, param: str) -> None:
    with pytest.raises(ApiError) as caught:
        await attempt_of(request(body, FORM))
    assert (caught.value.status, caught.value.param) == (400, param)


async def test_what_was_typed_is_not_quoted() -> None:
    with pytest.raises(ApiError) as caught:
        await attempt_of(request(b'{"username": "a", "password": ["hunter2"]}', "application/json"))
    assert "hunter2" not in caught.value.message
