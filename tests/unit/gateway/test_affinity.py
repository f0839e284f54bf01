"""What requests of one conversation, session or key have in common, and others have not."""

from __future__ import annotations

import json
from typing import Any, cast

from phantom_gateway.dialects.operations import CHAT, COMPLETIONS
from phantom_gateway.gateway.affinity import MIN_BYTES, identity_of
from phantom_gateway.gateway.body import parse
from phantom_gateway.gateway.exchange import Exchange
from phantom_gateway.gateway.wishes import Wishes
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.spine.snapshot import Affinity

LONG = "x" * MIN_BYTES
FIRST = [{"role": "system", "content": "be kind"}, {"role": "user", "content": LONG}]


def exchange(
    messages: Any, key: str = "k", session: str | None = None, operation: Any = CHAT, **fields: Any
) -> Exchange:
    made = Exchange(cast("Any", None), cast("Any", None), operation, "", "call", 0)
    body = {"model": "g", operation.input_field: messages} | fields
    made.call = parse(json.dumps(body).encode(), operation, "")
    made.principal = KeyRecord(id=key)
    made.wishes = Wishes(session_id=session)
    return made


def conversation(messages: Any, **fields: Any) -> bytes:
    return identity_of(exchange(messages, **fields), ("prompt_caching",))[1]


def test_a_conversation_is_the_same_while_it_grows() -> None:
    later = [*FIRST, {"role": "assistant", "content": "yes"}, {"role": "user", "content": "go on"}]
    assert conversation(FIRST) == conversation(later) != b""
    assert conversation(FIRST, tools=[{"type": "x"}]) != conversation(FIRST)
    assert conversation([FIRST[0], {"role": "user", "content": LONG + "y"}]) != conversation(FIRST)
    assert conversation(FIRST, key="other") != conversation(FIRST)


def test_what_no_provider_caches_is_no_conversation() -> None:
    assert conversation([{"role": "user", "content": "short"}]) == b""
    assert conversation(LONG, operation=COMPLETIONS) == b""
    assert conversation([LONG, 5]) == b"", "strange messages are the upstream's business"


def test_the_first_that_applies_decides() -> None:
    wanted: tuple[Affinity, ...] = ("prompt_caching", "session_affinity", "deployment_affinity")
    short = [{"role": "user", "content": "hi"}]
    assert identity_of(exchange(FIRST, session="s"), wanted)[0] == "prompt_caching"
    assert identity_of(exchange(short, session="s"), wanted)[0] == "session_affinity"
    assert identity_of(exchange(short), wanted)[0] == "deployment_affinity"
    assert identity_of(exchange(short), wanted[:2]) == ("", b"")
    sessions = [identity_of(exchange(short, session=each), wanted)[1] for each in ("s", "s", "t")]
    assert sessions[0] == sessions[1] != sessions[2]
