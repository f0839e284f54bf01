"""The clients of the tests read the certificates of all authorities once."""

from __future__ import annotations

import ssl

import httpx
import pytest


def trust(client: httpx.Client) -> ssl.SSLContext:
    found: ssl.SSLContext = client._transport._pool._ssl_context  # type: ignore[attr-defined]
    return found


def test_it_is_read_once() -> None:
    with httpx.Client() as one, httpx.Client() as other:
        assert trust(one) is trust(other)
        assert trust(one).verify_mode == ssl.CERT_REQUIRED


def test_who_brings_its_own_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = ssl.create_default_context()
    with httpx.Client(verify=mine) as client, httpx.Client() as usual:
        assert trust(client) is mine
        monkeypatch.setenv("SSL_CERT_DIR", "/nowhere")
        with httpx.Client() as other:
            assert trust(other) is not trust(usual)
