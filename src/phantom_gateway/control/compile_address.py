"""Where a deployment's upstream lives, and which private addresses it may have.

The operator's word opens what he names and nothing more:

- an IP address in ``api_base`` opens that address; ``localhost`` opens the loopback addresses;
- a host name in ``api_base`` (``http://vllm.internal:8000``) may resolve to the private networks of RFC 1918 and RFC 4193,
  unless it is a provider's public host name;
- ``phantom.egress.allow_private`` opens its blocks to every upstream;
- a provider's own address stays on the global Internet;
- link-local, metadata and multicast addresses are never reached.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass

from phantom_gateway.config.crosscheck import proxy_problem
from phantom_gateway.config.schema import Config, Environment
from phantom_gateway.config.schema_phantom import NEVER_REACHED, is_inside
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import Url, parse_url
from phantom_gateway.providers.catalogue import PROVIDERS
from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.addresses import is_metadata

LOOPBACK = ("127.0.0.0/8", "::1/128")
PRIVATE = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")


class AddressError(Exception):
    """The address cannot be used; the message is for people and quotes nothing."""


@dataclass(frozen=True, slots=True)
class Egress:
    """What all deployments of a configuration share of the way out."""

    allow_private: tuple[str, ...] = ()
    proxy: Secret | None = None
    no_proxy: tuple[str, ...] = ()
    ssl_verify: bool | str = True


def egress_of(config: Config, environment: Environment) -> Egress:
    """Read ``phantom.egress``, ``ssl_verify`` and the proxy variables. Raises AddressError for a proxy that cannot be used."""
    proxy = config.phantom.egress.proxy
    if proxy is None and (found := environment.first("HTTPS_PROXY", "https_proxy")):
        name, value = found
        if reason := proxy_problem(value if "://" in value else f"http://{value}"):
            raise AddressError(f"the environment variable {name} {reason}")
        proxy = Secret(value if "://" in value else f"http://{value}")
    skip = environment.first("NO_PROXY", "no_proxy")
    return Egress(
        allow_private=tuple(config.phantom.egress.allow_private),
        proxy=proxy,
        no_proxy=tuple(item.strip().lower() for item in skip[1].split(",") if item.strip()) if skip else (),
        ssl_verify=True if config.litellm_settings.ssl_verify is None else config.litellm_settings.ssl_verify,
    )


def compile_address(url: Url, egress: Egress, *, explicit: bool, ssl_verify: bool | str | None) -> Address:
    """The address of ``url``; ``explicit`` when the operator wrote it. Raises AddressError."""
    verify = egress.ssl_verify if ssl_verify is None else ssl_verify
    host = url.host
    if url.address is not None and url.address.is_unspecified:
        host = "127.0.0.1" if url.address.version == 4 else "::1"  # what connecting to 0.0.0.0 means
    url = Url(url.scheme, host, url.port, url.path, url.query)
    return Address(
        scheme=url.scheme,
        host=host,
        port=url.port,
        allow_private=tuple(dict.fromkeys((*_own_private(url, explicit=explicit), *egress.allow_private))),
        verify=verify is not False,
        ca_file=verify if isinstance(verify, str) else "",
        proxy_url=egress.proxy if url.scheme == "https" and not _bypasses(url, egress.no_proxy) else None,
    )


def _own_private(url: Url, *, explicit: bool) -> tuple[str, ...]:
    address = url.address
    if address is not None:
        network = ipaddress.ip_network(address)
        if is_metadata(address) or any(is_inside(network, block) for block in NEVER_REACHED):
            raise AddressError("is a link-local, metadata or multicast address, which is never reached")
        return () if address.is_global else (str(network),)
    if url.host == "localhost" or url.host.endswith(".localhost"):
        return LOOPBACK
    if not explicit or url.host in _PUBLIC_HOSTS:
        return ()
    return PRIVATE


def _bypasses(url: Url, no_proxy: tuple[str, ...]) -> bool:
    """NO_PROXY as curl and requests read it: names with their subdomains, ``*``, addresses and blocks, an optional port."""
    return any(_matches(url, item) for item in no_proxy)


def _matches(url: Url, item: str) -> bool:
    if item == "*":
        return True
    if url.address is not None:
        try:
            block = ipaddress.ip_network(item.strip("[]"), strict=False)
        except ValueError:
            return item == f"{url.host}:{url.port}"
        return url.address in block
    name, colon, port = item.partition(":")
    if colon and port != str(url.port):
        return False
    name = name.removeprefix("*").removeprefix(".")
    return bool(name) and (url.host == name or url.host.endswith(f".{name}"))


def _public_hosts(providers: Mapping[str, str]) -> frozenset[str]:
    urls = [parse_url(base) for base in providers.values() if base]
    return frozenset(url.host for url in urls if url.address is None and url.host != "localhost")


_PUBLIC_HOSTS = _public_hosts({provider.name: provider.base_url for provider in PROVIDERS.values()})
