"""Which free keys hold credentials: where a schema cannot name every key, the name decides."""

from __future__ import annotations

import re
from typing import Any

from phantom_gateway.config.secret import Secret

_CREDENTIAL = re.compile(
    r"(?i)(^|[_\-.])(api[_\-]?key|apikey|key|keys|secret|secrets|password|passwd|pwd|token|tokens|credential|credentials|"
    r"authorization|cookie|dsn|webhook[_\-]?url|access[_\-]?key[_\-]?id|signature|salt|private[_\-]?key|"
    r"client[_\-]?secret|database[_\-]?url|redis[_\-]?url|proxy[_\-]?url|auth)$"
)
_NOT = re.compile(
    r"(?i)(^|_)(max|min|total|input|output|num|prompt|completion|thinking|budget|stop|eos|bos)_(\w+_)?tokens?$|^tokens$|^keys$|cost"
)


def is_credential_name(name: str) -> bool:
    """Whether a key or header of this name usually holds a credential (``api_key``, ``x-auth-token``; not ``max_tokens``)."""
    return _CREDENTIAL.search(name) is not None and _NOT.search(name) is None


def conceal(value: Any, *, name: str = "", below: bool = False) -> Any:
    """A copy of free-form ``value`` in which everything under a credential's name is a ``Secret``."""
    hide = below or (bool(name) and is_credential_name(name))
    if isinstance(value, dict):
        return {key: conceal(item, name=str(key), below=hide) for key, item in value.items()}
    if isinstance(value, list):
        return [conceal(item, below=hide) for item in value]
    if hide and isinstance(value, (str, int, float)) and not isinstance(value, bool):
        return Secret(str(value))
    return value


def holds_secret(value: Any) -> bool:
    """Whether a ``Secret`` is anywhere in ``value``."""
    if isinstance(value, dict):
        return any(holds_secret(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return any(holds_secret(item) for item in value)
    return isinstance(value, Secret)
