from __future__ import annotations

import hashlib

from phantom_gateway.simulator import counts
from phantom_gateway.simulator.counts import Books


def test_sums_per_model_and_user() -> None:
    books = Books(10)
    books.tally("a", "u").prompt_tokens += 3
    books.tally("a", "").prompt_tokens += 4
    books.tally("b", "u").completed += 1
    shown = books.counts()
    assert shown["total"]["prompt_tokens"] == 7
    assert shown["models"]["a"]["prompt_tokens"] == 7
    assert shown["users"]["u"] == {**shown["models"]["b"], "prompt_tokens": 3}
    assert set(shown["users"]) == {"u"}


def test_the_number_of_tallies_is_bounded() -> None:
    books = Books(0)
    for i in range(counts.MAX_TALLIES + 5):
        books.tally("m", str(i)).requests += 1
    shown = books.counts()
    assert shown["total"]["requests"] == counts.MAX_TALLIES + 5
    assert shown["models"]["(more)"]["requests"] == 5


def test_the_bound_is_a_choice() -> None:
    books = Books(0, tallies=2)
    for user in "abc":
        books.tally("m", user).requests += 1
    assert [(model, user, counted["requests"]) for model, user, counted in books.tallies()] == [
        ("m", "a", 1), ("m", "b", 1), ("(more)", "", 1),
    ]  # fmt: skip


def test_the_ring_keeps_the_last_and_no_secret() -> None:
    books = Books(2)
    for i in range(3):
        books.record(b"POST", b"/%d" % i, [(b"Authorization", b"Bearer sk-1"), (b"X-A", b"b")], b"\xff" * 70_000)
    shown = books.requests(10)
    assert [entry["target"] for entry in shown] == ["/1", "/2"]
    digest = hashlib.sha256(b"Bearer sk-1").hexdigest()[:12]
    assert shown[0]["headers"] == [["authorization", f"sha256:{digest}"], ["x-a", "b"]]
    assert len(shown[0]["body"]) == 4 * counts.MAX_BODY
    assert books.requests(0) == []
    books.reset()
    assert books.requests(10) == []
