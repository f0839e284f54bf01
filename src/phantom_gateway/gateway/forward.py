"""Management paths and the UI: carried to control over its unix socket, as they came.

The gateway decides nothing here; control authenticates and authorises on the same raw path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from phantom_gateway.gateway.errors import unavailable
from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.client import Timeouts
from phantom_gateway.wire.errors import UpstreamError
from phantom_gateway.wire.origin import Origin

if TYPE_CHECKING:
    from phantom_gateway.wire.client import HttpClient, Response
    from phantom_gateway.wire.message import Request
    from phantom_gateway.wire.responder import Responder

_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te", b"trailer", b"transfer-encoding",
     b"upgrade", b"content-length", b"host", b"expect", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"}
)  # fmt: skip
_TIMEOUTS = Timeouts(connect_s=1.0, first_byte_s=60.0, stall_s=60.0, total_s=None)


class _Pass:
    """The sink of a forwarded answer."""

    __slots__ = ("_responder", "_response")

    def __init__(self, response: Response, responder: Responder) -> None:
        self._response = response
        self._responder = responder

    def data(self, data: bytes) -> None:
        if not self._responder.write(data):
            self._response.pause()
            self._responder.on_writable = self._response.resume


class Forwarder:
    """A reverse proxy to one unix socket."""

    def __init__(self, client: HttpClient, socket_path: str) -> None:
        self._client = client
        self.origin = Origin.of(Address(scheme="unix", socket_path=socket_path))

    async def forward(self, request: Request, responder: Responder) -> None:
        """Carry one request. Raises ApiError 503 while control is away."""
        try:
            response = await self._client.request(self.origin, _head(request), request.body, _TIMEOUTS)
        except UpstreamError as error:
            raise unavailable("The management API is restarting.") from error
        try:
            headers = [pair for pair in response.headers if pair[0] not in _HOP_BY_HOP]
            # ``read`` would undo a content coding that the headers go on promising.
            whole = response.get(b"content-length") is not None and response.get(b"content-encoding") is None
            if whole or response.status in (204, 304):
                responder.send(response.status, headers, await response.read(1 << 30))
                return
            responder.start(response.status, headers)
            await response.relay(_Pass(response, responder))
            responder.finish()
        except UpstreamError:
            responder.abort()
        finally:
            response.close()


def _head(request: Request) -> bytes:
    target = request.path + (b"?" + request.query if request.query else b"")
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), target), b"host: localhost"]
    lines += [b"%b: %b" % pair for pair in request.headers if pair[0] not in _HOP_BY_HOP]
    lines += [b"x-forwarded-proto: " + request.scheme.encode(), b"x-forwarded-for: " + request.peer.encode()]
    if host := request.get(b"host"):
        lines.append(b"x-forwarded-host: " + host)
    lines.append(b"content-length: %d" % len(request.body))
    return b"\r\n".join(lines) + b"\r\n\r\n"
