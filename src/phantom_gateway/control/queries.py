"""Handlers that share a list of query parameters: said once, shown in the API's description for each route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from inspect import Parameter, Signature
from typing import Any, TypeVar

from fastapi import Request

Values = dict[str, Any]
Parameters = dict[str, tuple[Any, Any]]
"""By name: the type, and the default (``Parameter.empty``: required)."""
T = TypeVar("T")


def taking(
    answer: Callable[[Request, Values], Awaitable[T]], parameters: Parameters, name: str = ""
) -> Callable[..., Any]:
    """``answer`` as a handler that takes ``parameters``; it gets all of them, as they came or by default.

    ``name``: what the handler is called, where that is not the name of ``answer``.
    """

    async def handler(request: Request, **query: Any) -> T:
        return await answer(request, query)

    named = [
        Parameter(each, Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
        for each, (annotation, default) in parameters.items()
    ]
    first = Parameter("request", Parameter.POSITIONAL_OR_KEYWORD, annotation=Request)
    setattr(handler, "__signature__", Signature([first, *named]))  # noqa: B010  FastAPI reads the parameters there
    handler.__name__, handler.__doc__ = name or getattr(answer, "__name__", ""), answer.__doc__
    return handler
