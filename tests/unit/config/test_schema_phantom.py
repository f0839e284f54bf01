from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema_phantom import PhantomSection


@pytest.mark.parametrize("listen", ["shared", "127.0.0.1:4001", "[::1]:4001", "localhost:1"])
def test_admin_listeners(listen: str) -> None:
    assert PhantomSection.model_validate({"admin": {"listen": listen}}).admin.listen == listen


@pytest.mark.parametrize("listen", ["", "4001", ":4001", "h:0", "h:x", "h:65536", "a b:1", None, 4001])
def test_other_listeners_are_refused(listen: object) -> None:
    with pytest.raises(ValidationError):
        PhantomSection.model_validate({"admin": {"listen": listen}})


@pytest.mark.parametrize("block", ["10.0.0.0/8", "127.0.0.1", "fd12::/16", "100.64.0.0/10", "192.168.1.0/24"])
def test_private_networks_can_be_opened(block: str) -> None:
    assert (
        PhantomSection.model_validate({"egress": {"allow_private": [block]}}).egress.allow_private[0].startswith(block)
    )


@pytest.mark.parametrize(
    "block",
    [
        "169.254.0.0/16",
        "169.254.169.254",
        "::ffff:169.254.0.0/112",
        "::ffff:169.254.169.254",
        "fe80::1/128",
        "fd00:ec2::254/128",
        "100.100.100.200",
        "0.0.0.0/0",
        "::/0",
        "10.0.0.1/8",
        "x",
    ],
)
def test_metadata_and_everything_cannot(block: str) -> None:
    with pytest.raises(ValidationError):
        PhantomSection.model_validate({"egress": {"allow_private": [block]}})


def test_the_defaults_of_http_are_the_snapshots() -> None:
    http = PhantomSection().http
    assert (http.max_headers, http.header_timeout, http.max_body) == (100, 10.0, None)
    with pytest.raises(ValidationError):
        PhantomSection.model_validate({"http": {"header_timeout": 0}})


@pytest.mark.parametrize("place", ["file:/run/secrets/root", "env:PHANTOM_ROOT", None])
def test_places_of_the_root_key(place: str | None) -> None:
    assert PhantomSection.model_validate({"security": {"root_key": place}}).security.root_key == place


@pytest.mark.parametrize("place", ["ab" * 32, "file:relative", "file:", "env:", "env:1X", "env:A B", "vault:x", "", 5])
def test_a_root_key_is_never_in_the_configuration(place: object) -> None:
    with pytest.raises(ValidationError):
        PhantomSection.model_validate({"security": {"root_key": place}})
