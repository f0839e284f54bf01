from __future__ import annotations

import re

from phantom_gateway.security import key_format, tokens


def test_tokens_need_no_quoting_and_never_repeat() -> None:
    made = {tokens.generate(tokens.SESSION).reveal() for _ in range(1000)}
    assert len(made) == 1000
    assert all(re.fullmatch(r"phs-[A-Za-z0-9_-]{43}", token) for token in made)


def test_kinds_are_told_apart_and_are_no_keys() -> None:
    assert not tokens.generate(tokens.INVITATION).reveal().startswith((tokens.SESSION, key_format.PREFIX, "sk-"))
