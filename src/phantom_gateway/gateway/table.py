"""A snapshot compiled to ready-to-run objects: the hot path looks nothing up by name twice and renders nothing twice."""

from __future__ import annotations

import random
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from phantom_gateway.dialects.operations import STORED
from phantom_gateway.dialects.responses.compose import in_own_words
from phantom_gateway.gateway import ways
from phantom_gateway.gateway.headers import text as header_text
from phantom_gateway.gateway.health import MAX_REMEMBERED, Health
from phantom_gateway.gateway.own_routing import joined
from phantom_gateway.gateway.passages import Passages
from phantom_gateway.gateway.retry_budget import share_of
from phantom_gateway.gateway.strategies import STRATEGIES
from phantom_gateway.ledger.money import all_tiers
from phantom_gateway.limits import configured
from phantom_gateway.limits.priorities import reservations
from phantom_gateway.security.response_ids import ResponseIds
from phantom_gateway.spine.clients import Clients
from phantom_gateway.spine.messages import Limit
from phantom_gateway.spine.model_access import ModelNames
from phantom_gateway.spine.snapshot import PricedModel, Prices
from phantom_gateway.wire.client import Timeouts
from phantom_gateway.wire.message import header_block, render_head
from phantom_gateway.wire.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from phantom_gateway.config.secret import Secret
    from phantom_gateway.gateway.permit import Permit
    from phantom_gateway.gateway.wishes import Reason
    from phantom_gateway.spine.messages import KeyRecord, OwnRouting
    from phantom_gateway.spine.snapshot import Deployment, Fault, Routing, Snapshot

UNKNOWN_OUTPUT_LIMIT = 16384
"""Output tokens reserved for when neither the request nor the model's data bounds the output."""

FORWARDED = ("anthropic-version", "anthropic-beta")
"""Headers of the caller that go on to an upstream of the same format."""
MOCKED = ("chat", "completions")
"""What a mocked answer is made of; every other format is translated from it."""
MAX_KEYS = 20_000
MAX_DERIVED = 64
"""Routings of keys of their own that are kept compiled."""
MAX_MODELS = 200
"""Permits that are remembered of one key."""

_UNPRICED = PricedModel(prices=Prices())
_encoder = msgspec.json.Encoder()


class Target:
    """One deployment, compiled: request heads per operation, request defaults, timeouts, health."""

    __slots__ = (
        "_bound",
        "_fixed_price",
        "_ids",
        "_pepper",
        "_price_list",
        "bridged",
        "cooldown_s",
        "defaults",
        "deployment",
        "fixed_model",
        "grant",
        "header_part",
        "health",
        "id",
        "limits",
        "origin",
        "own",
        "stream_timeouts",
        "tags",
        "timeouts",
        "token",
        "traits",
        "ways",
        "weight",
    )  # fmt: skip

    def __init__(self, deployment: Deployment, snapshot: Snapshot, health: Health) -> None:
        routing = snapshot.routing
        self.deployment = deployment
        self.bridged = deployment.bridge is not None
        self.id = deployment.id
        self.limits = configured.of_deployment(deployment, snapshot)
        """Of the deployment and of its provider."""
        self.health = health
        self.weight = deployment.weight
        self.tags = frozenset(deployment.tags)
        self.cooldown_s = routing.cooldown_s
        if self.cooldown_s and deployment.cooldown_s is not None:
            self.cooldown_s = deployment.cooldown_s
        self.header_part = b"x-litellm-model-id: %b\r\nx-litellm-model-group: %b\r\n" % (
            header_text(deployment.id),
            header_text(deployment.group),
        )
        self.origin = Origin.of(deployment.address)
        self.fixed_model = "" if deployment.model.endswith("*") else deployment.model
        self._bound: dict[str, Target] = {}
        self._price_list: dict[str, PricedModel] = {}
        self._fixed_price: PricedModel | None = None
        if self.fixed_model or deployment.prices != Prices():
            self._fixed_price = PricedModel(prices=deployment.prices, max_output_tokens=deployment.max_output_tokens)
        else:
            self._price_list = snapshot.price_lists.get(deployment.provider, {})
        self.defaults = {name: _encoder.encode(value) for name, value in deployment.defaults.items()}
        self.traits = frozenset(deployment.traits)
        self.own = {name: value for name, value in deployment.headers if name in FORWARDED}
        """What the operator wrote of the headers that callers may set, too."""
        self.grant = deployment.grant
        self.token: Secret | None = None  # what requests carry where there is a grant
        self._pepper = snapshot.key_pepper
        self.ways = self._rendered()
        self.set_timeouts(routing, deployment.timeout_s, deployment.stream_timeout_s)

    def _rendered(self) -> dict[str, ways.Way]:
        """Every way that the deployment serves."""
        deployment = self.deployment
        mocked = deployment.mock_response is not None
        paths = {name: name for name in MOCKED} if mocked and deployment.paths else deployment.paths
        self._ids = None if self._pepper is None else ResponseIds(self._pepper)
        if "responses" in paths:
            paths = paths | {each.name: paths["responses"] for each in STORED}
        return ways.of(
            paths, lambda operation: self._way(operation, "/" + paths[operation] if mocked else paths[operation])
        )

    def sign(self, token: Secret) -> None:
        """Have requests carry ``token`` from now on."""
        self.token = token
        self.deployment = msgspec.structs.replace(self.deployment, api_key=token)
        self.ways = self._rendered()

    def set_timeouts(self, routing: Routing, own: float | None, own_stream: float | None) -> None:
        """Set how long attempts may take: as the deployment says, else as everywhere, and within what is left for a call."""
        total = own or routing.timeout_s
        stream = own_stream or routing.stream_timeout_s or total
        if routing.total_timeout_s:
            total, stream = min(total, routing.total_timeout_s), min(stream, routing.total_timeout_s)
        connect = routing.connect_timeout_s
        self._bound = {}  # copies for models have those of before
        self.timeouts = Timeouts(connect_s=connect, first_byte_s=total, stall_s=routing.stall_timeout_s, total_s=total)
        self.stream_timeouts = Timeouts(
            connect_s=connect, first_byte_s=stream, stall_s=routing.stall_timeout_s, total_s=None
        )

    def bound(self, model: str) -> Target:
        """This wildcard for one upstream model: the same in everything but its health."""
        health = self.health.of(model)
        found = self._bound.get(model)
        if found is None or found.health is not health:
            if len(self._bound) >= MAX_REMEMBERED:
                self._bound.clear()
            found = self._bound[model] = copy(self)
            found.fixed_model, found.health = model, health
        return found

    def timed(self, routing: Routing, said: Collection[str]) -> Target:
        """The same with the timeouts of a key's own, where it says some: they win over the deployment's."""
        if not {"timeout_s", "stream_timeout_s"} & set(said):
            return self
        made, deployment = copy(self), self.deployment
        made.set_timeouts(routing, None if "timeout_s" in said else deployment.timeout_s, None)
        return made

    def priced(self, model: str) -> PricedModel:
        """Prices and output limit of an upstream model here; free when a wildcard's model is in no price list."""
        return self._fixed_price or self._price_list.get(model, _UNPRICED)

    def worst(self, model: str) -> Worst:
        """What a request for an upstream model can cost at most here."""
        return _worst_of([self.priced(model)])

    def is_priced(self, model: str) -> bool:
        """Whether the price of an upstream model is known, or nothing has a price here."""
        return self._fixed_price is not None or not self._price_list or model in self._price_list

    def upstream_model(self, asked: str) -> str:
        """The name the upstream knows. For a wildcard the caller's star goes where the deployment's star stands."""
        if self.fixed_model:
            return self.fixed_model
        matched = asked[len(self.deployment.group) - 1 :] if self.deployment.group.endswith("*") else asked
        return self.deployment.model[:-1] + matched

    def named(self, prefix: bytes, model: str) -> bytes:
        """A request head with ``model`` where the path names it."""
        return prefix.replace(b"{model}", _path_segment(model))

    def _way(self, operation: str, path: str) -> ways.Way:
        deployment = self.deployment
        path = deployment.base_path + path
        model_in_path = "{model}" in path
        if model_in_path and self.fixed_model:
            path = path.replace("{model}", _path_segment(self.fixed_model).decode())
            model_in_path = False
        headers = [("user-agent", "phantom-gateway"), ("accept-encoding", "identity")]
        way = ways.Way(operation, model_in_path=model_in_path)
        way.defaults = self.defaults
        if way.reading in (ways.RESPONSES, ways.KEPT):
            way.ids = self._ids
            own = in_own_words(deployment.defaults) if operation == "responses" else {}
            way.defaults = {name: _encoder.encode(value) for name, value in own.items()}
        if not way.form:
            headers.append(("content-type", "application/json"))
        headers += [pair for pair in deployment.headers if not (way.forwards and pair[0] in FORWARDED)]
        headers += [(name, value.reveal()) for name, value in deployment.secret_headers]
        if deployment.api_key:
            headers.append((deployment.auth_header, deployment.auth_prefix + deployment.api_key.reveal()))
        block = header_block((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        if way.reading is ways.KEPT:
            way.place = self._place(path).encode("ascii")
            way.prefix = b"HTTP/1.1\r\nhost: %b\r\n%b" % (self.origin.host_header, block)
            return way
        way.prefix = self._prefix(path, block)
        if operation in ways.STREAMED:
            way.streaming = self._prefix(path.replace(*ways.STREAMED[operation]), block)
        return way

    def _prefix(self, path: str, block: bytes) -> bytes:
        """A request head up to the value of Content-Length."""
        head = render_head("POST", self._place(path).encode("ascii"), self.origin.host_header, block, None)
        return head[:-2] + b"content-length: "

    def _place(self, path: str) -> str:
        """A path with the query that the deployment's requests have."""
        query = self.deployment.query
        return path + (f"{'&' if '?' in path else '?'}{query}" if query else "")


def _path_segment(model: str) -> bytes:
    """A model name as one path segment: only unreserved characters (RFC 3986) stay as they are."""
    return "".join(
        c if c.isascii() and (c.isalnum() or c in "-._~") else f"%{b:02X}" for c in model for b in c.encode()
    ).encode()


class Worst(NamedTuple):
    """The dearest prices and the largest output over all deployments that may end up serving a request.

    ``input`` and ``output`` in nano-dollars per million tokens, ``request`` in nano-dollars, ``output_limit`` in tokens.
    """

    input: int = 0
    output: int = 0
    request: int = 0
    output_limit: int = 0
    above: int = 0
    """0, or the tokens of input above which ``long`` holds instead."""
    long: Worst | None = None
    prices: tuple[Prices, ...] = ()
    """All of them, for what is not billed by tokens alone."""


class Group:
    """All deployments under one public model name; of a team, if it has any of its own under it."""

    __slots__ = (
        "alone", "by_operation", "fallbacks", "fixed", "name", "nameless", "operations", "retries", "targets", "worst",
    )  # fmt: skip

    def __init__(self, name: str, targets: tuple[Target, ...], routing: Routing) -> None:
        self.name = name
        self.targets = targets
        self.fallbacks: Fallbacks = NOWHERE
        self.operations = frozenset(operation for target in targets for operation in target.ways)
        self.by_operation = {
            operation: tuple(target for target in targets if operation in target.ways) for operation in self.operations
        }
        self.retries: Mapping[Fault, int] = routing.retry_policy | routing.retry_policies.get(name, {})
        """By kind of failure, where the configuration says something."""
        self.fixed = all(target.fixed_model for target in targets)
        self.nameless = frozenset() if self.fixed or not name.endswith("*") else frozenset((name, name[:-1]))
        """What the group's pattern covers, and no upstream has as the name of a model."""
        self.worst = Worst()
        """Of this group and its fallbacks, when no wildcard is among them; else ask ``Table.worst``."""
        self.alone = len(targets) == 1
        """Whether a resting deployment would leave nobody: there is one, and nothing to fall back to."""

    def bound(self, targets: Sequence[Target], model: str) -> Sequence[Target]:
        """Those of ``targets`` as they are for one model: of wildcards, each model is judged by itself."""
        return targets if self.fixed else [target.bound(target.upstream_model(model)) for target in targets]


class Fallbacks(NamedTuple):
    """Where a request goes when its group cannot serve it, by the reason."""

    general: tuple[str, ...] = ()
    context_window: tuple[str, ...] = ()
    content_policy: tuple[str, ...] = ()

    def of(self, reason: Reason) -> tuple[str, ...]:
        """Those for one reason."""
        if reason == "general":
            return self.general
        return self.context_window if reason == "context_window" else self.content_policy

    def names(self) -> tuple[str, ...]:
        """All of them, once each."""
        return tuple(dict.fromkeys([*self.general, *self.context_window, *self.content_policy]))


NOWHERE = Fallbacks()


class Table:
    """The routes of one snapshot."""

    def __init__(self, snapshot: Snapshot, previous: Table | None = None) -> None:
        self.snapshot = snapshot
        self.routing = snapshot.routing
        settings = snapshot.settings
        self.customer_headers = tuple([name.encode("latin-1") for name in settings.customer_headers])
        self.user_headers = tuple([name.encode("latin-1") for name in settings.user_headers])
        self.requires = bool(settings.required_fields or settings.requires_customer)
        """Whether requests must have something that a model does not ask for."""
        self.clients: Clients | None = None
        """Set where it matters from which address a request comes."""
        if settings.allowed_clients is not None or settings.believes_forwarded_for:
            believes, trusted = settings.believes_forwarded_for, settings.trusted_proxies
            self.clients = Clients(settings.allowed_clients, trusted, believes=believes)
        self.names = ModelNames(snapshot)
        self.response_ids = None if snapshot.key_pepper is None else ResponseIds(snapshot.key_pepper)
        self.common_limits = configured.of_gateway(snapshot)
        """Limits of the whole gateway, beside those of the key."""
        self.master_limits = configured.of_master_key(snapshot)
        self.reservations = reservations(snapshot)
        """Shares of models by priority."""
        self.limited_tokens = settings.limited_tokens
        self._permits: dict[int, tuple[KeyRecord, dict[str | tuple[str, str], Permit]]] = {}
        """By ``id`` of the record, which the entry keeps alive."""
        self.draw: random.Random = random.SystemRandom() if previous is None else previous.draw
        self.retry_share = share_of(self.routing.retry_share)
        self.unhealthy: frozenset[str] = frozenset() if previous is None else previous.unhealthy
        """Deployments whose health check failed, where checks decide on routes: asked only when there is no other."""
        healths = {} if previous is None else {target.id: target.health for target in previous.targets}
        self.passages = Passages(snapshot, Target, lambda name, target: Group(name, (target,), self.routing))
        self._derived: dict[str, Table] = {}
        """By the name of the routing of a key's own."""
        self._arrange([Target(each, snapshot, healths.get(each.id) or Health()) for each in snapshot.deployments])

    def _arrange(self, targets: Sequence[Target]) -> None:
        """Put ``targets`` into groups, by ``routing``."""
        self.strategy = STRATEGIES[self.routing.strategy]
        self.counts_use = self.routing.strategy == "usage-based-routing-v2"
        self.picks = self.routing.tag_filtering or self.routing.input_check
        """Whether a request may be admitted to some deployments of a group only."""
        members: dict[tuple[str, str], list[Target]] = {}
        for target in targets:
            members.setdefault((target.deployment.team_id, target.deployment.group), []).append(target)
        self.targets: tuple[Target, ...] = tuple(target for each in members.values() for target in each)
        groups = {place: Group(place[1], tuple(each), self.routing) for place, each in members.items()}
        self.groups: dict[str, Group] = {name: group for (team, name), group in groups.items() if not team}
        self._of_teams = {place: group for place, group in groups.items() if place[0]}
        longest = [max(t.timeouts.total_s or 0, t.stream_timeouts.first_byte_s or 0) for t in self.targets]
        self.total_timeout_s = self.routing.total_timeout_s or max([self.routing.timeout_s, *longest])
        """Seconds for a whole call, whatever is tried."""
        for (team, name), group in groups.items():
            group.fallbacks = self._fallbacks_of(name)
            group.alone = group.alone and not (group.fixed and group.fallbacks.general)
            chain = [(group, name), *self._found(group.fallbacks.names(), team)]
            # a fallback of everybody's may lead a team to its own deployments, at their prices
            if all(member.fixed for member, _ in chain) and (team or len(chain) == 1 or not self._of_teams):
                group.worst = _worst(chain)
            else:
                group.fixed = False

    def of_own(self, own: OwnRouting) -> Table:
        """The same with the routing of a key's own: the same deployments, whose state is everybody's."""
        made = self._derived.get(own.name)
        if made is None:
            if len(self._derived) >= MAX_DERIVED:
                self._derived.clear()
            made = self._derived[own.name] = copy(self)
            made.follow(own)
        return made

    def follow(self, own: OwnRouting) -> None:
        """Become the table of a key's own routing; for a fresh copy."""
        self._derived, self._permits = {}, {}
        self.routing = joined(self.routing, own)
        self._arrange([target.timed(self.routing, own.said) for target in self.targets])

    def mark_unhealthy(self, deployments: frozenset[str]) -> None:
        """Learn whose health check failed, where checks decide on routes."""
        for table in (self, *self._derived.values()):
            table.unhealthy = deployments

    def limits_of_key(self, key: KeyRecord) -> tuple[Limit, ...]:
        """What the configuration gives every key that says nothing itself."""
        most = self.snapshot.settings.key_max_parallel
        entity = f"key:{key.id}"
        if most is None or any(limit.kind == "parallel" and limit.entity == entity for limit in key.limits):
            return ()
        return (Limit(scope=f"parallel:{entity}:", kind="parallel", entity=entity, amount=most),)

    def permits(self, key: KeyRecord) -> dict[str | tuple[str, str], Permit]:
        """What is known of what a key may do, by the model asked for, and the priority where one was; up to ``MAX_MODELS``.

        Whoever finds out more adds it.
        """
        entry = self._permits.get(id(key))
        if entry is None:
            if len(self._permits) >= MAX_KEYS:
                self._permits.clear()
            entry = self._permits[id(key)] = key, {}
        return entry[1]

    def forget(self, key: KeyRecord) -> None:
        """Drop what is known of a record that will not come again."""
        self._permits.pop(id(key), None)
        for table in self._derived.values():
            table.forget(key)

    def worst(self, group: Group, model: str, team: str | None = None, further: tuple[str, ...] = ()) -> Worst:
        """What a request for ``model`` of ``group`` can cost at most, wherever it ends. ``further``: fallbacks it names."""
        if group.fixed and not further:
            return group.worst
        return _worst([(group, model), *self._found((*group.fallbacks.names(), *further), team)])

    def is_priced(self, group: Group, model: str, team: str | None = None, further: tuple[str, ...] = ()) -> bool:
        """False when a wildcard of a provider with a price list names a model that is not in it."""
        if group.fixed and not further:
            return True
        return all(
            target.is_priced(target.upstream_model(name))
            for member, name in [(group, model), *self._found((*group.fallbacks.names(), *further), team)]
            for target in member.targets
        )

    def _found(self, names: Iterable[str], team: str | None) -> list[tuple[Group, str]]:
        """The groups of several public names, with the model name asked of each."""
        return [found for each in names if (found := self.find(each, team)) is not None]

    def find(self, model: str, team: str | None = None) -> tuple[Group, str] | None:
        """The group that serves a public model name to a team, and the name within it (``ModelNames.find``).

        A wildcard's own name is none of a model.
        """
        if not self._of_teams:
            group = self.groups.get(model)
            if group is not None and not group.nameless:
                return group, model
        found = self.names.find(model, team)
        if found is None:
            return None
        group = self._of_teams[found.team, found.group] if found.team else self.groups[found.group]
        return None if found.model in group.nameless else (group, found.model)

    def _fallbacks_of(self, group: str) -> Fallbacks:
        """Where a request goes when the group cannot serve it; an empty list means nowhere."""
        routing = self.routing
        general = routing.fallbacks.get(group)
        if general is None:
            general = routing.fallbacks.get("*") or routing.default_fallbacks
        lists = [general]
        for special in (routing.context_window_fallbacks, routing.content_policy_fallbacks):
            names = special.get(group)
            lists.append(special.get("*", ()) if names is None else names)
        return Fallbacks(*[self.bounded(names, group) for names in lists])

    def bounded(self, names: Iterable[str], group: str) -> tuple[str, ...]:
        """Fallbacks of ``group``, bounded by ``max_fallbacks``."""
        return tuple([name for name in names if name != group][: self.routing.max_fallbacks])


def _worst(chain: list[tuple[Group, str]]) -> Worst:
    return _worst_of(
        [target.priced(target.upstream_model(model)) for group, model in chain for target in group.targets]
    )


def _worst_of(priced: list[PricedModel]) -> Worst:
    limit = max(each.max_output_tokens or UNKNOWN_OUTPUT_LIMIT for each in priced)
    every = list({id(each.prices): each.prices for each in priced}.values())
    short = _dearest(every, limit)._replace(prices=tuple(every))
    thresholds = [tier.above for each in priced for tier in each.prices.tiers]
    if not thresholds:
        return short
    long = _dearest([tier for each in priced for tier in all_tiers(each.prices)], limit)
    return short._replace(above=min(thresholds), long=long)


def _dearest(prices: list[Prices], output_limit: int) -> Worst:
    return Worst(
        max(
            max(p.input, p.cache_read or 0, p.cache_write_5m or 0, p.cache_write_1h or 0, p.audio_input or 0)
            for p in prices
        ),
        max(max(p.output, p.reasoning or 0, p.audio_output or 0) for p in prices),
        max(p.request for p in prices),
        output_limit,
    )
