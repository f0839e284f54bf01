from __future__ import annotations

from phantom_gateway.control.ui.files import Asset
from phantom_gateway.control.ui.headers import POLICY, headers_of

PAGE = Asset("text/html; charset=utf-8", b"x", None, kept=False)
FILE = Asset("text/javascript; charset=utf-8", b"x", b"y", kept=True)


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "*" not in POLICY
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules["default-src"] == rules["frame-ancestors"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == rules["connect-src"] == rules["base-uri"] == "'self'"


def test_the_page_is_never_kept_and_files_for_ever() -> None:
    assert headers_of(PAGE, tls=False, compressed=False)["cache-control"] == "no-store"
    assert "immutable" in headers_of(FILE, tls=False, compressed=True)["cache-control"]
    assert headers_of(FILE, tls=False, compressed=True)["content-encoding"] == "gzip"
    assert "content-encoding" not in headers_of(FILE, tls=False, compressed=False)


def test_tls_is_remembered_where_there_is_tls() -> None:
    assert "strict-transport-security" not in headers_of(PAGE, tls=False, compressed=False)
    assert headers_of(PAGE, tls=True, compressed=False)["strict-transport-security"].startswith("max-age=")
