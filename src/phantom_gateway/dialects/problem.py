"""What went wrong, without anybody's shape: the ``errors`` module of each format renders it."""

from __future__ import annotations

from typing import Any, NamedTuple

TOO_LONG = "context_length_exceeded"
"""The ``code`` of an input that does not fit the model."""


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

    def words(self, too_long: str) -> str:
        """The message. Clients know an input that does not fit by words of the format's own provider: ``too_long``, put before
        the message where it does not have them.
        """
        if self.code != TOO_LONG or too_long.lower() in self.message.lower():
            return self.message
        return f"{too_long}: {self.message}"
