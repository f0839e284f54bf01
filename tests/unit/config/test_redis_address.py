from __future__ import annotations

import pytest

from phantom_gateway.config.loader import parse_config
from phantom_gateway.config.redis_address import (
    RedisAddress,
    RedisAddressError,
    find_cache_redis,
    find_redis,
    parse_redis_url,
)


def found(text: str, **environment: str) -> RedisAddress | None:
    return find_redis(parse_config(text, environment), environment)


def test_urls() -> None:
    plain = parse_redis_url("redis://h")
    assert (plain.name, plain.tls, plain.password) == ("h:6379/0", False, None)
    full = parse_redis_url("rediss://me:p%40ss@h:7000/3")
    assert (full.name, full.tls, full.username) == ("h:7000/3", True, "me")
    assert full.password is not None
    assert full.password.reveal() == "p@ss"
    socket = parse_redis_url("unix:///run/redis.sock?db=2")
    assert (socket.name, socket.db) == ("/run/redis.sock", 2)


@pytest.mark.parametrize(
    "text", ["hunter2", "http://hunter2", "redis://", "redis://u:hunter2@h:x", "redis://h/hunter2"]
)
def test_nonsense_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(RedisAddressError) as caught:
        parse_redis_url(text)
    assert "hunter2" not in str(caught.value)


def test_the_first_place_that_names_one_wins() -> None:
    everywhere = (
        "general_settings: {coordination_redis: {host: a, port: 1, password: s}}\n"
        "router_settings: {redis_host: b}\n"
        "litellm_settings: {cache_params: {type: redis, host: c}}\n"
    )
    for text, host in zip([*_without_first_lines(everywhere), "{}"], "abcd", strict=True):
        address = found(text, REDIS_HOST="d")
        assert address is not None
        assert address.host == host
    assert found("litellm_settings: {cache_params: {type: s3, host: c}}") is None
    assert found("{}") is None


def _without_first_lines(text: str) -> list[str]:
    parts = text.splitlines()
    return ["\n".join(parts[start:]) for start in range(len(parts))]


def test_the_environment() -> None:
    address = found("{}", REDIS_HOST="h", REDIS_PORT="7", REDIS_PASSWORD="p", REDIS_SSL="True", REDIS_USERNAME="u")
    assert address is not None
    assert (address.name, address.tls, address.username, bool(address.password)) == ("h:7/0", True, "u", True)
    by_url = found("{}", REDIS_HOST="h", REDIS_URL="redis://other")
    assert by_url is not None
    assert by_url.host == "other"
    own = found("environment_variables: {REDIS_HOST: mine}")
    assert own is not None
    assert own.host == "mine"


def test_nodes_recognise_the_same_redis() -> None:
    one, same, other = (parse_redis_url(f"redis://{text}") for text in ("u:a@h:1", "h:1", "h:2"))
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert "hunter2" not in repr(parse_redis_url("redis://:hunter2@h"))


def test_the_cache_has_its_own_place() -> None:
    text = (
        "general_settings: {coordination_redis: {host: a}}\nrouter_settings: {redis_host: b}\n"
        "litellm_settings: {cache_params: {host: c, username: u, db: 3}}\n"
    )
    for given, environment, name in ((text, {}, "c:6379/3"), ("{}", {"REDIS_HOST": "d"}, "d:6379/0")):
        address = find_cache_redis(parse_config(given, environment), environment)
        assert address is not None
        assert address.name == name
    assert find_cache_redis(parse_config(text.replace("host: c, ", ""), {}), {}) is None
