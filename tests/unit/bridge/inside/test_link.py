"""Messages and descriptors over a pair of sockets."""

from __future__ import annotations

import os

import pytest

from phantom_gateway.bridge.inside.link import MAX_MESSAGE, Link, LinkError


def test_messages_and_descriptors_arrive_together() -> None:
    one, other = Link.pair()
    reader, writer = os.pipe()
    one.send({"a": 1}, (writer,))
    one.send({"b": [2]})
    os.close(writer)
    said = other.receive()
    assert said is not None
    assert (said.message, said.pid) == ({"a": 1}, 0)
    assert not os.get_inheritable(said.fds[0])
    os.write(said.fds[0], b"x")
    assert os.read(reader, 1) == b"x"
    said.close()
    assert other.receive() == ({"b": [2]}, [], 0)
    one.close()
    assert other.receive() is None
    other.close()
    os.close(reader)


def test_the_kernel_says_who_has_spoken() -> None:
    one, other = Link.pair()
    other.identify()
    one.send({})
    said = other.receive()
    assert said is not None
    assert said.pid == os.getpid()
    one.close()
    other.close()


@pytest.mark.parametrize("data", [b"[1]", b"nonsense", b"\xff", b'{"a": ' + b"[" * 5000])
def test_what_is_no_message_is_an_error(data: bytes) -> None:
    one, other = Link.pair()
    one.sock.send(data)
    with pytest.raises(LinkError):
        other.receive()
    one.close()
    other.close()


def test_too_large_a_message_is_not_sent() -> None:
    one, other = Link.pair()
    with pytest.raises(ValueError, match="too large"):
        one.send({"a": "x" * MAX_MESSAGE})
    one.close()
    other.close()
