"""Where a connection goes: the key of the pool and the whole policy of egress."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret
    from phantom_gateway.spine.snapshot import Address

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_\-.]*[a-z0-9_.])?", re.ASCII)
_DEFAULT_PORTS = {"https": 443, "http": 80, "unix": 0}


class Origin:
    """Scheme, host and port (or socket path) with what may be connected to and how it is verified. Immutable, hashable.

    ``host_header`` is the value for ``Host``. Raises ValueError for anything that is not a plain host name or address.
    """

    __slots__ = (
        "_hash", "_key", "allow_private", "ca_file", "host", "host_header", "port", "proxy_url", "scheme", "socket_path", "verify",
    )  # fmt: skip

    allow_private: tuple[Network, ...]
    ca_file: str
    host: str
    host_header: bytes
    port: int
    proxy_url: Secret | None
    scheme: str
    socket_path: str
    verify: bool

    @classmethod
    def of(cls, address: Address) -> Origin:
        """The origin of a configured address."""
        if address.scheme not in _DEFAULT_PORTS:
            raise ValueError(f"scheme {address.scheme!r} is not https, http or unix")
        host = _normal_host(address.host) if address.scheme != "unix" else "localhost"
        port = address.port or _DEFAULT_PORTS[address.scheme]
        if not 0 <= port <= 65535:
            raise ValueError("port out of range")
        if address.scheme == "unix" and not address.socket_path:
            raise ValueError("a unix address needs a socket path")
        return cls._make(
            scheme=address.scheme,
            host=host,
            port=port,
            socket_path=address.socket_path,
            allow_private=tuple(ipaddress.ip_network(block) for block in address.allow_private),
            verify=address.verify,
            ca_file=address.ca_file,
            proxy_url=address.proxy_url,
        )

    @classmethod
    def _make(cls, **fields: object) -> Origin:
        origin = cls.__new__(cls)
        for name, value in fields.items():
            object.__setattr__(origin, name, value)
        name = f"[{origin.host}]" if ":" in origin.host else origin.host
        if origin.port != _DEFAULT_PORTS[origin.scheme]:
            name = f"{name}:{origin.port}"
        object.__setattr__(origin, "host_header", name.encode("ascii"))
        # computed once: the pool looks an origin up for every request
        object.__setattr__(origin, "_key", tuple(fields.values()))
        object.__setattr__(origin, "_hash", hash(tuple(fields.values())))
        return origin

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("an Origin is immutable")

    def __hash__(self) -> int:
        return self._hash  # type: ignore[no-any-return, attr-defined]

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Origin) and self._key == other._key  # type: ignore[attr-defined]

    def __repr__(self) -> str:
        place = self.socket_path if self.scheme == "unix" else self.host_header.decode("ascii")
        return f"Origin({self.scheme}://{place})"


def _normal_host(host: str) -> str:
    """Lower-case ASCII host: a name, an IPv4 or a bracketless IPv6 address."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare:
        return str(ipaddress.IPv6Address(bare))
    try:
        name = bare.encode("idna").decode("ascii").lower() if not bare.isascii() else bare.lower()
    except UnicodeError:
        raise ValueError("host name is not valid") from None
    if len(name) > 253 or not _NAME.fullmatch(name):
        raise ValueError("host name is not valid")
    return name
