from __future__ import annotations

from phantom_gateway.limits.fences import Fences


def test_a_fence_stands_until_all_have_confirmed() -> None:
    fences = Fences()
    fences.put(["a", "b"], ["w1", "w2"])
    assert "a" in fences
    assert "b" in fences
    assert "c" not in fences
    fences.confirmed("w1", fences.number)
    assert not fences.owes("w1")
    assert fences.owes("w2")
    assert len(fences) == 2
    fences.gone("w2")
    assert len(fences) == 0


def test_an_older_confirmation_does_not_lift_a_newer_fence() -> None:
    fences = Fences()
    fences.put(["a"], ["w1"])
    asked = fences.number
    fences.put(["b"], ["w1"])
    fences.confirmed("w1", asked)
    assert "a" not in fences
    assert "b" in fences
    assert fences.owes("w1")


def test_the_same_scope_again_waits_again() -> None:
    fences = Fences()
    fences.put(["a"], ["w1"])
    asked = fences.number
    fences.put(["a"], ["w1", "w2"])
    fences.confirmed("w1", asked)
    assert fences.owes("w1")


def test_without_workers_there_is_nothing_to_wait_for() -> None:
    fences = Fences()
    fences.put(["a"], ())
    assert "a" not in fences
    assert fences.number == 0


def test_to_forget_counts_when_the_change_is_there() -> None:
    fences = Fences()
    fences.put(["a"], ["w1"])
    assert fences.settled < fences.number
    fences.confirmed("w1", fences.settled)
    assert fences.owes("w1")
    fences.settle()
    fences.confirmed("w1", fences.settled)
    assert len(fences) == 0
