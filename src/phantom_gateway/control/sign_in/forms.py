"""What a login sends: a form, as browsers without scripts do, or JSON."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import Field, StringConstraints, ValidationError

from phantom_gateway.control.entities.fields import Body
from phantom_gateway.control.errors import ApiError, describe
from phantom_gateway.control.sign_in.identity import Attempt
from phantom_gateway.control.texts import check

FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 20

Typed = Annotated[str, StringConstraints(min_length=1, max_length=1024)]


class LoginBody(Body):
    """Body of ``/login``, ``/v2/login`` and ``/v3/login``."""

    username: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    password: Annotated[Typed, Field(repr=False)]


class PasswordChange(Body):
    """Body of ``/user/password/change``."""

    current_password: Annotated[Typed, Field(repr=False)]
    new_password: Annotated[Typed, Field(repr=False)]


class SessionsEnd(Body):
    """Body of ``/sessions/end``: one session, all others than the calling one, or all."""

    session_id: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    others: bool = False
    all: bool = False
    user_id: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = None


async def attempt_of(request: Request) -> Attempt:
    """Name and password of a request. Raises ApiError 400 that names the field and never quotes it."""
    raw = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        body = LoginBody.model_validate(_form(raw)) if kind == FORM else LoginBody.model_validate_json(raw)
    except ValidationError as error:
        message, param = describe(error.errors(include_input=False, include_url=False))
        raise ApiError(400, message, param=param) from None
    return Attempt(body.username, body.password)


def _form(raw: bytes) -> dict[str, str]:
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError as error:
        raise ApiError(400, "The request body is no valid form.", param="request_body") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise ApiError(400, "A field of the form is repeated.", param="request_body")
    check(dict(pairs), "")
    return dict(pairs)
