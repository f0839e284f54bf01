from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.response_ids import MAX_LENGTH, Kept, ResponseIds

IDS = ResponseIds(Secret("ab" * 32))
KEPT = Kept("deployment-1", "gpt", "resp_upstream")


def test_the_owner_reads_what_was_made() -> None:
    made = IDS.made("key-1", KEPT)
    assert made.startswith("resp_")
    assert IDS.read("key-1", made) == KEPT
    assert made == IDS.made("key-1", KEPT)


def test_nobody_else_can_use_it() -> None:
    made = IDS.made("key-1", KEPT)
    assert IDS.read("key-2", made) is None
    assert ResponseIds(Secret("cd" * 32)).read("key-1", made) is None


@given(place=st.integers(5, 120), bit=st.integers(0, 6))
def test_a_changed_id_is_no_id(place: int, bit: int) -> None:
    made = IDS.made("key-1", KEPT)
    place %= len(made) - 1
    changed = made[:place] + chr(ord(made[place]) ^ (1 << bit)) + made[place + 1 :]
    assert IDS.read("key-1", changed) is None


@given(text=st.text(max_size=80) | st.text("abc-_=", max_size=80).map(lambda each: "resp_" + each))
def test_any_text_is_read_or_is_none(text: str) -> None:
    assert IDS.read("key-1", text) is None


def test_an_id_has_a_bound() -> None:
    assert IDS.read("key-1", "resp_" + "A" * MAX_LENGTH) is None


def test_owner_and_data_cannot_run_into_each_other() -> None:
    assert IDS.made("a|", Kept("b", "c", "d")) != IDS.made("a", Kept("|b", "c", "d"))
