"""Random tokens that are shown once and stored as digests only: sessions and invitations."""

from __future__ import annotations

import secrets

from phantom_gateway.config.secret import Secret

SESSION = "phs-"
INVITATION = "phi-"
_BYTES = 32


def generate(prefix: str) -> Secret:
    """A new token of 256 random bits, in characters that need no quoting in cookies and addresses."""
    return Secret(prefix + secrets.token_urlsafe(_BYTES))
