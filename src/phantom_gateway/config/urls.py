"""The one parser for addresses an operator writes (``api_base``, proxies).

Stricter than RFC 3986 where parsers disagree, because disagreement is how address checks are passed by: no user
information, no fragment, no backslash or blank, ASCII hosts only, and no numeric spellings of IPv4 addresses (``127.1``,
``2130706433``, ``0x7f000001``) that the system's resolver would accept.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z", re.ASCII)
_NUMERIC = re.compile(r"(0x[0-9a-f]*|[0-9]+)\Z", re.ASCII)
_FORBIDDEN = re.compile(r"[^!#-;=?-\[\]_a-z~]")

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Url:
    """A parsed address. ``path`` has no trailing slash; ``port`` is always set; IPv6 hosts stand without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def origin(self) -> str:
        """``scheme://host[:port]``, the port left out when it is the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        default = {"https": 443, "http": 80}.get(self.scheme)
        return f"{self.scheme}://{host}" if self.port == default else f"{self.scheme}://{host}:{self.port}"

    @property
    def address(self) -> IPAddress | None:
        """The IP address when the host is one."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None


def parse_url(text: str) -> Url:
    """Parse an ``http`` or ``https`` URL. Raises ValueError with a sentence that does not repeat the input."""
    if len(text) > 2048:
        raise ValueError("is longer than 2048 characters")
    if _FORBIDDEN.search(text):
        raise ValueError("contains a blank or a character that no URL has")
    try:
        parts = urlsplit(text)
        port, host = parts.port, parts.hostname or ""
    except ValueError:
        raise ValueError("is not a URL") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError("must start with https:// or http://")
    if "@" in parts.netloc:
        raise ValueError("must not contain a user name or password")
    if parts.fragment or text.endswith("#"):
        raise ValueError("must not contain a fragment (#...)")
    if port == 0 or parts.netloc.endswith(":"):
        raise ValueError("must name a port between 1 and 65535, or none")
    check_host(host)
    if ".." in parts.path.split("/"):
        raise ValueError("must not contain .. in its path")
    return Url(
        parts.scheme, host, port or (443 if parts.scheme == "https" else 80), parts.path.rstrip("/"), parts.query
    )


def check_host(host: str) -> None:
    """Accept an IP address in its usual form or a host name. Raises ValueError otherwise."""
    if ":" in host:
        try:
            address = ipaddress.IPv6Address(host)
        except ValueError:
            raise ValueError("has a broken IPv6 address") from None
        if address.scope_id is not None:
            raise ValueError("must not contain an IPv6 zone")
        return
    labels = host.rstrip(".").lower().split(".")
    if all(_NUMERIC.match(label) for label in labels):
        try:
            ipaddress.IPv4Address(host)
        except ValueError:
            raise ValueError("must have a host name or a complete IP address") from None
        return
    if len(host) > 253 or not all(_LABEL.match(label) for label in labels):
        raise ValueError("must have a host name or a complete IP address")
