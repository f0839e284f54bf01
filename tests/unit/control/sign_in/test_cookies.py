from __future__ import annotations

import pytest
from starlette.responses import Response
from tests.unit.control.sign_in.test_client import request

from phantom_gateway.control.sign_in.client import Client
from phantom_gateway.control.sign_in.cookies import LOCAL, SECURE, give, label_of, take, token_of

HERE = {"x-forwarded-for": "127.0.0.1", "x-forwarded-host": "localhost"}


def test_the_plain_cookie_counts_on_this_machine_only() -> None:
    assert token_of(request({"cookie": f"{LOCAL}=a"})) == ""
    assert token_of(request(HERE | {"cookie": f"{LOCAL}=a"})) == "a"
    assert token_of(request(HERE | {"cookie": f"{LOCAL}=a; {SECURE}=b"})) == "b"
    assert token_of(request({"cookie": f"x=1; {SECURE}=b"})) == "b"


@pytest.mark.parametrize("value", ["", "a" * 129, "\xe9"])
def test_what_is_no_token(value: str) -> None:
    assert token_of(request({"cookie": f"{SECURE}={value}"})) == ""


def test_giving_and_taking() -> None:
    answer = Response()
    give(answer, Client("192.0.2.1", "http", "gw"), "t", 60.9)
    take(answer, Client("127.0.0.1", "http", "localhost"))
    given, taken = answer.headers.getlist("set-cookie")
    assert given == f"{SECURE}=t; HttpOnly; Max-Age=60; Path=/; SameSite=strict; Secure"
    assert taken == f'{LOCAL}=""; HttpOnly; Max-Age=0; Path=/; SameSite=strict'


@pytest.mark.parametrize(
    ("agent", "label"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36 Edg/142.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
         "Safari on macOS"),
        ("Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Mobile Safari/537.36",
         "Chrome on Android"),
        ("curl/8.5.0", "curl"), ("", "unknown"), ("x" * 1000, "x" * 60), ("<img src=x>\r\n", "<img src=x>"),
    ],
)  # fmt: skip
def test_labels(agent: str, label: str) -> None:
    assert label_of(request({"user-agent": agent})) == label
