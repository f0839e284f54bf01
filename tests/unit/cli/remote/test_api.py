from __future__ import annotations

from pathlib import Path

import pytest

from phantom_gateway.cli.remote import api
from phantom_gateway.cli.remote.api import UsageError, access
from phantom_gateway.cli.remote.api import _reason as reason
from phantom_gateway.config.secret import Secret
from phantom_gateway.security import secret_file

KEY = {"PHANTOM_API_KEY": "sk-1"}


def test_options_come_before_variables(tmp_path: Path) -> None:
    both = {"PHANTOM_URL": "http://one:1", "LITELLM_PROXY_URL": "http://two:2/base/"} | KEY
    assert access("http://given:3", None, tmp_path, 1, both).url.host == "given"
    assert access(None, None, tmp_path, 1, both).url.host == "one"
    del both["PHANTOM_URL"]
    assert access(None, None, tmp_path, 1, both).url.path == "/base"
    assert access(None, None, tmp_path, 1, KEY).url.origin == api.DEFAULT_URL


def test_a_key_file_comes_before_variables_and_those_before_the_data_directory(tmp_path: Path) -> None:
    secret_file.create(tmp_path / "keys" / "master.key", Secret("sk-master"))
    secret_file.create(tmp_path / "mine", Secret("sk-mine"))
    assert access(None, tmp_path / "mine", tmp_path, 1, KEY).key == Secret("sk-mine")
    assert access(None, None, tmp_path, 1, KEY).key == Secret("sk-1")
    assert access(None, None, tmp_path, 1, {"LITELLM_PROXY_API_KEY": "sk-2"}).key == Secret("sk-2")
    assert access(None, None, tmp_path, 1, {}).key == Secret("sk-master")


@pytest.mark.parametrize("url", ["https://elsewhere.example", "http://10.0.0.1:4000", "http://localhost.example:4000"])
def test_the_master_key_never_goes_to_another_machine(tmp_path: Path, url: str) -> None:
    secret_file.create(tmp_path / "keys" / "master.key", Secret("sk-master"))
    with pytest.raises(UsageError, match="PHANTOM_API_KEY"):
        access(url, None, tmp_path, 1, {})


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://user:secret@x", "http://169.254.169.254"])
def test_addresses_that_cannot_be_used(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="address") as caught:
        access(url, None, tmp_path, 1, KEY)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-a\r\nx: y", "sk-ä", "sk a"])
def test_keys_that_cannot_be_sent(tmp_path: Path, key: str) -> None:
    with pytest.raises(UsageError, match="character"):
        access(None, None, tmp_path, 1, {"PHANTOM_API_KEY": key})


def test_a_missing_key(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no key"):
        access(None, None, tmp_path, 1, {})
    with pytest.raises(UsageError, match="there is no file"):
        access(None, tmp_path / "none", tmp_path, 1, KEY)


def test_tls_is_verified_and_proxies_are_used(tmp_path: Path) -> None:
    proxied = access("https://far.example", None, tmp_path, 1, KEY | {"HTTPS_PROXY": "http://proxy:3128"})
    assert proxied.origin.verify
    assert proxied.origin.proxy_url == Secret("http://proxy:3128")
    none = access(
        "https://far.example", None, tmp_path, 1, KEY | {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "far.example"}
    )
    assert none.origin.proxy_url is None


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (b'{"error": {"message": "no such key."}}', "no such key"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b"<html>\n bad\x1b[31m</html>", "<html> bad [31m</html>"),
        (b"", "no reason given"),
    ],
)
def test_reasons_are_one_line(answer: bytes, line: str) -> None:
    assert reason(answer) == line


def test_long_reasons_are_cut() -> None:
    assert len(reason(b"x" * 10_000)) < 400
