from __future__ import annotations

from phantom_gateway.gateway import ways
from phantom_gateway.gateway.ways import ANTHROPIC, GOOGLE, OPENAI, RESPONSES, Way


def made(*paths: str) -> dict[str, Way]:
    return ways.of(paths, lambda operation: Way(operation, operation.encode()))


def test_what_a_deployment_has_is_served_directly() -> None:
    found = made("chat", "embeddings")
    for name in ("chat", "embeddings"):
        assert (found[name].caller, found[name].prefix, found[name].reading) == (None, name.encode(), OPENAI)
    assert made("messages")["messages"].reading is ANTHROPIC
    assert made("messages")["messages"].forwards


def test_what_it_has_not_is_translated_into_what_it_has() -> None:
    way = made("chat")["messages"]
    assert way.caller is not None
    assert way.upstream is not None
    assert (way.caller.name, way.upstream.name, way.prefix, way.reading) == ("messages", "chat", b"chat", OPENAI)
    assert not way.forwards
    back = made("messages")["chat"]
    assert back.upstream is not None
    assert (back.upstream.name, back.reading, back.forwards) == ("messages", ANTHROPIC, True)


def test_nothing_is_translated_twice() -> None:
    both = made("chat", "messages")
    assert both["chat"].caller is both["messages"].caller is None
    assert set(made("embeddings")) == {"embeddings"}


def test_tokens_are_counted_here_where_nobody_else_does() -> None:
    assert made("chat")["count_tokens"].here
    assert not made("messages", "count_tokens")["count_tokens"].here
    assert "count_tokens" not in made("embeddings")


def test_google_is_one_more_format() -> None:
    own = made("generate", "count_contents")
    assert own["generate"].reading is GOOGLE
    assert own["generate"].configured
    assert not own["count_contents"].here
    for name in ("chat", "messages"):
        way = own[name]
        assert way.upstream is not None
        assert (way.upstream.name, way.reading) == ("generate", GOOGLE)
    assert own["count_tokens"].here
    for name in ("chat", "messages"):
        way = made(name)["generate"]
        assert way.upstream is not None
        assert (way.upstream.name, way.configured) == (name, False)
    assert made("chat")["count_contents"].here


def test_responses_are_made_of_chats_rather_than_of_messages_and_the_other_way_round() -> None:
    for own, served in ((("chat",), "chat"), (("messages",), "messages"), (("messages", "chat"), "chat")):
        way = made(*own)["responses"]
        assert way.upstream is not None
        assert (way.upstream.name, way.ids, way.asks_usage) == (served, None, served == "chat")
    only = made("responses")
    for asked in ("chat", "messages"):
        way = only[asked]
        assert way.upstream is not None
        assert (way.upstream.name, way.reading) == ("responses", RESPONSES)
    assert only["responses"].caller is None
    for own, served in ((("messages",), "messages"), (("responses",), "responses"), (("responses", "chat"), "chat")):
        way = made(*own)["generate"]
        assert way.upstream is not None
        assert way.upstream.name == served
    for asked in ("chat", "messages", "responses"):
        way = made("generate", "responses")[asked]
        assert (way.upstream and way.upstream.name) == (None if asked == "responses" else "generate")
    assert only["count_contents"].here
    assert made("generate", "count_contents")["input_tokens"].here
    assert only["input_tokens"].here
    assert "compact" not in made("chat")
