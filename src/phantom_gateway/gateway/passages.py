"""Paths whose requests go on to another service as they are, compiled: what is sent there, and what of the caller's is not.

The origin and everything before the caller's part of the path come from the configuration; what could lead elsewhere (dot
segments, empty segments, escaped ones, backslashes) is refused rather than cleaned.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote, unquote

from phantom_gateway.gateway.errors import invalid_request
from phantom_gateway.gateway.health import Health
from phantom_gateway.wire.message import FRAMING_HEADERS, header_block, render_head

if TYPE_CHECKING:
    from collections.abc import Callable

    from phantom_gateway.gateway.table import Group, Target
    from phantom_gateway.spine.snapshot import Deployment, Pass, Snapshot
    from phantom_gateway.wire.message import Headers, Request

PLACE = "/"
"""With it begins the name of every passage, and no other model's."""
ANTHROPIC_VERSION = "2023-06-01"
"""For callers who name none, which Anthropic refuses."""
_BAD = re.compile(rb"//|\\|\.\.|%(?:2e|5c|25|00|0[0-9a-f]|1[0-9a-f]|7f)|[^\x21-\x7e]", re.IGNORECASE)
_SLASH = re.compile(rb"%2f", re.IGNORECASE)
_MODEL = re.compile(r"/(?:models|deployments)/([^/:]+)|/model/([^/]+)/")

CREDENTIALS = frozenset(
    {
        "authorization", "proxy-authorization", "cookie", "x-api-key", "api-key", "x-goog-api-key", "x-litellm-api-key",
        "x-amz-security-token", "x-amz-date", "x-amz-content-sha256", "x-goog-user-project", "openai-organization",
        "openai-project",
    }
)  # fmt: skip
"""Request headers that say who pays, and never go on."""
_NEVER = frozenset(
    {
        "host", "expect", "forwarded", "via", "x-real-ip", "accept-encoding", "content-length", "proxy-connection",
        "http2-settings", "metadata", "metadata-flavor", "proxy-authenticate",
    }
)  # fmt: skip
_NEVER_BEGIN = ("x-litellm-", "x-forwarded-", "x-aws-ec2-metadata-token", "x-phantom-", "cf-", "x-envoy-")
_ALLOWED = frozenset(
    {
        "accept", "accept-language", "content-type", "content-language", "content-disposition", "range", "if-match",
        "if-none-match", "if-range", "idempotency-key", "anthropic-version", "anthropic-beta", "openai-beta",
        "x-goog-api-client", "user-agent",
        "x-goog-upload-protocol", "x-goog-upload-command", "x-goog-upload-offset", "x-goog-upload-header-content-length",
        "x-goog-upload-header-content-type", "x-amzn-bedrock-accept", "x-amzn-bedrock-guardrailidentifier",
        "x-amzn-bedrock-guardrailversion", "x-amzn-bedrock-trace", "x-client-name",
    }
)  # fmt: skip
_QUERY_CREDENTIALS = frozenset(
    {
        "key", "$key", "api_key", "api-key", "apikey", "access_token", "oauth_token", "subscription-key", "userproject",
        "$userproject", "x-amz-signature", "x-amz-credential", "x-amz-security-token",
    }
)  # fmt: skip
_ANSWERED = frozenset(
    {
        b"content-type", b"content-encoding", b"content-language", b"content-disposition", b"content-range", b"accept-ranges",
        b"etag", b"last-modified", b"retry-after", b"x-request-id", b"request-id", b"x-goog-upload-status",
        b"x-goog-upload-chunk-granularity", b"x-amzn-requestid", b"apim-request-id", b"x-debug-trace-id",
    }
)  # fmt: skip
_ANSWERED_BEGIN = (b"x-ratelimit-", b"anthropic-ratelimit-", b"openai-", b"x-amzn-bedrock-")
GUARDED = (
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cache-control", b"no-store"),
)
"""What another service answers is not drawn or run as a page of the gateway's."""


class Passage:
    """One path, compiled."""

    __slots__ = ("_fixed", "_free", "_metered", "group", "methods", "name", "priced", "spec", "target")

    def __init__(self, spec: Pass, target: Target, group: Group) -> None:
        upstream = spec.upstream
        self.spec = spec
        self.name = spec.path
        self.target = target
        self.group = group
        self.methods = frozenset(spec.methods)
        self._metered = re.compile(f"(?:{spec.metered})$") if spec.metered else None
        self._free = re.compile(f"(?:{spec.free})$") if spec.free else None
        self.priced = bool(upstream.prices.request)
        """Whether each request has a price of its own."""
        own = [*upstream.headers, *((name, value.reveal()) for name, value in upstream.secret_headers)]
        if upstream.api_key is not None:
            own.append((upstream.auth_header, upstream.auth_prefix + upstream.api_key.reveal()))
        self._fixed = {name.lower(): value for name, value in own}

    def is_metered(self, path: str) -> bool:
        """Whether an answer at this path reports what it used."""
        return self._metered is not None and self._metered.search(path) is not None

    def is_free(self, path: str) -> bool:
        """Whether a request to this path costs nothing."""
        return self._free is not None and self._free.search(path) is not None

    def head(self, request: Request, rest: bytes) -> bytes:
        """The request's head for the upstream. Raises ApiError 400 for what cannot be sent."""
        spec = self.spec
        root = spec.root.encode()
        if root and rest and not rest.startswith(root + b"/"):
            rest = root + rest
        target = (spec.upstream.base_path.encode("ascii") + rest) or b"/"
        if query := _query(request.query, spec.query, spec.upstream.query):
            target += b"?" + query
        usual = {"user-agent": "phantom-gateway"}
        if spec.shape == "anthropic":
            usual["anthropic-version"] = ANTHROPIC_VERSION
        pairs = usual | self._of_caller(request) | {"accept-encoding": "identity"}
        pairs |= self._fixed
        try:
            block = header_block((name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs.items())
            bodiless = not request.body and request.method in ("GET", "HEAD", "DELETE", "OPTIONS")
            length = None if bodiless else len(request.body)
            return render_head(request.method, target, self.target.origin.host_header, block, length)
        except ValueError as error:
            raise invalid_request("A header of the request cannot be sent on.", "headers") from error

    def _of_caller(self, request: Request) -> dict[str, str]:
        """The caller's headers that go on; those of the configuration win."""
        named = {item.strip().lower() for item in (request.get(b"connection") or b"").decode("latin-1").split(",")}
        kept: dict[str, str] = {}
        for raw, value in request.headers:
            name = raw.decode("latin-1")
            if name in CREDENTIALS or name in _NEVER or name in named or raw in FRAMING_HEADERS:
                continue
            if name.startswith(_NEVER_BEGIN) or not (self.spec.all_headers or name in _ALLOWED):
                continue
            text = value.decode("latin-1")
            kept[name] = f"{kept[name]}, {text}" if name in kept else text
        return kept

    def hidden(self, body: bytes) -> bytes:
        """An upstream's words without the credentials that it was sent."""
        upstream = self.spec.upstream
        secrets = [value for _, value in upstream.secret_headers] + ([upstream.api_key] if upstream.api_key else [])
        for secret in secrets:
            for text in {secret.reveal(), secret.reveal().rpartition(" ")[2]} - {""}:
                body = body.replace(text.encode(), b"[key]")
        return body


class Way(NamedTuple):
    """Where a request is passed."""

    passage: Passage
    rest: bytes
    """What of its path is the caller's, with a slash at its beginning; or empty."""


class Passages:
    """All paths of a snapshot."""

    def __init__(
        self,
        snapshot: Snapshot,
        compile_: Callable[[Deployment, Snapshot, Health], Target],
        group: Callable[[str, Target], Group],
    ) -> None:
        self.all: dict[bytes, Passage] = {}
        for spec in snapshot.passes:
            target = compile_(spec.upstream, snapshot, Health())
            self.all[spec.path.encode("ascii")] = Passage(spec, target, group(spec.path, target))

    def find(self, path: bytes) -> Way | None:
        """The longest path that ``path`` begins with. Raises ApiError 400 for a rest that may mean something else elsewhere."""
        way = self.at(path)
        return None if way is None else way._replace(rest=_checked(way.rest, way.passage.spec))

    def at(self, path: bytes) -> Way | None:
        """The same, whatever the rest may mean."""
        end = len(path) if self.all else 0
        while end > 0:
            passage = self.all.get(path[:end])
            if passage is not None and (end == len(path) or passage.spec.subpaths):
                return Way(passage, path[end:])
            end = path.rfind(b"/", 0, end)
        return None

    def of_name(self, name: str) -> tuple[Passage, str] | None:
        """The passage and the model in a name that ``named`` made."""
        place, _, model = name.partition(" ")
        passage = self.all.get(place.encode("latin-1", "replace"))
        return None if passage is None else (passage, model)


def named(passage: Passage, model: str) -> str:
    """Passage and model as one name, under which a permit is remembered."""
    return f"{passage.name} {model}"


def model_in(path: str) -> str:
    """The model that a path names (Google, Azure, Bedrock), or nothing."""
    found = _MODEL.search(path)
    return "" if found is None else unquote(found[1] or found[2])


def answered(upstream: Headers) -> Headers:
    """The headers of an answer that go on, and what guards it."""
    kept = [pair for pair in upstream if pair[0] in _ANSWERED or pair[0].startswith(_ANSWERED_BEGIN)]
    return [*kept, *GUARDED]


def _checked(rest: bytes, spec: Pass) -> bytes:
    if _BAD.search(rest) or (_SLASH.search(rest) and not spec.escaped_slash):
        raise invalid_request("The path may not contain empty, dotted or escaped segments.", "path")
    return rest


def _query(raw: bytes, defaults: tuple[tuple[str, str], ...], fixed: str) -> bytes:
    """The caller's query without credentials, and what the configuration adds."""
    kept, names = list[bytes](), set[str]()
    for each in raw.split(b"&") if raw else ():
        name = unquote(each.partition(b"=")[0].decode("latin-1").replace("+", " ")).strip().lower()
        if name not in _QUERY_CREDENTIALS:
            kept.append(each)
            names.add(name)
    kept += [
        f"{quote(name, safe='')}={quote(value, safe='')}".encode()
        for name, value in defaults
        if name.lower() not in names
    ]
    return b"&".join([*kept, fixed.encode()] if fixed else kept)


def key_in(query: bytes) -> bytes | None:
    """Google's clients may write the key as a parameter ``key``."""
    for each in query.split(b"&"):
        name, _, value = each.partition(b"=")
        if name == b"key" and value:
            return unquote(value.decode("latin-1")).encode("latin-1", "replace")
    return None
