from __future__ import annotations

import pytest

from phantom_gateway.dialects import operations
from phantom_gateway.dialects.operations import (
    ANTHROPIC,
    CHAT,
    COMPLETIONS,
    COUNT_CONTENTS,
    COUNT_TOKENS,
    EMBEDDINGS,
    GENERATE,
    GOOGLE,
    MESSAGES,
    OPENAI,
    STREAM_GENERATE,
    Operation,
    find,
    is_google,
    paths,
)


@pytest.mark.parametrize(
    ("path", "operation", "model"),
    [
        (b"/v1/chat/completions", CHAT, ""),
        (b"/chat/completions", CHAT, ""),
        (b"/cursor/chat/completions", CHAT, ""),
        (b"/v1/completions", COMPLETIONS, ""),
        (b"/completions", COMPLETIONS, ""),
        (b"/v1/embeddings", EMBEDDINGS, ""),
        (b"/embeddings", EMBEDDINGS, ""),
        (b"/engines/m/chat/completions", CHAT, "m"),
        (b"/engines/m/completions", COMPLETIONS, "m"),
        (b"/openai/deployments/a/b/chat/completions", CHAT, "a/b"),
        (b"/openai/deployments/m/embeddings", EMBEDDINGS, "m"),
        (b"/v1/messages", MESSAGES, ""),
        (b"/anthropic/v1/messages", MESSAGES, ""),
        (b"/v1/messages/count_tokens", COUNT_TOKENS, ""),
        (b"/anthropic/v1/messages/count_tokens", COUNT_TOKENS, ""),
        (b"/v1beta/models/gemini-2.5-pro:generateContent", GENERATE, "gemini-2.5-pro"),
        (b"/v1/models/a/b:streamGenerateContent", STREAM_GENERATE, "a/b"),
        (b"/models/a%2Fb%3A1:countTokens", COUNT_CONTENTS, "a/b:1"),
        (b"/models/a:7b:generateContent", GENERATE, "a:7b"),
    ],
)
def test_every_alias_is_found(path: bytes, operation: Operation, model: str) -> None:
    assert find(path) == (operation, model)


@pytest.mark.parametrize(
    "path",
    [b"/", b"/v1/chat/completions/", b"/v1/chat", b"/engines//chat/completions/x", b"/engines/chat/completion", b"/V1/embeddings",
     b"/engines/\xff/embeddings", b"/openai/deployments/embeddings", b"/v1/models",
     b"/v1beta/models", b"/v1beta/models/m", b"/models/:generateContent", b"/models/m:generate", b"/models/%ff:countTokens",
     b"/v2/models/m:generateContent"],
)  # fmt: skip
def test_nothing_else_is(path: bytes) -> None:
    assert find(path) is None


def test_errors_are_said_as_the_caller_says_them() -> None:
    assert {each.errors for each in (CHAT, COMPLETIONS, EMBEDDINGS)} == {OPENAI}
    assert {each.errors for each in (MESSAGES, COUNT_TOKENS)} == {ANTHROPIC}
    assert {each.errors for each in (GENERATE, STREAM_GENERATE, COUNT_CONTENTS)} == {GOOGLE}
    assert [each.name for each in (CHAT, MESSAGES, COUNT_TOKENS) if each.free] == ["count_tokens"]


def test_where_googles_clients_ask() -> None:
    for path in (b"/v1beta/models", b"/v1beta/models/m:generateContent", b"/models/m:countTokens", b"/v1beta/x"):
        assert is_google(path)
    for path in (b"/v1/models", b"/models/m", b"/v1/chat/completions", b"/v1beta", b"/x/v1beta/models"):
        assert not is_google(path)
    assert ("/v1beta/models/{model}:generateContent", GENERATE) in list(paths())


def test_responses_are_found_under_all_their_names() -> None:
    for base in (b"/v1/responses", b"/responses", b"/openai/v1/responses"):
        assert operations.find(base) == (operations.RESPONSES, "")
        assert operations.find(base + b"/compact") == (operations.COMPACT, "")
        assert operations.find(base + b"/input_tokens") == (operations.INPUT_TOKENS, "")
        assert operations.find(base + b"/resp_1") == (operations.GET_RESPONSE, "resp_1")
        assert operations.find(base + b"/resp_1/cancel") == (operations.CANCEL_RESPONSE, "resp_1")
        assert operations.find(base + b"/resp_1/input_items") == (operations.RESPONSE_INPUT, "resp_1")
    for other in (
        b"/v1/responses/",
        b"/v1/responses//cancel",
        b"/v1/responses/a/b",
        b"/x/responses/a",
        b"/v1/responses/a/cancel/",
    ):
        assert operations.find(other) is None
    assert operations.GET_RESPONSE.other is operations.DELETE_RESPONSE


def test_google_and_kept_responses_do_not_take_each_others_paths() -> None:
    assert operations.find(b"/v1/models/a/responses/b:generateContent") == (GENERATE, "a/responses/b")
    assert operations.find(b"/v1/models/a/responses/b") is None
    assert operations.find(b"/v1/responses/a:generateContent") == (operations.GET_RESPONSE, "a:generateContent")
    assert operations.find(b"/v1/responses/models/a:countTokens") is None
    assert not is_google(b"/v1/responses/a:generateContent")


def test_answers_are_given_again_of_few_operations_only() -> None:
    served = {operation.name: operation.cached for _, operation in paths()}
    assert {name for name, cached in served.items() if cached} == {
        "chat", "completions", "embeddings", "messages", "generate",
    }  # fmt: skip
