from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.urls import Url, parse_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://api.openai.com/v1", Url("https", "api.openai.com", 443, "/v1", "")),
        ("https://API.openai.com/v1/", Url("https", "api.openai.com", 443, "/v1", "")),
        ("http://vllm:8000", Url("http", "vllm", 8000, "", "")),
        ("http://[::1]:8080/v1?x=1", Url("http", "::1", 8080, "/v1", "x=1")),
        ("http://10.0.0.1", Url("http", "10.0.0.1", 80, "", "")),
        ("http://qwen3.6:8000/v1", Url("http", "qwen3.6", 8000, "/v1", "")),
        ("http://my_service.ns.svc.cluster.local/a", Url("http", "my_service.ns.svc.cluster.local", 80, "/a", "")),
    ],
)
def test_addresses_are_read(text: str, expected: Url) -> None:
    assert parse_url(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "api.openai.com",
        "ftp://host/",
        "//host",
        "https://",
        "https:///v1",
        "https://user:pw@host/",
        "https://host@evil/",
        "https://host#x",
        "https://host#",
        "https://ho st/",
        "https://host\\@evil/",
        "https://host/\n",
        "https://host:0",
        "https://host:",
        "https://host:99999",
        "http://127.1",
        "http://2130706433",
        "http://0x7f000001",
        "http://0177.0.0.1",
        "http://1.2.3.4.5",
        "http://0x7f.1",
        "http://127.1.",
        "http://[::1",
        "http://[fe80::1%25eth0]",
        "https://münchen.de",
        "https://-a.com",
        "https://a..b",
        "https://host/../x",
        "https://" + "a" * 3000,
        "https://[1.2.3.4]/",
        "https://h/%00é",
    ],
)
def test_everything_doubtful_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|must|contains|has)") as caught:
        parse_url(text)
    assert not text or text not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_a_value_error(text: str) -> None:
    try:
        url = parse_url(f"https://{text}")
    except ValueError:
        return
    assert url.host
    assert 1 <= url.port <= 65535


def test_origins_leave_out_the_usual_port() -> None:
    assert parse_url("https://h:443/x").origin == "https://h"
    assert parse_url("http://[::1]:1/x").origin == "http://[::1]:1"
    assert parse_url("http://10.0.0.1/").address == ipaddress.ip_address("10.0.0.1")
    assert parse_url("http://host/").address is None
