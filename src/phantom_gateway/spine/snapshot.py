"""What control compiles from the configuration and gateway workers serve from.

A snapshot is immutable, carries a revision and is swapped by reference. It names everything a worker needs to serve
without control: models, deployments with addresses, credentials and prices, fallbacks, limits of the wire. It crosses the
spine as msgpack (``phantom_gateway.spine.codec``); nothing of it is ever written to disk.

Compatibility: workers and control of one node always run the same release, so fields may be added freely; the spine's
protocol version is checked at the handshake.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.bridge import BridgeSettings, BridgeSlot


class Struct(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of everything in a snapshot."""


class Prices(Struct, frozen=True, kw_only=True):
    """Nano-dollars per million units, so that every published price is an integer (1 nano-dollar per token = 1e6 here).

    ``None`` means "no price of its own": the class is then billed like the class it is part of (cache classes and audio
    input like input; reasoning and audio output like output). ``version`` names the table, or ``config`` for an override.
    """

    version: str = "none"
    input: int = 0
    output: int = 0
    cache_read: int | None = None
    cache_write_5m: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    audio_input: int | None = None
    audio_output: int | None = None
    image: int | None = None
    request: int = 0
    """Nano-dollars per request or search unit (not per million)."""
    image_input: int | None = None
    image_output: int | None = None
    """Tokens of images."""
    character: int = 0
    audio_ms: int = 0
    """Per million milliseconds: a dollar an hour is about 278,000,000."""
    pixel: int = 0
    sizes: dict[str, int] = {}
    """Instead of ``image``, by what is asked for: ``high/1024x1536`` or ``1024x1024``."""
    tiers: tuple[PriceTier, ...] = ()
    """What a request with a longer input costs instead, the shortest first."""


class PriceTier(Struct, frozen=True, kw_only=True):
    """The prices of a whole request whose input side (cached tokens included) has more than ``above`` tokens."""

    above: int
    prices: Prices
    """Complete, without tiers of their own."""


class PricedModel(Struct, frozen=True, kw_only=True):
    """What the price table knows of a model that a wildcard may name."""

    prices: Prices
    max_output_tokens: int = 0
    """0 = unknown."""
    traits: tuple[str, ...] = ()
    """See ``Deployment.traits``."""


class Budget(Struct, frozen=True, kw_only=True):
    """Money per window, as configured: of the whole gateway, a provider, a deployment, a tag."""

    amount: int
    """Nano-dollars."""
    window: str = ""
    """A duration; empty: it never resets."""


class Address(Struct, frozen=True, kw_only=True):
    """Where an upstream lives, fixed from configuration; a request never changes it."""

    scheme: str
    """``https``, ``http`` or ``unix``."""
    host: str = ""
    port: int = 0
    socket_path: str = ""
    """For ``unix``: the socket's path."""
    allow_private: tuple[str, ...] = ()
    """CIDR blocks beyond the global Internet this origin may resolve to (the operator wrote such an address)."""
    verify: bool = True
    ca_file: str = ""
    proxy_url: Secret | None = None
    """Corporate proxy (``http://[user:password@]host:port``) reached with CONNECT."""


class TokenGrant(Struct, frozen=True, kw_only=True):
    """With what access tokens are had that an upstream takes instead of a key (client credentials, RFC 6749)."""

    address: Address
    path: str
    client_id: str
    client_secret: Secret
    scope: str


class Deployment(Struct, frozen=True, kw_only=True):
    """One upstream model that can serve a public model name."""

    id: str
    group: str
    """The public model name this deployment belongs to (may be a wildcard such as ``openai/*``)."""
    provider: str
    model: str
    """The name the upstream knows; for a wildcard it ends in ``*`` and the star is replaced by what the caller's star matched."""
    address: Address
    base_path: str = ""
    """Path prefix before the operation's path, without trailing slash: ``/v1``, ``/openai/v1``."""
    paths: dict[str, str] = {}
    """Operation to path after ``base_path``: ``{"chat": "/chat/completions"}``; ``{model}`` is replaced. Missing = unsupported."""
    query: str = ""
    """Fixed query string, e.g. ``api-version=2024-10-21``."""
    headers: tuple[tuple[str, str], ...] = ()
    """Fixed request headers (``extra_headers``, organisation), without credentials."""
    auth_header: str = "authorization"
    auth_prefix: str = "Bearer "
    api_key: Secret | None = None
    grant: TokenGrant | None = None
    """Set where tokens stand in for ``api_key``."""
    secret_headers: tuple[tuple[str, Secret], ...] = ()
    usage_in_stream: str = "include_usage"
    """``include_usage``: ask by ``stream_options``; ``always``: the upstream sends usage unasked; ``never``."""
    traits: tuple[str, ...] = ()
    """What translation has to know of provider and model: ``cache_control`` (breakpoints are understood in OpenAI's format),
    ``max_completion_tokens`` (the name of the output bound), ``adaptive_thinking``, ``no_reasoning``."""
    drop_params: bool = False
    """Whether translation leaves out what changes the answer and the upstream does not have; else it refuses."""
    without: frozenset[str] = frozenset()
    """Request fields that are never sent (``additional_drop_params``)."""
    defaults: dict[str, Any] = {}
    """Request fields set when the caller did not (``temperature`` in ``litellm_params``)."""
    prices: Prices = Prices()
    max_input_tokens: int = 0
    max_output_tokens: int = 0
    """0 = unknown."""
    weight: float = 1.0
    order: int = 0
    rpm: int | None = None
    tpm: int | None = None
    max_parallel_requests: int | None = None
    timeout_s: float | None = None
    stream_timeout_s: float | None = None
    max_retries: int | None = None
    tags: tuple[str, ...] = ()
    team_id: str = ""
    """The team this deployment belongs to: nobody else's requests come here."""
    cooldown_s: float | None = None
    """Instead of ``Routing.cooldown_s``."""
    access_groups: tuple[str, ...] = ()
    """Names by which lists of models may mean this deployment's group."""
    budget: Budget | None = None
    mode: str = ""
    """``chat``, ``completion``, ``embedding``, ... or empty when unknown."""
    info: dict[str, Any] = {}
    """``model_info`` as written, echoed by the discovery routes."""
    mock_response: str | None = None
    bridge: BridgeSlot | None = None
    """Set where LiteLLM's SDK makes the calls, behind the address."""
    db_model: bool = False
    """Kept in the database rather than in the configuration file."""


class Pass(Struct, frozen=True, kw_only=True):
    """A path below which requests go on to another service as they are."""

    path: str
    """``/openai``; without a slash at its end."""
    upstream: Deployment
    """Where to, with which headers and credentials; ``prices`` are those of a request, where they are written."""
    subpaths: bool = True
    """Whether what follows the path is appended to the target's."""
    methods: tuple[str, ...] = ()
    """Empty: all."""
    query: tuple[tuple[str, str], ...] = ()
    """Parameters that are added where the caller has none of the name."""
    all_headers: bool = False
    """Whether the caller's headers go on, but for credentials and those of a connection; else a few known ones."""
    shape: str = ""
    """``providers.passes.Shape``."""
    metered: str = ""
    free: str = ""
    """Regular expressions for the ends of paths: what reports usage, what costs nothing."""
    root: str = ""
    """Stands before what is appended, unless it begins with it."""
    escaped_slash: bool = False


Strategy = Literal[
    "simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing-v2", "cost-based-routing"
]
Fault = Literal[
    "BadRequest",
    "Authentication",
    "Timeout",
    "RateLimit",
    "ContentPolicyViolation",
    "InternalServer",
    "ServiceUnavailable",
    "BadGateway",
    "NotFound",
    "Default",
]
"""Kinds of failures by LiteLLM's names, without their common ``Error``."""
Affinity = Literal["prompt_caching", "session_affinity", "deployment_affinity"]
"""What keeps requests on one deployment: a conversation, a session, a key."""


class Routing(Struct, frozen=True, kw_only=True):
    """Behaviour of the one attempt loop."""

    strategy: Strategy = "simple-shuffle"
    affinity: tuple[Affinity, ...] = ()
    tag_filtering: bool = False
    tags_match_any: bool = True
    """One tag in common suffices; else a deployment must have all tags of the request."""
    input_check: bool = False
    """Leave out deployments whose input limit the request exceeds."""
    num_retries: int = 2
    retry_policy: dict[Fault, int] = {}
    """Retries by kind of failure; where it says nothing, ``num_retries`` or the deployment's own number holds."""
    retry_policies: dict[str, dict[Fault, int]] = {}
    """The same by group; wins over ``retry_policy``."""
    retry_share: float = 0.1
    """Retries of a worker as a share of its requests, beside a few that are always possible."""
    retry_after_s: float = 0.0
    timeout_s: float = 600.0
    """Of one attempt."""
    total_timeout_s: float = 0.0
    """Of all attempts, waits and fallbacks together, to the end of a whole answer or the first event of a stream; 0: as long as the
    longest attempt may take."""
    stream_timeout_s: float | None = None
    connect_timeout_s: float = 5.0
    stall_timeout_s: float = 120.0
    """Longest silence inside a response body."""
    allowed_fails: int = 3
    """Failures in a row before a deployment rests."""
    allowed_fails_policy: dict[Fault, int] = {}
    """The same by kind of failure, each counted by itself."""
    cooldown_s: float = 5.0
    max_fallbacks: int = 5
    fallbacks: dict[str, tuple[str, ...]] = {}
    default_fallbacks: tuple[str, ...] = ()
    context_window_fallbacks: dict[str, tuple[str, ...]] = {}
    """Where a request goes whose input is too long; ``*`` stands for every model."""
    content_policy_fallbacks: dict[str, tuple[str, ...]] = {}
    """Where a request goes that the provider's filter refused."""
    aliases: dict[str, str] = {}
    """``model_group_alias``: public alias to model group."""
    hidden_aliases: frozenset[str] = frozenset()
    provider_budgets: dict[str, Budget] = {}
    enforce_rates: bool = False
    """Whether ``rpm`` and ``tpm`` of deployments are limits, not only their share of the load."""
    max_parallel: int | None = None
    """``max_parallel_requests`` of deployments without one."""


class PriorityShare(Struct, frozen=True, kw_only=True):
    """What is reserved for a priority: a part of one, or requests or tokens a minute."""

    kind: Literal["percent", "rpm", "tpm"] = "percent"
    value: float


class Priorities(Struct, frozen=True, kw_only=True):
    """``priority_reservation``."""

    shares: dict[str, PriorityShare]
    default: float = 0.25
    """The share, as a part of one, that all others have together."""
    threshold: float = 0.5
    """How much of a model must be in use, as a part of one, before priorities are held to their shares."""


class HealthChecks(Struct, frozen=True, kw_only=True):
    """What control asks of upstreams by itself; 0 seconds: never."""

    interval_s: float = 0.0
    """Between smallest requests, which the providers bill (``background_health_checks``)."""
    free_interval_s: float = 0.0
    """Between requests for the list of models, which cost nothing."""
    at_once: int = 16
    decide: bool = False
    """Whether a deployment whose last check failed is asked only when there is no other (``enable_health_check_routing``)."""


class HttpLimits(Struct, frozen=True, kw_only=True):
    """Bounds of the public HTTP/1.1 listener. Sizes in bytes, times in seconds."""

    max_target: int = 8192
    max_header_line: int = 8192
    max_header_bytes: int = 32768
    max_headers: int = 100
    max_body: int = 32 * 1024 * 1024
    max_buffered: int = 256 * 1024 * 1024
    """All request bodies together that one worker holds; at least ``max_body``."""
    header_timeout_s: float = 10.0
    body_stall_s: float = 30.0
    body_timeout_s: float = 300.0
    """From the end of a head to the end of its body."""
    idle_timeout_s: float = 75.0
    write_stall_s: float = 60.0
    tls_handshake_s: float = 10.0
    max_requests_per_connection: int = 1000
    max_connections: int = 10000
    allowed_hosts: tuple[str, ...] = ()
    """Host names answered; empty = any well-formed Host."""


class RedisPlace(Struct, frozen=True, kw_only=True):
    """A Redis or Valkey and how to sign in there. ``address.scheme`` is ``https`` for TLS, ``http`` for plain, or ``unix``."""

    address: Address
    username: str = ""
    password: Secret | None = None
    db: int = 0


CacheScope = Literal["key", "team", "organization"]


class CacheRules(Struct, frozen=True, kw_only=True):
    """How answers are cached. Sizes in bytes, times in seconds."""

    secret: Secret
    """Hex of a 32-byte key: names entries, so that nobody can guess one, and seals what leaves the process."""
    redis: RedisPlace | None = None
    """Where entries are kept; ``None``: in the memory of each worker."""
    ttl_s: float = 600.0
    scope: CacheScope = "key"
    """Who shares entries; a key without team or organisation shares with nobody."""
    default_on: bool = True
    """Whether requests use it that do not say so."""
    call_types: frozenset[str] = frozenset()
    """LiteLLM's names of the operations that are cached; empty: all."""
    namespace: str = ""
    max_answer: int = 1024 * 1024
    """Larger answers are not kept."""
    max_bytes: int = 64 * 1024 * 1024
    """Of one worker's memory."""
    max_entries: int = 10_000
    timeout_s: float = 0.1
    """For one word with Redis, connecting included; then it is a miss."""


class Settings(Struct, frozen=True, kw_only=True):
    """What is left of general and litellm settings for the data plane."""

    budget_exceeded_status: int = 422
    throttled_part: float = 0.0
    """Of its rates what a key has that goes on with its budget exceeded; 0: none does."""
    drain_grace_s: float = 60.0
    key_header: str = ""
    """Additional request header that may carry the key (``litellm_key_header_name``)."""
    customer_headers: tuple[str, ...] = ()
    """Request headers that name the customer, the first one that is there."""
    user_headers: tuple[str, ...] = ()
    """Request headers that name the user on whose behalf a key without a user calls."""
    required_fields: tuple[str, ...] = ()
    """Body fields of every request to a model, ``metadata.name`` for one inside another (``enforced_params``)."""
    requires_customer: bool = False
    allowed_clients: tuple[str, ...] | None = None
    """Blocks of addresses that are served; ``None``: everybody."""
    believes_forwarded_for: bool = False
    trusted_proxies: tuple[str, ...] = ()
    """Whose ``X-Forwarded-For`` is believed; none: whoever connects."""
    always_include_stream_usage: bool = False
    journal_sync: str = "group"
    """``group``: written before the answer, synced in the background; ``strict``: synced before the answer."""
    cancel_on_disconnect: bool = False
    """Whether an unstreamed call is stopped when its caller leaves; else it is brought to its end and billed exactly."""
    abandoned_timeout_s: float = 300.0
    """How long such a call may take to its end."""
    reject_client_tags: bool = False
    global_max_parallel: int | None = None
    key_max_parallel: int | None = None
    """Requests at once of every key without a limit of its own."""
    budget: Budget | None = None
    """Of the whole gateway, the master key included."""
    master_key_budget: Budget | None = None
    customer_budget: Budget | None = None
    """Of every customer (end user) without a budget."""
    customer_budget_id: str = ""
    """A row of ``budgets`` whose limits every customer has who has none; wins over ``customer_budget``."""
    tag_budgets: dict[str, Budget] = {}
    """Of tags without a budget."""
    priorities: Priorities | None = None
    conversations_s: float = 0.0
    """How long what was said is kept for ``previous_response_id`` where the provider keeps nothing; 0: not at all."""
    conversations_bytes: int = 64 * 1024 * 1024
    limited_tokens: Literal["total", "input", "output"] = "total"
    """Which tokens count against token limits."""
    admin_listen: str = ""
    """``host:port`` of control's own listener; read at start, empty when the public port is shared."""
    data_port_admin: bool = True
    """Whether the public port forwards management paths to control (``admin.listen: shared``)."""


class Snapshot(Struct, frozen=True, kw_only=True):
    """Everything a worker serves from."""

    revision: int
    deployments: tuple[Deployment, ...] = ()
    routing: Routing = Routing()
    checks: HealthChecks = HealthChecks()
    http: HttpLimits = HttpLimits()
    settings: Settings = Settings()
    bridge: BridgeSettings = BridgeSettings()
    passes: tuple[Pass, ...] = ()
    price_lists: dict[str, dict[str, PricedModel]] = {}
    """Provider to its models, for providers behind wildcard deployments and passes without prices of their own."""
    key_pepper: Secret | None = None
    """Hex of the key-digest key (``phantom_gateway.security.digest``)."""
    cache: CacheRules | None = None
