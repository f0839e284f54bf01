from __future__ import annotations

import pytest
from tests.support.servers import RedisServer

from phantom_gateway.limits import scripts

NAMES = ("TAKE", "PUSH", "BEGIN", "JOIN", "OPEN")


@pytest.mark.parametrize("name", NAMES)
def test_redis_understands_them(redis_server: RedisServer, name: str) -> None:
    """What they do is tested through ``redis_counters``; here: each compiles, and refuses what is not its epoch."""
    client = redis_server.client()
    sha = client.script_load(getattr(scripts, name))
    arguments = ["other", "node", "1", *["0"] * 14]
    answer = client.evalsha(sha, 4, "{t}:meta", "{t}:a", "{t}:b", "{t}:c", *arguments)
    assert answer in ([b"epoch"], [], 0, b"")
    assert client.keys("*") == []
