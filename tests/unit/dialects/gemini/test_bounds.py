from __future__ import annotations

import msgspec
import pytest

from phantom_gateway.dialects.gemini.bounds import Bounds, read_bounds


@pytest.mark.parametrize(
    ("config", "bounds"),
    [
        (b"{}", Bounds(None, 1)),
        (b"null", Bounds(None, 1)),
        (b'{"maxOutputTokens":5,"temperature":"hot"}', Bounds(5, 1)),
        (b'{"max_output_tokens":7,"candidate_count":2}', Bounds(7, 2)),
        (b'{"maxOutputTokens":5,"max_output_tokens":7,"candidateCount":3,"candidate_count":2}', Bounds(7, 3)),
    ],
)
def test_bounds(config: bytes, bounds: Bounds) -> None:
    assert read_bounds(config) == bounds


@pytest.mark.parametrize("config", [b'{"maxOutputTokens":"5"}', b"[]", b'{"candidateCount":1.5}', b"{"])
def test_what_is_no_bound_is_refused(config: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        read_bounds(config)
