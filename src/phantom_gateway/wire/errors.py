"""Everything the wire can raise.

    WireError
    ├── BadRequest            the client broke HTTP or a limit; carries the status to answer with
    └── UpstreamError         an upstream exchange failed; says how far it got
        ├── EgressDenied          the address may not be connected to
        ├── NameResolutionFailed
        ├── ConnectFailed         refused, unreachable
        ├── ConnectTimeout        name, TCP, proxy and TLS together took too long
        ├── TlsFailed
        ├── ProxyFailed           the CONNECT proxy refused or spoke nonsense
        ├── PoolTimeout           no free connection to this origin in time
        ├── ConnectionLost        closed before a complete response head
        ├── FirstByteTimeout
        ├── BodyStalled           silence inside the response body
        ├── Truncated             closed inside the response body
        ├── BadResponse           not HTTP/1.1, or beyond a limit of it
        ├── ResponseTooLarge
        └── DeadlineExceeded      the total time of the exchange is over

Messages are for logs: they name hosts and reasons, never credentials, bodies or whole URLs.
"""

from __future__ import annotations


class WireError(Exception):
    """Base of all errors of this package."""


class BadRequest(WireError):
    """A request that is refused: ``status`` is the answer, ``reason`` a sentence for the client."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status = status
        self.reason = reason


class UpstreamError(WireError):
    """An exchange with an upstream failed.

    ``sent``: bytes of the request may have reached the upstream. ``received``: at least one byte of the response came.
    ``reused``: the connection came from the pool (it may have been closed by the upstream while idle). ``status``: of the
    response, when its head was whole, else 0.
    """

    def __init__(self, message: str, *, sent: bool = False, received: bool = False, reused: bool = False) -> None:
        super().__init__(message)
        self.sent = sent
        self.received = received
        self.reused = reused
        self.status = 0


class EgressDenied(UpstreamError):
    """The destination is not an address this origin may be reached at."""


class NameResolutionFailed(UpstreamError):
    """The host name has no address."""


class ConnectFailed(UpstreamError):
    """No address of the origin accepted the connection."""


class ConnectTimeout(UpstreamError):
    """Connecting (name, TCP, proxy, TLS) took longer than ``Timeouts.connect_s``."""


class TlsFailed(UpstreamError):
    """The TLS handshake failed, mostly because the certificate did not verify."""


class ProxyFailed(UpstreamError):
    """The CONNECT proxy did not open the tunnel."""


class PoolTimeout(UpstreamError):
    """All connections to the origin stayed busy for ``Timeouts.connect_s``."""


class ConnectionLost(UpstreamError):
    """The connection ended before a complete response head."""


class FirstByteTimeout(UpstreamError):
    """No response head within ``Timeouts.first_byte_s``."""


class BodyStalled(UpstreamError):
    """Silence inside the response body for longer than ``Timeouts.stall_s``."""


class Truncated(UpstreamError):
    """The connection ended inside the response body."""


class BadResponse(UpstreamError):
    """The upstream broke HTTP/1.1, its event stream or a limit of the parser."""


class ResponseTooLarge(UpstreamError):
    """The body is larger than the caller's limit, before or after decoding."""


class DeadlineExceeded(UpstreamError):
    """The exchange was not complete within ``Timeouts.total_s``."""
