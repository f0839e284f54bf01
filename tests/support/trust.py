"""One TLS context for all clients of a test process.

httpx reads the certificates of all authorities for each client it makes, also for one that only ever speaks plain HTTP: 25 ms of
CPU (httpx 0.28.1), where the request itself takes one. The tests make some ten thousand clients.
"""

from __future__ import annotations

import functools
import os
import ssl
from typing import Any

import pytest
from httpx._transports import default

NAME = "create_ssl_context"
VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What httpx looks at beside its arguments."""


def share_the_context(patch: pytest.MonkeyPatch) -> None:
    """From now on clients with the same trust share what they trust; each with a certificate of its own stays alone."""
    make = getattr(default, NAME)

    @functools.cache
    def kept(verify: bool, trust_env: bool, variables: tuple[str | None, ...]) -> ssl.SSLContext:
        made: ssl.SSLContext = make(verify=verify, trust_env=trust_env)
        return made

    def shared(verify: Any = True, cert: Any = None, trust_env: bool = True) -> ssl.SSLContext:
        if cert is not None or not isinstance(verify, bool):
            own: ssl.SSLContext = make(verify=verify, cert=cert, trust_env=trust_env)
            return own
        return kept(verify, trust_env, tuple(map(os.environ.get, VARIABLES)))

    patch.setattr(default, NAME, shared)
