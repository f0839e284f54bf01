"""One request to the admin API of a running gateway: address, key, answer or one sentence why not."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from phantom_gateway.config.schema import Config, Environment
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import Url, parse_url
from phantom_gateway.control.compile_address import LOOPBACK, AddressError, compile_address, egress_of
from phantom_gateway.security import secret_file
from phantom_gateway.security.secret_file import SecretFileError
from phantom_gateway.wire.client import HttpClient, Timeouts, render_head
from phantom_gateway.wire.errors import WireError
from phantom_gateway.wire.message import header_block
from phantom_gateway.wire.origin import Origin

DEFAULT_URL = "http://127.0.0.1:4000"
URL_VARIABLES = ("PHANTOM_URL", "LITELLM_PROXY_URL")
KEY_VARIABLES = ("PHANTOM_API_KEY", "LITELLM_PROXY_API_KEY")
CONNECT_S = 10.0
MAX_ANSWER = 256 * 1024 * 1024
_QUOTED = 300


class ApiError(Exception):
    """The request was not answered as wished; the message is one line for people. ``status`` is 0 when there was no answer."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class UsageError(Exception):
    """What was typed, or is in the environment, cannot be used."""


@dataclass(frozen=True, slots=True)
class Access:
    """Which gateway, as whom, and how long to wait."""

    url: Url
    origin: Origin
    key: Secret
    timeout_s: float


def access(
    url: str | None,
    key_file: Path | None,
    data_dir: Path,
    timeout_s: float,
    environment: Mapping[str, str] | None = None,
) -> Access:
    """Options before variables before what lies in the data directory. Raises UsageError.

    The master key of the data directory is offered to this machine's own addresses only: a wrong ``--url`` must not give it away.
    """
    variables = os.environ if environment is None else environment
    address = url or _first(variables, URL_VARIABLES) or DEFAULT_URL
    try:
        parsed = parse_url(address)
        shared = replace(egress_of(Config(), Environment({}, variables)), allow_private=LOOPBACK)
        origin = Origin.of(compile_address(parsed, shared, explicit=True, ssl_verify=None))
    except (ValueError, AddressError) as error:
        raise UsageError(f"the gateway's address {error}") from error
    return Access(parsed, origin, _key(key_file, data_dir, variables, parsed), timeout_s)


def call(
    access: Access,
    method: str,
    path: str,
    query: Mapping[str, Any] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Any:
    """Ask once and return the decoded answer. Raises ApiError for everything but a 2xx with JSON."""
    target = access.url.path + path
    if query:
        target += "?" + urlencode({name: _text(value) for name, value in query.items()}, doseq=True)
    payload = b"" if body is None else json.dumps(body).encode()
    try:
        status, answer = asyncio.run(_exchange(access, method, target, payload))
    except WireError as error:
        raise ApiError(f"{access.url.origin}: {str(error).removeprefix(f'{access.origin!r}: ')}") from error
    if not 200 <= status < 300:
        raise ApiError(f"{_reason(answer)} (HTTP {status})", status)
    try:
        return json.loads(answer or b"null")
    except ValueError as error:
        raise ApiError(f"{access.url.origin}{path} does not answer in JSON: is that a gateway?", status) from error


async def _exchange(access: Access, method: str, target: str, payload: bytes) -> tuple[int, bytes]:
    headers = [(b"authorization", b"Bearer " + access.key.reveal().encode("ascii")), (b"accept", b"application/json")]
    if payload:
        headers.append((b"content-type", b"application/json"))
    length = None if method == "GET" else len(payload)
    head = render_head(method, target.encode(), access.origin.host_header, header_block(headers), length)
    client = HttpClient()
    try:
        timeouts = Timeouts(connect_s=CONNECT_S, total_s=access.timeout_s)
        response = await client.request(access.origin, head, payload, timeouts)
        return response.status, await response.read(MAX_ANSWER)
    finally:
        await client.close()


def _key(key_file: Path | None, data_dir: Path, variables: Mapping[str, str], url: Url) -> Secret:
    own = data_dir / "keys" / "master.key"
    given = _first(variables, KEY_VARIABLES)
    try:
        if key_file is not None:
            key = secret_file.read(key_file)
        elif given:
            key = Secret(given)
        elif is_here(url):
            key = secret_file.read(own)
        else:
            raise UsageError(f"no key: set {KEY_VARIABLES[0]} or give --key-file")
    except FileNotFoundError as error:
        if key_file is not None:
            raise UsageError(f"--key-file: there is no file {key_file}") from error
        raise UsageError(f"no key: set {KEY_VARIABLES[0]}, give --key-file, or --data-dir of the gateway") from error
    except (SecretFileError, PermissionError) as error:
        raise UsageError(str(error)) from error
    text = key.reveal()
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError("the key contains a character that no key has")
    return key


def is_here(url: Url) -> bool:
    """Whether the address is one of this machine alone."""
    if url.address is not None:
        return url.address.is_loopback
    return url.host == "localhost"


def _first(variables: Mapping[str, str], names: tuple[str, ...]) -> str:
    return next((value for name in names if (value := variables.get(name, "").strip())), "")


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _reason(answer: bytes) -> str:
    """The gateway's own sentence; of something that is no gateway, the beginning of what it says."""
    try:
        decoded = json.loads(answer)
    except ValueError:
        decoded = answer.decode("utf-8", "replace")
    if isinstance(decoded, dict):
        decoded = decoded.get("error", decoded.get("detail", decoded))
    if isinstance(decoded, dict):
        decoded = decoded.get("message", decoded)
    text = decoded if isinstance(decoded, str) else json.dumps(decoded)
    line = " ".join("".join(each if each.isprintable() else " " for each in text).split())
    return (line[:_QUOTED] + "…" if len(line) > _QUOTED else line).rstrip(".") or "no reason given"
