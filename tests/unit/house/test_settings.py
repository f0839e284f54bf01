"""What a snapshot tells the workers is used by them: a setting that is carried and forgotten would be silently ignored."""

from __future__ import annotations

import ast

from tests.unit.house.tree import lines, modules

from phantom_gateway.spine import messages, snapshot

READERS = ("gateway/", "wire/", "limits/", "ledger/", "dialects/", "spine/model_access")

NOT_READ = {
    "Deployment.db_model": "says who owns it, for control's discovery routes",
    "Deployment.info": "for control's discovery routes",
    "Deployment.mode": "for control's discovery routes",
    "Settings.admin_listen": "for control's own listener",
    "Settings.conversations_bytes": "for control, which keeps them",
    "Settings.customer_budget": "for control, which answers with it when workers ask for a customer",
    "Settings.customer_budget_id": "the same",
    "Settings.tag_budgets": "the same for tags",
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
    assert unread <= NOT_READ.keys(), "carried and forgotten:" + lines(sorted(unread - NOT_READ.keys()))
    assert NOT_READ.keys() <= unread, "read now, take them off the list:" + lines(sorted(NOT_READ.keys() - unread))
