from __future__ import annotations

import struct
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.spine.samples import FROM_CONTROL, FROM_WORKER, SNAPSHOT

from phantom_gateway.spine.codec import (
    MAX_FRAME,
    FrameDecoder,
    SpineProtocolError,
    control_decoder,
    encode,
    worker_decoder,
)
from phantom_gateway.spine.messages import Ack, Heartbeat, NewSnapshot

CONTROL_HEARS = b"".join(map(encode, FROM_WORKER))
WORKER_HEARS = b"".join(map(encode, FROM_CONTROL))


def frame(payload: bytes) -> bytes:
    return struct.pack(">I", len(payload)) + payload


def fed(decoder: FrameDecoder[Any], parts: list[bytes]) -> list[Any]:
    return [message for part in parts for message in decoder.feed(part)]


def test_every_message_arrives_as_it_was_sent_at_every_split() -> None:
    for cut in range(len(CONTROL_HEARS) + 1):
        assert fed(control_decoder(), [CONTROL_HEARS[:cut], CONTROL_HEARS[cut:]]) == FROM_WORKER, cut


def test_byte_by_byte() -> None:
    assert fed(worker_decoder(), [bytes([byte]) for byte in WORKER_HEARS]) == FROM_CONTROL
    assert fed(control_decoder(), [bytes([byte]) for byte in CONTROL_HEARS]) == FROM_WORKER


@given(st.lists(st.integers(0, len(WORKER_HEARS)), max_size=8))
def test_any_splits(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(WORKER_HEARS)]
    parts = [WORKER_HEARS[a:b] for a, b in pairwise(edges)]
    assert fed(worker_decoder(), parts) == FROM_CONTROL


def test_secrets_cross_and_stay_secrets() -> None:
    (message,) = fed(worker_decoder(), [encode(NewSnapshot(seq=1, snapshot=SNAPSHOT))])
    deployment = message.snapshot.deployments[0]
    assert deployment.api_key.reveal() == "sk-provider"
    assert deployment.secret_headers[0][1].reveal() == "second"
    assert "sk-provider" not in repr(message)


def test_a_frame_may_not_be_longer_than_its_bound() -> None:
    with pytest.raises(SpineProtocolError, match=str(MAX_FRAME + 1)):
        fed(control_decoder(), [struct.pack(">I", MAX_FRAME + 1)])
    assert fed(control_decoder(), [struct.pack(">I", MAX_FRAME)]) == []


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xc0", b"\x00", b"\xff" * 9, msgspec.msgpack.encode({"type": "nobody"}), msgspec.msgpack.encode([1, 2])],
)
def test_what_is_no_message(payload: bytes) -> None:
    with pytest.raises(SpineProtocolError):
        fed(control_decoder(), [frame(payload)])


def test_a_side_does_not_take_its_own_messages() -> None:
    with pytest.raises(SpineProtocolError):
        fed(control_decoder(), [encode(Heartbeat(revision=1, key_epoch=1))])
    with pytest.raises(SpineProtocolError):
        fed(worker_decoder(), [encode(Ack(seq=1))])


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_messages_or_one_error(data: bytes) -> None:
    try:
        fed(control_decoder(), [frame(data), data])
    except SpineProtocolError:
        return


def test_what_came_before_a_bad_frame_is_heard() -> None:
    decoder = control_decoder()
    stream = decoder.feed(encode(Ack(seq=1)) + frame(b"\xc0"))
    assert next(stream) == Ack(seq=1)
    with pytest.raises(SpineProtocolError):
        next(stream)


def test_only_secrets_need_help() -> None:
    with pytest.raises(NotImplementedError):
        encode(Ack(seq=object()))  # type: ignore[arg-type]
