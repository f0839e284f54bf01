"""Answers as JSON, written once and by a compiled encoder.

FastAPI would first copy every answer, value by value, to see whether something in it needs translating: for a page of a hundred
keys that is more work than finding them.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse
from starlette.responses import Response

Handler = Callable[..., Coroutine[Any, Any, Any]]


class Rendered(str):
    """An answer as JSON text. FastAPI passes texts on as they are, with the headers that the handler has set."""

    __slots__ = ()


class RenderedResponse(JSONResponse):
    """Takes what is rendered already."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return content.encode() if isinstance(content, Rendered) else super().render(content)


def rendering(handler: Handler) -> Handler:
    """``handler`` with its answer rendered; one that answers with a response of its own is left alone."""

    @functools.wraps(handler)
    async def rendered(*arguments: Any, **named: Any) -> Any:
        answer = await handler(*arguments, **named)
        return answer if isinstance(answer, Response) else Rendered(encode(answer))

    return rendered


def encode(answer: Any) -> str:
    """JSON text. Raises what FastAPI's own encoder raises for values that are none."""
    return msgspec.json.encode(answer, enc_hook=jsonable_encoder).decode()
