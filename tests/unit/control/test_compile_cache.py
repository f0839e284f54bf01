"""The rules of the cache, from what the operator wrote."""

from __future__ import annotations

import pytest

from phantom_gateway.config.errors import ConfigError, Note
from phantom_gateway.config.loader import parse_config
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.compile import check_deployments, compile_snapshot
from phantom_gateway.control.compile_cache import UNNAMED, named
from phantom_gateway.spine.snapshot import CacheRules


def no_price(_provider: str, _model: str) -> None:
    return None


def compiled(text: str, **environment: str) -> tuple[CacheRules | None, list[Note]]:
    config = parse_config(text, environment, checks=[check_deployments])
    snapshot, notes = compile_snapshot(
        config, 1, price_lookup=no_price, environment=environment, demo_socket=None, pepper=None
    )
    return snapshot.cache, notes


def rules(text: str, **environment: str) -> CacheRules:
    found, notes = compiled(text, **environment)
    assert found is not None
    assert not [note for note in notes if "cache" in str(note)]
    return found


@pytest.mark.parametrize("text", ["", "litellm_settings: {cache: false, cache_params: {type: redis}}"])
def test_off(text: str) -> None:
    assert compiled(text)[0] is None


def test_in_memory() -> None:
    found = rules("litellm_settings: {cache: true}")
    assert (found.redis, found.ttl_s, found.scope, found.default_on, found.call_types) == (
        None,
        600,
        "key",
        True,
        frozenset(),
    )
    assert found.secret.reveal() == UNNAMED.reveal()
    assert named(found, Secret("ab" * 32)).secret.reveal() == "ab" * 32


def test_what_is_written() -> None:
    found = rules(
        "litellm_settings: {cache: true, cache_params: {type: local, mode: default_off, namespace: n, default_in_memory_ttl: 60,"
        " default_in_redis_ttl: 70, supported_call_types: [completion, aembedding]}}\n"
        "phantom: {cache: {scope: team, max_answer: 1000, max_bytes: 2000, max_entries: 3, timeout: 0.5}}",
    )
    assert (found.default_on, found.namespace, found.ttl_s, found.scope) == (False, "n", 60, "team")
    assert found.call_types == {"acompletion", "aembedding"}
    assert (found.max_answer, found.max_bytes, found.max_entries, found.timeout_s) == (1000, 2000, 3, 0.5)


def test_ttl_wins() -> None:
    assert rules("litellm_settings: {cache: true, cache_params: {ttl: 5, default_in_memory_ttl: 60}}").ttl_s == 5


def test_in_redis() -> None:
    text = (
        "litellm_settings: {cache: true, cache_params: {type: redis, host: Cache.internal, port: 6380, password: p, db: 2,"
        " ssl: true}}"
    )
    place = rules(text).redis
    assert place is not None
    assert (place.address.scheme, place.address.host, place.address.port, place.db) == (
        "https",
        "cache.internal",
        6380,
        2,
    )
    assert place.password is not None
    assert place.password.reveal() == "p"
    assert "10.0.0.0/8" in place.address.allow_private
    assert place.address.proxy_url is None


def test_from_the_environment() -> None:
    environment = {"REDIS_URL": "redis://u:p@127.0.0.1:6390/1", "HTTPS_PROXY": "http://proxy.example:3128"}
    place = rules("litellm_settings: {cache: true}", **environment).redis
    assert place is not None
    assert (place.address.host, place.address.port, place.username, place.db) == ("127.0.0.1", 6390, "u", 1)
    assert place.address.allow_private == ("127.0.0.1/32",)
    assert rules("litellm_settings: {cache: true, cache_params: {type: local}}", **environment).redis is None


def test_a_socket() -> None:
    place = rules("litellm_settings: {cache: true, cache_params: {url: unix:///run/redis.sock}}").redis
    assert place is not None
    assert (place.address.scheme, place.address.socket_path) == ("unix", "/run/redis.sock")


@pytest.mark.parametrize("kind", ["s3", "disk", "redis-semantic", "qdrant-semantic"])
def test_types_that_are_not_active(kind: str) -> None:
    found, notes = compiled(f"litellm_settings: {{cache: true, cache_params: {{type: {kind}, host: h}}}}")
    assert found is None
    assert [(note.kind, kind in note.message) for note in notes if "cache" in note.message] == [("later", True)]


@pytest.mark.parametrize(
    ("params", "named_"),
    [
        ("{type: redis}", "type"),
        ("{type: redis, host: 169.254.169.254}", "host"),
        ("{type: redis, host: 'a b'}", "host"),
        ("{type: redis, url: 'http://canary@h'}", "url"),
        ("{namespace: 'a b'}", "namespace"),
        ("{mode: sometimes}", "mode"),
    ],
)
def test_what_cannot_be(params: str, named_: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compiled(f"litellm_settings: {{cache: true, cache_params: {params}}}")
    assert [problem.path[-1] for problem in caught.value.problems] == [named_]
    assert "canary" not in str(caught.value)
