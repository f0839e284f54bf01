from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.config.secret import Secret
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.passages import Passage, answered, key_in, model_in, named
from phantom_gateway.gateway.table import Table
from phantom_gateway.spine.snapshot import Address, Deployment, Pass, Snapshot
from phantom_gateway.wire.message import Request

ADDRESS = Address(scheme="https", host="api.example", port=443)


def upstream(path: str, **fields: Any) -> Deployment:
    settings: dict[str, Any] = {
        "id": "p", "group": path, "provider": "openai", "model": "*", "address": ADDRESS, "api_key": Secret("sk-up"),
    } | fields  # fmt: skip
    return Deployment(**settings)


def table(*passes: Pass) -> Table:
    return Table(Snapshot(revision=1, passes=passes))


def passage(path: str = "/svc", deployment: dict[str, Any] | None = None, **fields: Any) -> Passage:
    made = table(Pass(path=path, upstream=upstream(path, **(deployment or {})), **fields))
    return made.passages.all[path.encode()]


def head(
    of: Passage, rest: bytes = b"/v1/x", query: bytes = b"", method: str = "GET", **headers: Any
) -> dict[str, str]:
    pairs = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    request = Request(
        method, b"/svc" + rest + (b"?" + query if query else b""), pairs, b"{}" if method == "POST" else b""
    )
    first, *lines = of.head(request, rest).decode().removesuffix("\r\n\r\n").split("\r\n")
    return {"": first} | dict(line.split(": ", 1) for line in lines)


def test_the_longest_path_wins_at_whole_segments() -> None:
    passages = table(
        Pass(path="/a", upstream=upstream("/a")), Pass(path="/a/b", upstream=upstream("/a/b"), subpaths=False)
    ).passages

    def found(path: bytes) -> tuple[str, bytes] | None:
        way = passages.find(path)
        return None if way is None else (way.passage.name, way.rest)

    assert found(b"/a") == ("/a", b"")
    assert found(b"/a/c/d") == ("/a", b"/c/d")
    assert found(b"/a/b") == ("/a/b", b"")
    assert found(b"/a/b/c") == ("/a", b"/b/c")
    assert found(b"/ab") is found(b"/") is found(b"/x/a") is None
    assert table().passages.find(b"/a") is None


@pytest.mark.parametrize(
    "rest",
    [
        b"//evil.example/", b"/x//y", b"/..", b"/x/../y", b"/%2e%2e/y", b"/.%2E/y", b"/%2E", b"/x\\y", b"/x%5cy", b"/x%5Cy",
        b"/x%2fy", b"/x%2F..%2Fy", b"/x%252e%252e/", b"/x%0d%0aHost: evil", b"/x%00", b"/x\xff", b"/x y",
    ],
)  # fmt: skip
def test_what_may_lead_elsewhere_is_refused(rest: bytes) -> None:
    with pytest.raises(ApiError) as caught:
        table(Pass(path="/svc", upstream=upstream("/svc"))).passages.find(b"/svc" + rest)
    assert (caught.value.status, caught.value.param) == (400, "path")


def test_names_with_escaped_slashes_where_a_provider_has_them() -> None:
    passages = table(Pass(path="/bedrock", upstream=upstream("/bedrock"), escaped_slash=True)).passages
    way = passages.find(b"/bedrock/model/arn%3Aaws%2Fclaude/converse")
    assert way is not None
    assert way.rest == b"/model/arn%3Aaws%2Fclaude/converse"
    with pytest.raises(ApiError):
        passages.find(b"/bedrock/model/x%2F..%2Fy")


def test_the_request_that_is_sent() -> None:
    sent = head(passage(deployment={"base_path": "/base", "headers": (("x-own", "1"),)}), accept="*/*", x_other="2")
    assert sent == {
        "": "GET /base/v1/x HTTP/1.1", "host": "api.example", "user-agent": "phantom-gateway", "accept": "*/*",
        "accept-encoding": "identity", "x-own": "1", "authorization": "Bearer sk-up",
    }  # fmt: skip
    assert head(passage(), method="POST")["content-length"] == "2"
    assert head(passage(root="/v1"), b"/files")[""] == "GET /v1/files HTTP/1.1"
    assert head(passage(root="/v1"), b"/v1/files")[""] == "GET /v1/files HTTP/1.1"
    assert head(passage(), b"")[""] == "GET / HTTP/1.1"
    assert head(passage(shape="anthropic"))["anthropic-version"] == "2023-06-01"
    assert head(passage(shape="anthropic"), anthropic_version="2")["anthropic-version"] == "2"


def test_no_credential_of_the_caller_goes_on() -> None:
    mine = (
        "authorization",
        "x_api_key",
        "api_key",
        "x_goog_api_key",
        "cookie",
        "proxy_authorization",
        "x_litellm_api_key",
    )
    secrets: dict[str, Any] = dict.fromkeys(mine, "sk-virtual") | {
        "x_forwarded_for": "1.2.3.4",
        "x_aws_ec2_metadata_token": "t",
        "x_aws_ec2_metadata_token_ttl_seconds": "1",
        "metadata_flavor": "Google",
        "metadata": "true",
        "openai_organization": "org-1",
        "connection": "x-drop",
        "x_drop": "1",
        "transfer_encoding": "chunked",
        "host": "evil.example",
    }
    for all_headers in (False, True):
        sent = head(passage(all_headers=all_headers), **secrets)
        assert sent["authorization"] == "Bearer sk-up"
        assert sent["host"] == "api.example"
        assert set(sent) == {"", "host", "user-agent", "accept-encoding", "authorization"}
    own = passage(deployment={"auth_header": "x-goog-api-key", "auth_prefix": ""}, all_headers=True)
    sent = head(own, x_goog_api_key="sk-virtual", x_custom="kept")
    assert (sent["x-goog-api-key"], sent["x-custom"]) == ("sk-up", "kept")
    assert "authorization" not in sent


def test_the_query() -> None:
    of = passage(query=(("api-version", "2024-10-21"), ("limit", "5")), deployment={"query": "fixed=1"})
    line = head(
        of, query=b"limit=7&key=sk-virtual&%6Bey=sk-virtual&a=b%20c&API_KEY=x&%24userProject=other&subscription-key=y"
    )[""]
    assert line == "GET /v1/x?limit=7&a=b%20c&api-version=2024-10-21&fixed=1 HTTP/1.1"
    assert key_in(b"alt=sse&key=sk%2Dvirtual") == b"sk-virtual"
    assert key_in(b"") is key_in(b"keys=1") is None


def test_what_cannot_be_a_header_is_refused() -> None:
    request = Request("GET", b"/svc", [(b"accept", b"a\r\nx: y")], b"")
    with pytest.raises(ApiError) as caught:
        passage().head(request, b"")
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"),
        ("/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:streamGenerateContent", "gemini-2.5-pro"),
        ("/openai/deployments/gpt-4o/chat/completions", "gpt-4o"),
        ("/model/anthropic.claude-3-5-sonnet-20240620-v1:0/converse", "anthropic.claude-3-5-sonnet-20240620-v1:0"),
        ("/model/arn%3Aaws/invoke", "arn:aws"),
        ("/v1/chat/completions", ""),
    ],
)
def test_models_in_paths(path: str, model: str) -> None:
    assert model_in(path) == model


def test_answers_are_guarded_and_bare_of_what_is_nobodys_business() -> None:
    kept = dict(answered([(b"content-type", b"text/html"), (b"set-cookie", b"a=b"), (b"server", b"x"), (b"location", b"//evil"),
                          (b"anthropic-ratelimit-requests-limit", b"5"), (b"access-control-allow-origin", b"*")]))  # fmt: skip
    assert set(kept) == {
        b"content-type", b"anthropic-ratelimit-requests-limit", b"x-content-type-options", b"content-security-policy",
        b"cache-control",
    }  # fmt: skip


def test_an_upstream_that_repeats_its_credentials() -> None:
    of = passage(deployment={"secret_headers": (("x-token", Secret("bearer tok-123")),)})
    assert of.hidden(b'"sk-up" and tok-123') == b'"[key]" and [key]'


def test_a_name_for_a_passage_and_a_model() -> None:
    made = table(Pass(path="/openai", upstream=upstream("/openai")))
    of = made.passages.all[b"/openai"]
    assert made.passages.of_name(named(of, "gpt-4o")) == (of, "gpt-4o")
    assert made.passages.of_name("/nothing gpt") is None
    assert (of.is_metered("/v1/chat/completions"), of.is_free("/v1/models"), of.priced) == (False, False, False)
