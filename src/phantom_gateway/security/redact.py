"""What of a request may be kept in a record: everything but secrets.

A secret is known by its type, by the name of its field, or by its looks; it becomes ``***``, whatever it was. Ids that are
digests of keys stay: they name a key and open nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from phantom_gateway.config.secret import Secret

HIDDEN = "***"
_MAX_DEPTH = 32
_NAMES = re.compile(
    r"(?:^|_)(?:api_?keys?|keys?|secrets?|passwords?|passwd|passphrase|credentials?|authorization|cookies?|tokens?|private|"
    r"signature|dsn|bearer)(?:$|_(?:id|key|base64|json|values?)$)|password|secret|_access_key|private_key|connection_string"
)
_HARMLESS = re.compile(
    r"(?:max|min|input|output|prompt|completion|total|per)_(?:\w+_)?tokens?$|_per_token$|credential_(?:name|id)$"
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LOOKS = re.compile(
    r"\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}|\bAKIA[A-Z0-9]{12,}|\bAIza[\w-]{20,}|\bgh[pousr]_\w{20,}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"
)


def redacted(value: Any, name: str = "", depth: int = 0) -> Any:
    """``value`` without secrets, in types JSON has. ``name`` is the field it stands in."""
    if depth > _MAX_DEPTH or isinstance(value, Secret):
        return HIDDEN
    if isinstance(value, Mapping):
        if name and is_secret_name(name):
            return {str(key): HIDDEN for key in value}
        return {str(key): redacted(entry, str(key), depth + 1) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(entry, name, depth + 1) for entry in value]
    if value is None or isinstance(value, bool):
        return value
    text = value if isinstance(value, str) else ""
    if name and is_secret_name(name) and value != "" and not _DIGEST.fullmatch(text):
        return HIDDEN
    if isinstance(value, int | float):
        return value
    return _LOOKS.sub(HIDDEN, text if isinstance(value, str) else str(value))


def is_secret_name(name: str) -> bool:
    """Whether a field of this name is taken to hold a secret."""
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).replace("-", "_").lower()
    return bool(_NAMES.search(plain)) and not _HARMLESS.search(plain)
