from __future__ import annotations

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.sign_in.parts import sign_in_parts
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.security.keyring import Keyring, Purpose


def test_each_kind_of_token_has_a_key_of_its_own() -> None:
    keyring = Keyring(Secret("ab" * 32))
    parts = sign_in_parts(keyring)
    digests = {
        parts.sessions.digest(b"t"),
        parts.invitations.digest(b"t"),
        KeyHasher(keyring.derive(Purpose.KEY_DIGEST)).digest(b"t"),
    }
    assert len(digests) == 3
    parts.passwords.close()
