from __future__ import annotations

import pytest

from phantom_gateway.config.schema import Config, Environment
from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.config.schema_phantom import EgressSection, PhantomSection
from phantom_gateway.config.secret import Secret
from phantom_gateway.config.urls import parse_url
from phantom_gateway.control.compile_address import LOOPBACK, PRIVATE, AddressError, Egress, compile_address, egress_of
from phantom_gateway.spine.snapshot import Address


def address(
    url: str, egress: Egress | None = None, *, explicit: bool = True, ssl_verify: bool | str | None = None
) -> Address:
    return compile_address(parse_url(url), egress or Egress(), explicit=explicit, ssl_verify=ssl_verify)


@pytest.mark.parametrize(
    ("url", "explicit", "allowed"),
    [
        ("https://api.openai.com/v1", False, ()),
        ("https://api.openai.com/v1", True, ()),
        ("https://api.groq.com:8443", True, ()),
        ("http://vllm.internal:8000", True, PRIVATE),
        ("http://vllm.internal:8000", False, ()),
        ("http://localhost:11434", False, LOOPBACK),
        ("http://x.localhost", True, LOOPBACK),
        ("http://10.1.2.3", True, ("10.1.2.3/32",)),
        ("http://127.0.0.1", True, ("127.0.0.1/32",)),
        ("http://[fd12::1]", True, ("fd12::1/128",)),
        ("http://100.64.0.9", True, ("100.64.0.9/32",)),
        ("http://8.8.8.8", True, ()),
        ("http://0.0.0.0:8000", True, ("127.0.0.1/32",)),
        ("http://[::]:8000", True, ("::1/128",)),
    ],
)
def test_what_the_operator_wrote_is_opened_and_nothing_more(url: str, explicit: bool, allowed: tuple[str, ...]) -> None:
    assert address(url, explicit=explicit).allow_private == allowed


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "100.100.100.200",
        "168.63.129.16",
        "224.0.0.1",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "[64:ff9b::a9fe:a9fe]",
        "[2002:a9fe:a9fe::]",
        "[::169.254.169.254]",
        "[fd20:ce::254]",
        "192.0.0.192",
    ],
)
def test_metadata_addresses_are_refused(host: str) -> None:
    with pytest.raises(AddressError, match="never reached"):
        address(f"http://{host}/")


def test_the_blocks_of_the_configuration_are_added() -> None:
    assert address("https://api.openai.com", Egress(allow_private=("10.0.0.0/8",))).allow_private == ("10.0.0.0/8",)
    assert address("http://v", Egress(allow_private=("10.0.0.0/8", "172.30.0.0/16"))).allow_private == (
        *PRIVATE,
        "172.30.0.0/16",
    )


def test_verification() -> None:
    assert address("https://h").verify
    assert not address("https://h", Egress(ssl_verify=False)).verify
    assert address("https://h", Egress(ssl_verify=False), ssl_verify=True).verify
    own = address("https://h", ssl_verify="/ca.pem")
    assert (own.verify, own.ca_file) == (True, "/ca.pem")


def test_the_proxy_serves_https_only() -> None:
    egress = Egress(proxy=Secret("http://p:1"))
    assert address("https://h", egress).proxy_url == Secret("http://p:1")
    assert address("http://h", egress).proxy_url is None


@pytest.mark.parametrize(
    ("no_proxy", "url", "bypassed"),
    [
        ("*", "https://h", True),
        ("example.com", "https://example.com", True),
        ("example.com", "https://api.example.com", True),
        (".example.com", "https://api.example.com", True),
        ("*.example.com", "https://api.example.com", True),
        ("example.com", "https://badexample.com", False),
        ("example.com:8443", "https://example.com", False),
        ("example.com:443", "https://example.com", True),
        ("10.0.0.0/8", "https://10.1.1.1", True),
        ("10.0.0.1", "https://10.0.0.2", False),
        ("[::1]", "https://[::1]", True),
        (",, ", "https://h", False),
    ],
)
def test_no_proxy(no_proxy: str, url: str, bypassed: bool) -> None:
    environment = Environment({}, {"https_proxy": "proxy:3128", "NO_PROXY": no_proxy})
    egress = egress_of(Config(), environment)
    assert (address(url, egress).proxy_url is None) == bypassed


def test_the_configured_proxy_wins() -> None:
    environment = Environment({}, {"HTTPS_PROXY": "http://environment:1"})
    config = Config(
        phantom=PhantomSection(egress=EgressSection(proxy=Secret("http://config:1"), allow_private=["10.0.0.0/8"])),
        litellm_settings=LitellmSettings(ssl_verify=False),
    )
    assert egress_of(config, environment) == Egress(("10.0.0.0/8",), Secret("http://config:1"), (), False)
    assert egress_of(Config(), environment).proxy == Secret("http://environment:1")
    with pytest.raises(AddressError, match=r"^the environment variable HTTPS_PROXY must be"):
        egress_of(Config(), Environment({}, {"HTTPS_PROXY": "socks5://user:sk-secret@p:1"}))
