"""Headers of every answer of the admin API: nothing of it is kept on the way, and nothing is taken for what it does not say it is.

What says for itself how long it may be kept (the files of the Admin UI) is left alone.
"""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}


class NoStore:
    """ASGI middleware that adds ``HEADERS`` where they are missing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer as the application does, with the headers."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, sending)
