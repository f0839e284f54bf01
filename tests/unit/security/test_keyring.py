from __future__ import annotations

from pathlib import Path

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.keyring import Keyring, KeyringError, Purpose, open_keyring


def test_the_root_key_is_made_once(tmp_path: Path) -> None:
    first = open_keyring(tmp_path).derive(Purpose.KEY_DIGEST)
    assert open_keyring(tmp_path).derive(Purpose.KEY_DIGEST).reveal() == first.reveal()
    assert (tmp_path / "keys" / "root.key").stat().st_mode & 0o777 == 0o600


def test_each_purpose_has_its_own_key() -> None:
    keyring = Keyring(Secret("ab" * 32))
    keys = {keyring.derive(purpose).reveal() for purpose in Purpose}
    assert len(keys) == len(Purpose)
    assert all(len(bytes.fromhex(key)) == 32 for key in keys)


def test_the_derivation_never_changes() -> None:
    """RFC 5869 with empty salt and the label as info; a changed value would orphan every stored digest."""
    derived = Keyring(Secret("00" * 32)).derive(Purpose.KEY_DIGEST).reveal()
    assert derived == "2447fceca57c4949024026838033be15d32decd274dcfabefaebfad898e64188"


@pytest.mark.parametrize("root", ["", "zz", "ab" * 31, "ab" * 33])
def test_a_damaged_root_key_is_refused(root: str) -> None:
    with pytest.raises(KeyringError):
        Keyring(Secret(root))


def test_a_readable_root_key_is_refused(tmp_path: Path) -> None:
    open_keyring(tmp_path)
    (tmp_path / "keys" / "root.key").chmod(0o644)
    with pytest.raises(KeyringError, match="0644"):
        open_keyring(tmp_path)
