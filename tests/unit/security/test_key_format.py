from __future__ import annotations

import string

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.security import key_format

KEY = "sk-ph-" + "A" * 32
BASE62 = string.ascii_letters + string.digits


def test_generated_keys_are_intact_and_different() -> None:
    keys = {key_format.generate().reveal() for _ in range(200)}
    assert len(keys) == 200
    for key in keys:
        assert len(key) == key_format.LENGTH == 44
        assert key_format.checksum_ok(key) is True


def test_the_checksum_is_pinned() -> None:
    """Secret scanners carry this rule too."""
    assert key_format.checksum(KEY) == "4VBSbi"


@given(st.integers(6, 43), st.sampled_from(BASE62))
def test_every_single_changed_character_is_noticed(position: int, character: str) -> None:
    key = KEY + key_format.checksum(KEY)
    changed = key[:position] + character + key[position + 1 :]
    assert key_format.checksum_ok(changed) is (changed == key)


@given(st.text(max_size=60))
def test_the_rest_is_either_refused_or_not_ours(text: str) -> None:
    assert key_format.checksum_ok("sk-" + text) in (None, False)
    assert key_format.checksum_ok("sk-ph-" + text) is not None


def test_truncated_keys_are_refused() -> None:
    key = KEY + key_format.checksum(KEY)
    assert key_format.checksum_ok(key[:-1]) is False
    assert key_format.checksum_ok(key + "x") is False
    assert key_format.checksum_ok("sk-1234567890") is None


def test_display_hides_all_but_four_characters() -> None:
    assert key_format.display("sk-ph-0123456789abcd") == "sk-...abcd"
    assert key_format.display("sk-short") == "sk-..."
