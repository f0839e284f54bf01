from __future__ import annotations

import asyncio
from typing import Any

from phantom_gateway.control.spine_connection import MAX_UNSENT, SpineConnection
from phantom_gateway.spine.codec import encode
from phantom_gateway.spine.messages import PROTOCOL_VERSION, Ack, Heartbeat, Hello, ToControl

HELLO = Hello(version=PROTOCOL_VERSION, worker="w", slot=3, pid=1)


class Heard:
    """A server that writes down what it is told."""

    def __init__(self) -> None:
        self.hellos: list[Hello] = []
        self.messages: list[ToControl] = []
        self.lost_connections = 0

    def greeted(self, _connection: SpineConnection, hello: Hello) -> None:
        self.hellos.append(hello)

    def received(self, _connection: SpineConnection, message: ToControl) -> None:
        self.messages.append(message)

    def lost(self, _connection: SpineConnection) -> None:
        self.lost_connections += 1


class Transport(asyncio.Transport):
    """Keeps what is written; never sends it."""

    def __init__(self) -> None:
        super().__init__()
        self.written = 0
        self.paused = False
        self.aborted = False
        self.ended = False

    def write(self, data: Any) -> None:
        self.written += len(data)

    def get_write_buffer_size(self) -> int:
        return self.written

    def pause_reading(self) -> None:
        self.paused = True

    def resume_reading(self) -> None:
        self.paused = False

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended


def connected() -> tuple[SpineConnection, Heard, Transport]:
    heard, transport = Heard(), Transport()
    connection = SpineConnection(heard)
    connection.connection_made(transport)
    return connection, heard, transport


def test_every_split_of_a_conversation_is_understood() -> None:
    said = encode(HELLO) + encode(Ack(seq=1)) + encode(Ack(seq=2))
    for cut in range(len(said) + 1):
        connection, heard, transport = connected()
        connection.data_received(said[:cut])
        connection.data_received(said[cut:])
        assert [hello.worker for hello in heard.hellos] == ["w"], cut
        assert heard.messages == []
        paused_before = transport.paused
        connection.admit()
        assert heard.messages == [Ack(seq=1), Ack(seq=2)], cut
        assert (paused_before, transport.paused) == (True, False)
        assert (connection.worker, connection.slot) == ("w", 3)


def test_a_worker_that_does_not_read_is_cut_off() -> None:
    connection, _, transport = connected()
    connection.send(Heartbeat(revision=1, key_epoch=1))
    aborted_before = transport.aborted
    transport.written = MAX_UNSENT
    connection.send(Heartbeat(revision=1, key_epoch=1))
    assert (aborted_before, transport.aborted) == (False, True)


def test_a_closed_connection_takes_no_more() -> None:
    connection, heard, transport = connected()
    open_before = connection.open
    connection.close()
    assert (open_before, connection.open) == (True, False)
    connection.connection_lost(None)
    connection.send(Heartbeat(revision=1, key_epoch=1))
    assert transport.written == 0
    assert heard.lost_connections == 1
