"""One smallest request to a deployment, as a worker would send it, and what came of it.

Goes out through ``wire`` like every call: the egress rules hold here, too. What an upstream says in an error is not passed
on: it is a stranger's text, and may repeat the key it was sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from phantom_gateway.dialects.responses.compose import in_own_words
from phantom_gateway.dialects.translation import TRANSLATED
from phantom_gateway.providers.tokens import TokenError, Tokens
from phantom_gateway.spine.snapshot import Deployment
from phantom_gateway.wire import errors as wire
from phantom_gateway.wire.client import HttpClient, Timeouts, render_head
from phantom_gateway.wire.message import header_block
from phantom_gateway.wire.origin import Origin

MAX_ANSWER = 4 * 1024 * 1024
NO_LIST = (404, 405, 501)
"""Statuses of those who have no list of models."""
SECONDS = 20.0
OPERATIONS = {
    "": "chat",
    "chat": "chat",
    "completion": "completions",
    "embedding": "embeddings",
    "responses": "responses",
}
"""Mode of a model to the operation that checks it."""
_BODIES: dict[str, dict[str, object]] = {
    "chat": {"messages": [{"role": "user", "content": "ping"}], "max_tokens": 16},
    "completions": {"prompt": "ping", "max_tokens": 16},
    "embeddings": {"input": ["ping"]},
    "generate": {
        "contents": [{"role": "user", "parts": [{"text": "ping"}]}],
        "generationConfig": {"maxOutputTokens": 16},
    },
    "responses": {"input": "ping", "max_output_tokens": 16},
}
_IN_PATH = frozenset({"generate", "embed_contents"})
"""Operations whose path names the model."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a probe. ``healthy`` is ``None`` when there was no way to ask; ``error`` says why, for people."""

    healthy: bool | None
    error: str = ""
    status: int | None = None
    """The upstream's HTTP status, when it answered."""
    duration_ms: float = 0.0


def unanswerable(deployment: Deployment, mode: str | None = None) -> str:
    """Why a deployment cannot be probed, or an empty string."""
    asked = deployment.mode if mode is None else mode
    operation = OPERATIONS.get(asked)
    if operation is None:
        return f"models of mode {asked[:40]} cannot be checked"
    if served_by(deployment, operation) is None:
        return f"the provider does not serve {operation}"
    if model_of(deployment).endswith("*"):
        return "a wildcard names no model; set model_info.health_check_model"
    return ""


def served_by(deployment: Deployment, operation: str) -> str | None:
    """The deployment's own operation that answers ``operation``, translated if need be; None when there is none."""
    if operation in deployment.paths:
        return operation
    return next((served for asked, served in TRANSLATED if asked == operation and served in deployment.paths), None)


def model_of(deployment: Deployment) -> str:
    """The model that is asked for: for a wildcard the one that ``model_info.health_check_model`` names."""
    if not deployment.model.endswith("*"):
        return deployment.model
    named = str(deployment.info.get("health_check_model") or deployment.model)
    return named.removeprefix(f"{deployment.provider}/")


def request_of(deployment: Deployment, mode: str | None = None) -> tuple[bytes, bytes]:
    """Head and body of the probe, with the deployment's credentials."""
    operation, model = OPERATIONS[deployment.mode if mode is None else mode], model_of(deployment)
    served = served_by(deployment, operation)
    assert served is not None, "asked only where unanswerable found nothing"
    smallest = _smallest(served, model)
    if served in _IN_PATH:
        # bounds stand inside of what these set, and their path names the model
        body = msgspec.json.encode(smallest)
    else:
        defaults = in_own_words(deployment.defaults) if served == "responses" else deployment.defaults
        body = msgspec.json.encode({"model": model, **defaults, **smallest})
    path = deployment.base_path + deployment.paths[served].replace("{model}", model)
    return _head(deployment, "POST", path, len(body)), body


def _smallest(operation: str, model: str) -> dict[str, object]:
    """What is asked; a smallest chat is the same in both formats that have messages."""
    if operation == "embed_contents":
        return {"requests": [{"model": f"models/{model}", "content": {"parts": [{"text": "ping"}]}}]}
    return _BODIES["chat" if operation == "messages" else operation]


def _head(deployment: Deployment, method: str, path: str, length: int | None) -> bytes:
    target = path + (f"?{deployment.query}" if deployment.query else "")
    headers = [("user-agent", "phantom-gateway"), ("accept-encoding", "identity")]
    if length is not None:
        headers.append(("content-type", "application/json"))
    headers += deployment.headers
    headers += [(name, value.reveal()) for name, value in deployment.secret_headers]
    if deployment.api_key:
        headers.append((deployment.auth_header, deployment.auth_prefix + deployment.api_key.reveal()))
    block = header_block((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    return render_head(method, target.encode("ascii"), Origin.of(deployment.address).host_header, block, length)


async def probe(
    client: HttpClient, deployment: Deployment, clock: Callable[[], float], mode: str | None = None
) -> Outcome:
    """Ask once. Never raises for what an upstream does."""
    if deployment.mock_response is not None:
        return Outcome(healthy=True)
    reason = unanswerable(deployment, mode)
    if reason:
        return Outcome(healthy=None, error=reason)
    try:
        deployment = await _signed(client, deployment)
    except TokenError as error:
        return Outcome(healthy=False, error=str(error))
    try:
        head, body = request_of(deployment, mode)
    except ValueError:
        return Outcome(healthy=False, error="the request cannot be written: a header or the path is malformed")
    return await _asked(client, deployment, clock, head, body)


async def free_probe(client: HttpClient, deployment: Deployment, clock: Callable[[], float]) -> Outcome:
    """Ask for the provider's list of models, which costs nothing. Says whether it is there and takes the credentials, no more."""
    if deployment.mock_response is not None:
        return Outcome(healthy=True)
    if "generate" not in deployment.paths and any("{model}" in path for path in deployment.paths.values()):
        return Outcome(healthy=None, error="the provider has no list of models at a known path")
    try:
        deployment = await _signed(client, deployment)
    except TokenError as error:
        return Outcome(healthy=False, error=str(error))
    try:
        head = _head(deployment, "GET", f"{deployment.base_path}/models", None)
    except ValueError:
        return Outcome(healthy=False, error="the request cannot be written: a header or the path is malformed")
    outcome = await _asked(client, deployment, clock, head, b"")
    if outcome.status in NO_LIST:
        return replace(outcome, healthy=None, error="the provider has no list of models at a known path")
    return outcome


async def _signed(client: HttpClient, deployment: Deployment) -> Deployment:
    """The deployment with a token for a key, where it takes one. Raises TokenError."""
    if deployment.grant is None:
        return deployment
    return msgspec.structs.replace(deployment, api_key=await Tokens(client).of(deployment.grant))


async def _asked(
    client: HttpClient, deployment: Deployment, clock: Callable[[], float], head: bytes, body: bytes
) -> Outcome:
    began = clock()
    try:
        timeouts = Timeouts(connect_s=5.0, first_byte_s=SECONDS, stall_s=SECONDS, total_s=SECONDS)
        response = await client.request(Origin.of(deployment.address), head, body, timeouts)
        try:
            answer = await response.read(MAX_ANSWER)
        finally:
            response.close()
    except wire.UpstreamError as error:
        return Outcome(healthy=False, error=_words(error), duration_ms=_ms(clock() - began))
    duration = _ms(clock() - began)
    if response.status != 200:
        return Outcome(healthy=False, error=_meaning(response.status), status=response.status, duration_ms=duration)
    if not _is_object(answer):
        return Outcome(healthy=False, error="the answer is not a JSON object", status=200, duration_ms=duration)
    return Outcome(healthy=True, status=200, duration_ms=duration)


def _ms(seconds: float) -> float:
    return round(max(seconds, 0.0) * 1000, 1)


def _words(error: wire.UpstreamError) -> str:
    if isinstance(error, wire.EgressDenied):
        return "the address is not allowed by the egress rules of this gateway"
    if isinstance(error, wire.NameResolutionFailed):
        return "the host name has no address"
    if isinstance(error, wire.FirstByteTimeout | wire.BodyStalled | wire.DeadlineExceeded | wire.ConnectTimeout):
        return "no answer in time"
    if isinstance(error, wire.TlsFailed):
        return "the connection cannot be secured (TLS)"
    if isinstance(error, wire.BadResponse | wire.ResponseTooLarge | wire.Truncated):
        return "the answer was not understood"
    return "cannot be reached"


def _meaning(status: int) -> str:
    if status in (401, 403):
        return f"the upstream refuses the credentials (status {status})"
    if status == 404:
        return "the upstream does not know the model or the path (status 404)"
    if status == 429:
        return "the upstream's rate limit is reached (status 429)"
    return f"the upstream answered with status {status}"


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(msgspec.json.decode(body), dict)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
