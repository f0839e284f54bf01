from __future__ import annotations

from phantom_gateway.dialects.neutral import Ask, Untranslatable, Written


def test_what_cannot_be_said_names_the_place() -> None:
    error = Untranslatable("No.", "messages[0]")
    assert (error.message, error.param, str(error)) == ("No.", "messages[0]", "No.")


def test_no_two_requests_share_their_lists() -> None:
    assert Ask([]).tools is not Ask([]).tools
    assert Written({}).dropped is not Written({}).dropped
