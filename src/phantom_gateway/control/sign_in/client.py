"""Where a request comes from, as the browser's user would say it.

The gateway's workers reach control over a unix socket and say who asked (``x-forwarded-*``; they drop what the client had
written there). On a listener of control's own nobody is believed: the connection says it all.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

from fastapi import Request

_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
_DEFAULT_PORTS = (":80", ":443")


@dataclass(frozen=True, slots=True)
class Client:
    """``host`` is what the browser has in its address bar: name and port, in lower case."""

    address: str
    scheme: str
    host: str

    @property
    def on_this_machine(self) -> bool:
        """Whether a browser on this machine speaks plain HTTP to the gateway: the one case in which cookies go without TLS."""
        return self.scheme == "http" and _is_loopback(self.address) and _name(self.host) in _LOOPBACK_NAMES


def client_of(request: Request) -> Client:
    """The client of a request."""
    headers = request.headers
    if request.client is not None:
        return Client(request.client.host, request.scope["scheme"], headers.get("host", "").lower())
    return Client(
        headers.get("x-forwarded-for", ""),
        headers.get("x-forwarded-proto", "http"),
        headers.get("x-forwarded-host", "").lower(),
    )


def is_same_origin(request: Request, allowed: tuple[str, ...]) -> bool:
    """Whether the page that sent this is the gateway's own, or one of ``allowed`` (``https://host``).

    Name and port decide, not the scheme: behind a proxy that ends TLS the gateway sees plain HTTP.
    """
    origin = request.headers.get("origin", "").lower()
    if origin and origin in {each.lower().rstrip("/") for each in allowed}:
        return True
    if request.headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return False
    scheme, _, host = origin.partition("://")
    ours = _without_default(client_of(request).host)
    return scheme in ("http", "https") and ours != "" and _without_default(host) == ours


def _without_default(host: str) -> str:
    for port in _DEFAULT_PORTS:
        host = host.removesuffix(port)
    return host


def _name(host: str) -> str:
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
