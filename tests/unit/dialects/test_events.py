from __future__ import annotations

import pytest

from phantom_gateway.dialects.events import refuse_unreadable
from phantom_gateway.wire.errors import BadResponse

FINE = [
    b"",
    b": ping\n\n",
    b"event: ping\n\n",
    b"data:\n\n",
    b'data: {"a":1}\n\n',
    b'data:{"a":1}\n\n',
    b'event: x\ndata: {"a":"data: "}\n\n',
    b'data: {"a":\ndata: 1}\n\n',
    b'data: {"a":1}\r\n\r\ndata: []\r\n\r\n',
]
BROKEN = [
    b"data: {broken\n\n",
    b"event: x\ndata: {broken\n\n",
    b'data: {"a":"\x00"}\n\n',
    b"data: [" + b"[" * 100_000 + b"\n\n",
    b"data: {}{}\n\n",
    b'data: {"a":\ndata: }\n\n',
]


@pytest.mark.parametrize("first", [b"", *FINE])
@pytest.mark.parametrize("second", FINE)
def test_what_a_client_can_read_passes(first: bytes, second: bytes) -> None:
    refuse_unreadable(first + second)


@pytest.mark.parametrize("around", [b"", *FINE])
@pytest.mark.parametrize("broken", BROKEN)
def test_what_it_cannot_read_is_refused_wherever_it_stands(broken: bytes, around: bytes) -> None:
    for data in (broken + around, around + broken):
        with pytest.raises(BadResponse, match="not JSON"):
            refuse_unreadable(data)
