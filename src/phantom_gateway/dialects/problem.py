"""What went wrong, without anybody's shape: the ``errors`` module of each format renders it."""

from __future__ import annotations

from typing import Any, NamedTuple


class Problem(NamedTuple):
    """``kind`` is LiteLLM's ``type``; ``code`` defaults to the status; ``call_id`` finds it in the ledger."""

    status: int
    kind: str
    message: str
    param: str | None = None
    code: str | None = None
    details: dict[str, Any] | None = None
    call_id: str = ""
    sequence: int = 0
    """Number of the event, in streams that number theirs."""
