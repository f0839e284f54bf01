"""What a snapshot tells the workers is used by them: a setting that is carried and forgotten would be silently ignored."""

from __future__ import annotations

import ast

from tests.unit.house.tree import lines, modules

from phantom_gateway.spine import messages, snapshot

READERS = ("gateway/", "wire/", "limits/", "ledger/", "dialects/")

NOT_YET = {
    "Deployment.info": "for control's discovery routes",
    "Deployment.max_input_tokens": "for control's discovery routes",
    "Deployment.max_parallel_requests": "limits of deployments come with routing",
    "Deployment.mock_response": "not active yet",
    "Deployment.mode": "for control's discovery routes",
    "Deployment.rpm": "a weight, already taken in when compiled; limits of deployments come with routing",
    "Deployment.tpm": "a weight, already taken in when compiled; limits of deployments come with routing",
    "KeyRecord.allowed_routes": "not active yet",
    "Settings.always_include_stream_usage": "not active yet",
    "Settings.drain_grace_s": "the grace is `phantom serve --grace`",
    "Settings.global_max_parallel": "not active yet",
    "Settings.max_json_depth": "not active yet; the decoder has a bound of its own",
    "Settings.user_header": "not active yet",
}
"""Carried to the workers and not read there. May only shrink."""


def read_attributes() -> set[str]:
    """Every attribute read in the modules that serve."""
    return {
        node.attr
        for path, tree in modules().items()
        if path.startswith(READERS)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }


def test_every_setting_reaches_the_code_that_serves() -> None:
    kinds = (
        snapshot.Address, snapshot.Deployment, snapshot.HttpLimits, snapshot.Prices, snapshot.Routing, snapshot.Settings,
        messages.KeyRecord,
    )  # fmt: skip
    read = read_attributes()
    names = [f"{kind.__name__}.{name}" for kind in kinds for name in kind.__struct_fields__]
    unread = {name for name in names if name.partition(".")[2] not in read}
    known = {name for name in NOT_YET if name.partition(".")[2] in read}
    assert unread <= NOT_YET.keys(), "carried and forgotten:" + lines(sorted(unread - NOT_YET.keys()))
    assert set(names) >= NOT_YET.keys()
    # A name may be read on another object (`tags`, `mode`); only a field that cannot be mistaken is sure to be used now.
    ambiguous = {
        "Deployment.max_parallel_requests",
        "Deployment.rpm",
        "Deployment.tpm",
        "Deployment.info",
        "Deployment.mode",
    }
    assert not known - ambiguous, "these are used now, take them off the list:" + lines(sorted(known - ambiguous))
