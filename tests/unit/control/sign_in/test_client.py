from __future__ import annotations

from typing import Any

import pytest
from fastapi import Request

from phantom_gateway.control.sign_in.client import Client, client_of, is_same_origin


def request(headers: dict[str, str], client: tuple[str, int] | None = None, scheme: str = "http") -> Request:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": raw,
        "client": client,
        "scheme": scheme,
    }
    return Request(scope)


FORWARDED = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "x-forwarded-host": "GW.example"}


def test_workers_are_believed_and_nobody_else() -> None:
    assert client_of(request(FORWARDED | {"host": "localhost"})) == Client("203.0.113.9", "https", "gw.example")
    spoofed = request(FORWARDED | {"host": "admin:4001"}, ("198.51.100.1", 5))
    assert client_of(spoofed) == Client("198.51.100.1", "http", "admin:4001")


@pytest.mark.parametrize(
    ("client", "local"),
    [
        (Client("127.0.0.1", "http", "localhost:4000"), True),
        (Client("::1", "http", "[::1]:4000"), True),
        (Client("::1", "http", "[::1]"), True),
        (Client("127.0.0.1", "http", "127.0.0.1"), True),
        (Client("127.0.0.1", "https", "localhost"), False),
        (Client("127.0.0.1", "http", "gw.example"), False),
        (Client("192.0.2.1", "http", "localhost"), False),
        (Client("", "http", "localhost"), False),
        (Client("127.0.0.1", "http", "localhost.evil.example"), False),
    ],
)
def test_a_browser_on_this_machine(client: Client, local: bool) -> None:
    assert client.on_this_machine is local


@pytest.mark.parametrize(
    ("host", "origin", "same"),
    [
        ("gw.example", "https://gw.example", True),
        ("gw.example:8443", "https://gw.example:8443", True),
        ("gw.example", "https://gw.example:443", True),
        ("gw.example:8443", "https://gw.example", False),
        ("gw.example", "https://evil.example", False),
        ("gw.example", "https://gw.example.evil", False),
        ("gw.example", "file://gw.example", False),
        ("gw.example", "null", False),
        ("gw.example", "", False),
        ("", "http://", False),
        ("gw.example", "https://ui.example", True),
        ("gw.example", "http://ui.example", False),
    ],
)
def test_origins(host: str, origin: str, same: bool) -> None:
    headers = {"x-forwarded-host": host} | ({"origin": origin} if origin else {})
    assert is_same_origin(request(headers), ("https://UI.example/",)) is same


def test_a_browser_that_says_it_comes_from_elsewhere() -> None:
    good = {"x-forwarded-host": "gw.example", "origin": "https://gw.example"}
    for site, same in (("same-origin", True), ("same-site", False), ("cross-site", False), ("none", False)):
        assert is_same_origin(request(good | {"sec-fetch-site": site}), ()) is same
