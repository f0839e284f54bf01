from __future__ import annotations

import inspect

import pytest

from phantom_gateway.wire import errors

UPSTREAM = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.UpstreamError) and kind is not errors.UpstreamError
]


def test_the_tree_is_the_one_that_is_drawn() -> None:
    drawn = {word for line in (errors.__doc__ or "").splitlines() for word in line.replace("─", " ").split()[1:2]}
    assert {kind.__name__ for kind in UPSTREAM} <= drawn | set((errors.__doc__ or "").split())
    assert issubclass(errors.BadRequest, errors.WireError)


@pytest.mark.parametrize("kind", UPSTREAM)
def test_how_far_it_got_is_said(kind: type[errors.UpstreamError]) -> None:
    error = kind("words", sent=True, received=True, reused=True)
    assert (str(error), error.sent, error.received, error.reused) == ("words", True, True, True)
    error = kind("words")
    assert (error.sent, error.received, error.reused) == (False, False, False)


def test_a_refused_request_carries_its_answer() -> None:
    error = errors.BadRequest(431, "too many headers")
    assert (error.status, error.reason, str(error)) == (431, "too many headers", "431: too many headers")
