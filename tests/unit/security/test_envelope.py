from __future__ import annotations

import secrets
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.envelope import (
    MAX_SECRET_BYTES,
    EnvelopeError,
    Envelopes,
    KeyState,
    Place,
    SealedError,
    SealPurpose,
    is_sealed,
    new_root,
)
from phantom_gateway.security.keyring import Keyring

KEYRING = Keyring(Secret("ab" * 32))
ROOT = new_root(KEYRING, 1, 5.0)
CREDENTIAL = SealPurpose.PROVIDER_CREDENTIAL
HERE = Place("credentials", "value", "row-1", "org-1")
SECRET = Secret("sk-provider-canary")
PINNED_ROOT = replace(
    ROOT,
    id="4bdb9ecfd4c34a99ad9bc3cf90b760c9",
    wrapped="-XQ_W4tli0pbMHhfhCP8KyBJ2bveAsTvE9BQRU3FIZTp0e7usaTyHn1ZmTNUMZQW9wB0oVmH5DFGpp_O",
)
PINNED = "ph1.setting.1.4X_GJo1YqknsaEUNXO_EOdkYLuvf0N9KxJUgnq57Iuc"


def envelopes(**fields: object) -> Envelopes:
    return Envelopes(KEYRING, "install", [replace(ROOT, **fields)])  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_sealed_comes_back(text: str) -> None:
    made = envelopes()
    sealed = made.seal(CREDENTIAL, HERE, Secret(text))
    assert made.open(CREDENTIAL, HERE, sealed).reveal() == text
    assert is_sealed(sealed)


def test_the_form_names_purpose_and_version() -> None:
    sealed = envelopes().seal(CREDENTIAL, HERE, SECRET)
    assert sealed.startswith("ph1.provider-credential.1.")
    assert "canary" not in sealed


def test_the_same_secret_never_looks_the_same() -> None:
    made = envelopes()
    assert len({made.seal(CREDENTIAL, HERE, SECRET) for _ in range(1000)}) == 1000


def test_a_stored_value_of_today_opens_for_ever() -> None:
    """Sealed once with fixed keys and kept here: a change of labels, salt or AAD would orphan every stored secret."""
    made = Envelopes(Keyring(Secret("00" * 32)), "0" * 32, [PINNED_ROOT])
    assert made.open(SealPurpose.SETTING, Place("t|1", "c%", "r", "o"), PINNED).reveal() == "kept"


def test_every_changed_character_is_an_error() -> None:
    made = envelopes()
    sealed = made.seal(CREDENTIAL, HERE, Secret("s"))
    for position, character in enumerate(sealed):
        other = "A" if character != "A" else "B"
        with pytest.raises(EnvelopeError):
            made.open(CREDENTIAL, HERE, sealed[:position] + other + sealed[position + 1 :])


@given(st.text(max_size=80))
def test_what_is_not_ours_is_an_error_and_never_comes_back(text: str) -> None:
    for value in (text, f"ph1.provider-credential.1.{text}", f"ph1.provider-credential.{text}"):
        with pytest.raises(EnvelopeError) as caught:
            envelopes().open(CREDENTIAL, HERE, value)
        assert len(text) < 8 or text not in str(caught.value)


@pytest.mark.parametrize(
    "there",
    [
        replace(HERE, table="settings"),
        replace(HERE, column="name"),
        replace(HERE, row="row-2"),
        replace(HERE, tenant="org-2"),
        replace(HERE, tenant=""),
    ],
)
def test_a_value_opens_at_its_place_only(there: Place) -> None:
    made = envelopes()
    with pytest.raises(EnvelopeError, match="another place"):
        made.open(CREDENTIAL, there, made.seal(CREDENTIAL, HERE, SECRET))


def test_places_with_separators_in_them_stay_apart() -> None:
    made = envelopes()
    sealed = made.seal(CREDENTIAL, Place("t", "c", "a|b", "c"), SECRET)
    for there in (Place("t", "c", "a", "b|c"), Place("t", "c|a", "b", "c"), Place("t", "c", "a%7Cb", "c")):
        with pytest.raises(EnvelopeError):
            made.open(CREDENTIAL, there, sealed)


def test_a_purpose_is_part_of_the_key() -> None:
    made = envelopes()
    sealed = made.seal(CREDENTIAL, HERE, SECRET)
    with pytest.raises(EnvelopeError, match="another purpose"):
        made.open(SealPurpose.WEBHOOK, HERE, sealed)
    with pytest.raises(EnvelopeError, match="changed"):
        made.open(SealPurpose.WEBHOOK, HERE, sealed.replace("provider-credential", "webhook"))


def test_an_installation_cannot_read_another() -> None:
    sealed = envelopes().seal(CREDENTIAL, HERE, SECRET)
    other = Envelopes(KEYRING, "other install", [ROOT])
    with pytest.raises(EnvelopeError, match="another place or installation"):
        other.open(CREDENTIAL, HERE, sealed)


def test_another_root_key_opens_no_wrapped_key() -> None:
    with pytest.raises(SealedError, match="restore the root key"):
        Envelopes(Keyring(Secret("cd" * 32)), "install", [ROOT])


@pytest.mark.parametrize(
    "fields", [{"wrapped": "AAAA"}, {"ver": 2}, {"id": "x"}, {"kek_ver": 2}, {"alg": "none"}, {"purpose": "other"}]
)
def test_a_wrapped_key_cannot_be_exchanged_or_renamed(fields: dict[str, object]) -> None:
    with pytest.raises(SealedError, match="sealed: key"):
        envelopes(**fields)


def test_without_a_primary_key_nothing_is_sealed() -> None:
    for keys in ([], [replace(ROOT, state=KeyState.OLD)]):
        with pytest.raises(SealedError, match="no primary"):
            Envelopes(KEYRING, "install", keys)


def test_old_versions_open_and_are_stale() -> None:
    made = envelopes()
    old = made.seal(CREDENTIAL, HERE, SECRET)
    assert not made.is_stale(old)
    made.install([replace(ROOT, state=KeyState.OLD), new_root(KEYRING, 2, 6.0)])
    assert made.is_stale(old)
    assert made.open(CREDENTIAL, HERE, old) == SECRET
    assert made.seal(CREDENTIAL, HERE, SECRET).startswith("ph1.provider-credential.2.")


def test_a_key_of_another_node_is_looked_up_once() -> None:
    second = new_root(KEYRING, 2, 6.0)
    keys = [replace(ROOT, state=KeyState.OLD), second]
    sealed = Envelopes(KEYRING, "install", keys).seal(CREDENTIAL, HERE, SECRET)
    knowing = Envelopes(KEYRING, "install", [ROOT], lambda: keys)
    assert knowing.open(CREDENTIAL, HERE, sealed) == SECRET
    with pytest.raises(EnvelopeError, match="key 2, which is not there"):
        envelopes().open(CREDENTIAL, HERE, sealed)


def test_refused_keys_change_nothing() -> None:
    made = envelopes()
    with pytest.raises(SealedError):
        made.install([replace(ROOT, wrapped="AAAA")])
    assert made.open(CREDENTIAL, HERE, made.seal(CREDENTIAL, HERE, SECRET)) == SECRET


def test_what_is_no_text_or_too_long_is_refused() -> None:
    with pytest.raises(EnvelopeError, match="not valid text"):
        envelopes().seal(CREDENTIAL, HERE, Secret("\ud800"))
    with pytest.raises(EnvelopeError, match="longer"):
        envelopes().seal(CREDENTIAL, HERE, Secret("x" * (MAX_SECRET_BYTES + 1)))


def test_seals_are_counted() -> None:
    made = envelopes()
    for _ in range(3):
        made.seal(CREDENTIAL, HERE, Secret(secrets.token_hex(4)))
    assert made.take_operations() == {1: 3}
    assert made.take_operations() == {}
