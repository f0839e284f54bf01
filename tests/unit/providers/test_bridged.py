"""What is known of providers behind the bridge."""

from __future__ import annotations

from phantom_gateway.providers.bridged import _KNOWN, bridged, handed_on
from phantom_gateway.providers.catalogue import BRIDGED


def test_only_providers_of_the_bridge_are_listed() -> None:
    assert _KNOWN.keys() <= BRIDGED
    for known in _KNOWN.values():
        assert known.hosts
        assert not any(host.startswith((".", "*")) or host != host.lower() for host in known.hosts)


def test_variables_by_name() -> None:
    assert bridged("maritalk").prefixes == ("MARITALK_",)
    assert bridged("scx-ai").prefixes == ("SCX_AI_",)
    assert bridged("maritalk").hosts == ()
    assert handed_on({"AWS_REGION": "a", "AWS_PROFILE": "b"}) == {"AWS_REGION": "a"}
