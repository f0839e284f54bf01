"""What of a request becomes a call. The calls themselves: test_keeper.py, and tests/contract/test_bridge.py with the SDK."""

from __future__ import annotations

import pytest

from phantom_gateway.bridge.inside import calls
from phantom_gateway.wire import multipart


def test_a_form_is_read_as_the_gateway_writes_it() -> None:
    boundary = b"b0"
    head = b'content-disposition: form-data; name="file"; filename="a.wav"\r\ncontent-type: audio/wav\r\n'
    file = multipart.Part("file", memoryview(b"\r\n--b0x\x00\r\n"), head, is_file=True)
    body = multipart.render([multipart.field("model", b"m"), multipart.field("tags[]", b"x"), file], boundary)
    fields = calls._form(body, 'multipart/form-data; boundary="b0"')
    assert fields["model"] == "m"
    assert fields["tags"] == ["x"]
    assert fields["file"] == ("a.wav", b"\r\n--b0x\x00\r\n", "audio/wav")


@pytest.mark.parametrize(
    "name",
    ["api_base", "base_url", "_skip", "vertex_project", "aws_role_name", "my_api_key", "headers", "proxy_server_request", "token",
     "success_callback", "ssl_verify", "max_retries", "organization"],
)  # fmt: skip
def test_what_the_sdk_would_take_for_itself(name: str) -> None:
    assert calls._RESERVED.search(name)


@pytest.mark.parametrize(
    "name", ["temperature", "top_k", "max_tokens", "logit_bias", "num_ctx", "reasoning_effort", "input_type"]
)
def test_what_providers_read(name: str) -> None:
    assert not calls._RESERVED.search(name)
