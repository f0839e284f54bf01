"""What signing in is made of, put together once at start."""

from __future__ import annotations

from dataclasses import dataclass, field

from phantom_gateway.control.sign_in.threads import PasswordThreads
from phantom_gateway.control.sign_in.throttle import Throttle
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.security.keyring import Keyring, Purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInParts:
    """One key for each purpose: a session is worthless as an invitation, and both as a virtual key."""

    sessions: KeyHasher
    invitations: KeyHasher
    passwords: PasswordThreads = field(default_factory=PasswordThreads)
    throttle: Throttle = field(default_factory=Throttle)


def sign_in_parts(keyring: Keyring) -> SignInParts:
    """The parts of an installation."""
    return SignInParts(
        sessions=KeyHasher(keyring.derive(Purpose.SESSION_HMAC)),
        invitations=KeyHasher(keyring.derive(Purpose.INVITATION)),
    )
