from __future__ import annotations

from phantom_gateway.simulator.script import JOIN_LIMIT, Bill, End, Piece, Script, framed, head, plain


def test_a_response_has_its_length() -> None:
    assert plain(200, b"{}", b"application/json", b"a: b") == (
        b"HTTP/1.1 200 OK\r\nserver: phantom-simulator\r\ncontent-type: application/json\r\ncontent-length: 2\r\na: b\r\n\r\n{}"
    )
    assert head(529).startswith(b"HTTP/1.1 529 Overloaded\r\n")
    assert framed(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"


def test_pieces_that_nothing_separates_are_joined_with_their_tokens() -> None:
    script = Script((Piece(b"a", 1), Piece(b"b", 2)), Bill(1, 3), first_ms=4, end=End.CLOSE, whole=False)
    assert script.joined() == Script((Piece(b"ab", 3),), Bill(1, 3), first_ms=4, end=End.CLOSE, whole=False)


def test_paced_and_large_scripts_stay_in_pieces() -> None:
    paced = Script((Piece(b"a"), Piece(b"b")), pace_ms=1)
    large = Script((Piece(b"a" * JOIN_LIMIT), Piece(b"b")))
    assert paced.joined() is paced
    assert large.joined() is large
