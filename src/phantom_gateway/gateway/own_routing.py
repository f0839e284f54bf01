"""How requests of a key are routed that has ``router_settings`` of its own, or whose team has: the configuration's, overridden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from phantom_gateway.spine.messages import OwnRouting
    from phantom_gateway.spine.snapshot import Routing

JOINED = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks", "retry_policy")
"""Where the key's word is about what it names: a model, a kind of failure; the configuration's stays for the others."""


def joined(base: Routing, own: OwnRouting) -> Routing:
    """``base`` with what ``own`` says.

    A number of retries is for every kind of failure that the key itself names none for; a timeout without one for streams is for
    these as well. The bound of a whole call (``request_timeout``) stays.
    """
    values: dict[str, Any] = {name: getattr(own.values, name) for name in own.said}
    before: dict[str, Any] = {name: getattr(base, name) for name in (*JOINED, "retry_policies")}
    if "num_retries" in values:
        before["retry_policy"] = {"Default": values["num_retries"]}
        before["retry_policies"] = {}
        values.setdefault("retry_policy", {})
    for name in JOINED:
        if name in values:
            values[name] = before[name] | values[name]
    by_model: dict[str, Any] = before["retry_policies"]
    if "retry_policy" in own.said:
        # Of all models, and a word of the key's: before one of the configuration for a model.
        by_model = {model: policy | own.values.retry_policy for model, policy in by_model.items()}
    for model, policy in values.get("retry_policies", {}).items():
        by_model = by_model | {model: by_model.get(model, {}) | policy}
    values["retry_policies"] = by_model
    if "timeout_s" in values:
        values.setdefault("stream_timeout_s", None)
    return msgspec.structs.replace(base, **values)
