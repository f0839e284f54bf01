from __future__ import annotations

import json

from tests.unit.simulator.peer import chat, dechunk, events

from phantom_gateway.simulator import answers
from phantom_gateway.simulator.reading import read
from phantom_gateway.simulator.script import End, Piece
from phantom_gateway.simulator.staging import before, broken, lengthed, normal, payload, recut


def stream(chunks: int, **controls: int) -> answers.Answer:
    body = chat("a", stream=True, stream_options={"include_usage": True}, simulate={"chunks": chunks, **controls})
    return answers.chat(read(json.dumps(body).encode(), ""))


def test_each_word_is_a_piece_and_the_end_is_one() -> None:
    pieces = payload(stream(5))
    assert [piece.tokens for piece in pieces] == [0, 1, 1, 1, 1, 1, 0]
    assert pieces[-1].data.count(b"data: ") == 3


def test_the_bill_is_complete_when_the_script_is() -> None:
    assert sum(piece.tokens for piece in payload(stream(5, reasoning_tokens=7))) == 12
    assert sum(piece.tokens for piece in payload(stream(5, completion_tokens=100))) == 100
    assert sum(piece.tokens for piece in payload(stream(5, completion_tokens=2))) == 2


def test_a_normal_stream_is_well_formed() -> None:
    data = b"".join(piece.data for piece in normal(stream(5)).pieces)
    assert len(events(dechunk(data.partition(b"\r\n\r\n")[2]))) == 8


def test_before_stops_at_the_chunk() -> None:
    assert sum(piece.tokens for piece in before(stream(5), 2)) == 2
    assert len(before(stream(5), 2)) == 3
    assert len(before(stream(5), 0)) == 1
    assert len(before(stream(5), 99)) == 6
    assert before(stream(5, reasoning_tokens=4), 1)[0].tokens == 4


def test_broken_scripts_have_no_end() -> None:
    script = broken(stream(5), None, End.HOLD)
    assert not script.whole
    assert script.end is End.HOLD
    assert sum(piece.tokens for piece in script.pieces) == 3
    assert not script.pieces[-1].data.endswith(b"0\r\n\r\n")


def test_a_wrong_length() -> None:
    answer = answers.Answer(body=b"x" * 20)
    assert b"content-length: 17\r\n" in lengthed(answer, payload(answer), error=-3).pieces[0].data


def test_recut_keeps_bytes_and_tokens() -> None:
    cut = recut([Piece(b"abcdef", 2), Piece(b"g", 1)], lambda data: range(2, len(data), 2))
    assert cut == [Piece(b"ab"), Piece(b"cd"), Piece(b"ef", 2), Piece(b"g", 1)]
