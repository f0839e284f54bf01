"""``phantom``: settings LiteLLM has not."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from phantom_gateway.config.schema_base import Active, BudgetEntry, Names, Seconds, SecretText, Section, Text
from phantom_gateway.config.urls import check_host
from phantom_gateway.spine.snapshot import HttpLimits

NEVER_REACHED = tuple(
    ipaddress.ip_network(block)
    for block in (
        "169.254.0.0/16",
        "fe80::/10",
        "fd00:ec2::/32",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "224.0.0.0/4",
        "ff00::/8",
    )
)
"""Link-local, metadata and multicast addresses: no setting opens them (``wire`` refuses them again at every connection)."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DEFAULTS = HttpLimits()


def is_inside(network: Network, block: Network) -> bool:
    """Whether ``network`` lies in ``block``; networks of different families never do."""
    if isinstance(network, ipaddress.IPv4Network) and isinstance(block, ipaddress.IPv4Network):
        return network.subnet_of(block)
    return (
        isinstance(network, ipaddress.IPv6Network)
        and isinstance(block, ipaddress.IPv6Network)
        and network.subnet_of(block)
    )


def _carried(network: Network) -> tuple[Network, ...]:
    """The IPv4 block that an IPv6 block of mapped addresses (``::ffff:169.254.0.0/112``) stands for."""
    if isinstance(network, ipaddress.IPv4Network) or network.prefixlen < 96:
        return ()
    mapped = network.network_address.ipv4_mapped
    return () if mapped is None else (ipaddress.ip_network((mapped, network.prefixlen - 96)),)


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        raise PydanticCustomError("config", "must be an address block such as 10.0.0.0/8, without host bits") from None
    if network.prefixlen < (8 if network.version == 4 else 7):
        raise PydanticCustomError("config", "is wider than any private network")
    if any(is_inside(each, block) for each in (network, *_carried(network)) for block in NEVER_REACHED):
        raise PydanticCustomError("config", "is a link-local, metadata or multicast address, which is never reached")
    return str(network)


def _listen(value: Any) -> Any:
    if value == "shared":
        return value
    host, separator, port = value.rpartition(":") if isinstance(value, str) else ("", "", "")
    try:
        check_host(host.removeprefix("[").removesuffix("]"))
        valid = bool(separator) and port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535
    except ValueError:
        valid = False
    if not valid:
        raise PydanticCustomError("config", "must be shared or host:port")
    return value


NetworkText = Annotated[str, AfterValidator(_network)]
Size = Annotated[int, Field(ge=256, le=1024**3)]
Time = Annotated[Seconds, Field(gt=0, le=86400)]
Lasting = Annotated[Seconds, Field(gt=0, le=90 * 86400)]


class HttpSection(Section):
    """Bounds of the public HTTP listener. Sizes in bytes, times in seconds or as durations."""

    max_target: Annotated[Size, Active("Longest request target (path and query).")] = _DEFAULTS.max_target
    max_header_line: Annotated[Size, Active("Longest header line.")] = _DEFAULTS.max_header_line
    max_header_bytes: Annotated[Size, Active("All header lines together.")] = _DEFAULTS.max_header_bytes
    max_headers: Annotated[int, Field(ge=8, le=1000), Active("Number of header lines.")] = _DEFAULTS.max_headers
    max_body: Annotated[
        Size | None, Active("Largest request body; wins over `general_settings.max_request_size_mb`; default 32 MiB.")
    ] = None
    max_buffered_bodies: Annotated[
        int,
        Field(ge=256, le=1024**4),
        Active(
            "All request bodies together that one worker holds, until they are answered; never less than `max_body`."
        ),
    ] = _DEFAULTS.max_buffered
    header_timeout: Annotated[Time, Active("From the first byte of a request to the end of its headers.")] = (
        _DEFAULTS.header_timeout_s
    )
    body_stall: Annotated[Time, Active("Longest silence inside a request body.")] = _DEFAULTS.body_stall_s
    body_timeout: Annotated[Time, Active("From the end of the headers to the end of the body.")] = (
        _DEFAULTS.body_timeout_s
    )
    idle_timeout: Annotated[Time, Active("Longest silence between requests on a connection.")] = (
        _DEFAULTS.idle_timeout_s
    )
    write_stall: Annotated[Time, Active("Longest time a client may take no byte of its response.")] = (
        _DEFAULTS.write_stall_s
    )
    tls_handshake: Annotated[Time, Active("Time for the TLS handshake.")] = _DEFAULTS.tls_handshake_s
    max_requests_per_connection: Annotated[
        int, Field(ge=1, le=10**9), Active("Requests after which a connection is closed.")
    ] = _DEFAULTS.max_requests_per_connection
    max_connections: Annotated[int, Field(ge=1, le=10**6), Active("Connections of one worker.")] = (
        _DEFAULTS.max_connections
    )
    allowed_hosts: Annotated[Names, Active("Host names answered; empty: any.")] = Field(default_factory=list)


class UpstreamSection(Section):
    """Patience with upstreams."""

    connect_timeout: Annotated[Time, Active("Time to connect, TLS included.")] = 5.0
    stall_timeout: Annotated[Time, Active("Longest silence inside a response body.")] = 120.0
    abandoned_timeout: Annotated[
        Time, Active("How long an unstreamed call may go on after its client has left (see `cancel_on_disconnect`).")
    ] = 300.0
    free_probe_interval: Annotated[
        Seconds | None,
        Field(ge=5, le=86400),
        Active(
            "Seconds between requests for each provider's list of models, which cost nothing; default: none are made."
        ),
    ] = None
    retry_share: Annotated[
        float,
        Field(ge=0, le=10, allow_inf_nan=False),
        Active(
            "Retries of a worker as a share of its requests, beside ten at once and one a second; what is beyond fails as it is."
        ),
    ] = 0.1


class EgressSection(Section):
    """Where the gateway may connect to."""

    allow_private: Annotated[
        list[NetworkText],
        Active("Address blocks beyond the global Internet that every upstream's host name may resolve to."),
    ] = Field(default_factory=list)
    proxy: Annotated[
        SecretText | None,
        Active("`http://[user:password@]host:port`: reach `https` upstreams through it; wins over `HTTPS_PROXY`."),
    ] = None


class BridgeSection(Section):
    """LiteLLM's SDK in processes of its own, for providers without an adapter. Nothing of it runs without such a deployment."""

    python: Annotated[
        Text | None,
        Active(
            "Python of the environment the SDK is installed in; default: `.venv-bridge` beside the gateway's own or in the working "
            "directory, then the gateway's own."
        ),
    ] = None
    processes: Annotated[int, Field(ge=1, le=64), Active("Processes that serve one credential, under load.")] = 2
    max_processes: Annotated[
        int, Field(ge=1, le=1024), Active("Of all credentials; the one unused for longest makes room.")
    ] = 16
    memory_mb: Annotated[
        int,
        Field(ge=32, le=1 << 20),
        Active("MiB a process may grow by, beyond the SDK that all share; then it is ended and replaced."),
    ] = 512
    idle_timeout: Annotated[Time, Active("A process that was not used for this long is ended.")] = 300.0
    hang_timeout: Annotated[Time, Active("A process that says nothing for this long is ended and replaced.")] = 30.0
    start_timeout: Annotated[Time, Active("Time for the SDK to load; calls wait for it.")] = 60.0
    sandbox: Annotated[
        Literal["available", "required"],
        Active(
            "`available`: what of the sandbox the kernel has; `required`: the bridge serves nothing unless all of it stands."
        ),
    ] = "available"
    separation: Annotated[
        Literal["process", "import"],
        Active(
            "`process`: the SDK is loaded once, and forked for each credential; `import`: each credential loads it by itself "
            "(seconds and about 150 MiB each), so that not even code of the SDK that ran while loading is shared."
        ),
    ] = "process"
    hosts: Annotated[
        Names,
        Active(
            "Host names, with all below them, that the SDK may reach beside the provider's own and those of `api_base`; `*`: any "
            "public one (pictures that requests name by their address)."
        ),
    ] = Field(default_factory=list)


class AdminSection(Section):
    """The management API and the UI."""

    listen: Annotated[
        str, BeforeValidator(_listen), Active("`shared`: on the public port; `host:port`: on a listener of its own.")
    ] = "shared"


def _root_key(text: str) -> str:
    kind, _, name = text.partition(":")
    if kind == "file" and name.startswith("/"):
        return text
    if kind == "env" and re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return text
    raise PydanticCustomError("config", "must be file:/absolute/path or env:NAME; the key itself is never written here")


class SecuritySection(Section):
    """Keys of the house."""

    root_key: Annotated[
        Annotated[str, AfterValidator(_root_key)] | None,
        Active(
            "Where the root key (64 hexadecimal digits) is: `file:/path`, readable by its owner alone, or `env:NAME`. "
            "Default: `keys/root.key` in the data directory. Read at start; every node of an installation needs the same."
        ),
    ] = None


class KeysSection(Section):
    """Virtual keys."""

    rotation_grace: Annotated[
        Lasting,
        Active(
            "How long the old value of a key is good after `auto_rotate` has given it a new one; never longer than its "
            "`rotation_interval`."
        ),
    ] = 604800.0


class SignInSection(Section):
    """People who sign in."""

    idle_timeout: Annotated[Time, Active("A session ends when it was not used for this long.")] = 3600.0
    absolute_timeout: Annotated[
        Lasting, Active("A session ends this long after signing in, however much it is used.")
    ] = 43200.0
    invitation_lifetime: Annotated[Lasting, Active("How long the link of an invitation is good.")] = 604800.0
    allowed_origins: Annotated[
        Names,
        Active(
            "Origins (`https://name[:port]`) beside the gateway's own from which a signed-in browser may change things."
        ),
    ] = Field(default_factory=list)


class CacheSection(Section):
    """What the cache of answers keeps, beside `litellm_settings.cache_params`."""

    scope: Annotated[
        Literal["key", "team", "organization"],
        Active(
            "Who shares cached answers: `key`: nobody; `team`, `organization`: the keys of one. Never keys of different "
            "organizations; answers that call tools are never shared."
        ),
    ] = "key"
    max_answer: Annotated[Size, Active("Largest answer that is kept, in bytes.")] = 1024 * 1024
    max_bytes: Annotated[
        int, Field(ge=0, le=1024**4), Active("Bytes of answers in the memory of one worker (`local`).")
    ] = 64 * 1024 * 1024
    max_entries: Annotated[int, Field(ge=0, le=10**8), Active("Answers in the memory of one worker (`local`).")] = (
        10_000
    )
    timeout: Annotated[
        Time, Active("Longest wait for Redis; after it, a request goes on as if nothing were cached.")
    ] = 0.1


class ConversationsSection(Section):
    """What is kept of the Responses API for models whose provider has none: `previous_response_id`, GET and DELETE."""

    ttl: Annotated[
        int,
        Field(ge=0, le=30 * 86_400),
        Active("Seconds for which conversations are kept, in memory only; 0: nothing is kept."),
    ] = 0
    max_bytes: Annotated[int, Field(ge=0, le=1024**4), Active("Of all of them; the oldest go first.")] = (
        64 * 1024 * 1024
    )


class PhantomSection(Section):
    """Settings of Phantom Gateway's own."""

    master_key_budget: Annotated[
        BudgetEntry | None, Active("A budget for calls with the master key, which the limits of no key bound.")
    ] = None

    demo: Annotated[bool, Active("Offer the `demo` model, answered by the built-in simulator.")] = True
    journal_sync: Annotated[
        Literal["group", "strict"],
        Active("`group`: spend is written before the answer and synced within moments; `strict`: synced before."),
    ] = "group"
    drain_grace: Annotated[Time, Active("How long running requests may take when the gateway is told to stop.")] = 60.0
    http: Annotated[HttpSection, Active("Bounds of the public HTTP listener.")] = Field(default_factory=HttpSection)
    upstream: Annotated[UpstreamSection, Active("Patience with upstreams.")] = Field(default_factory=UpstreamSection)
    egress: Annotated[EgressSection, Active("Where the gateway may connect to.")] = Field(default_factory=EgressSection)
    bridge: Annotated[BridgeSection, Active("LiteLLM's SDK, for providers without an adapter.")] = Field(
        default_factory=BridgeSection
    )
    cache: Annotated[CacheSection, Active("What the cache of answers keeps.")] = Field(default_factory=CacheSection)
    conversations: Annotated[
        ConversationsSection, Active("Conversations for `previous_response_id` where the provider keeps none.")
    ] = Field(default_factory=ConversationsSection)
    admin: Annotated[AdminSection, Active("The management API and the UI.")] = Field(default_factory=AdminSection)
    security: Annotated[SecuritySection, Active("Keys of the house.")] = Field(default_factory=SecuritySection)
    keys: Annotated[KeysSection, Active("Virtual keys.")] = Field(default_factory=KeysSection)
    sign_in: Annotated[SignInSection, Active("People who sign in.")] = Field(default_factory=SignInSection)
