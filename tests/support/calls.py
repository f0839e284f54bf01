"""One request and all that came of it, also when it ended badly."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.support.gateway import Gateway

HELLO = [{"role": "user", "content": "hello there"}]


@dataclass
class Seen:
    """What a client saw."""

    status: int = 0
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: bytes = b""
    whole: bool = False
    """The response ended as HTTP says; not: that it was a good answer."""
    seconds: float = 0.0

    @property
    def events(self) -> list[bytes]:
        """The data of the stream's events; line ends of any kind."""
        lines = self.body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        return [line[5:].strip() for line in lines if line.startswith(b"data:")]

    @property
    def done(self) -> bool:
        """The stream said that it was complete."""
        return b"[DONE]" in self.events

    @property
    def error(self) -> dict[str, Any] | None:
        """The error object: of the body, or the last event's."""
        source = self.events[-1] if self.events else self.body
        try:
            found = json.loads(source)["error"]
        except (ValueError, KeyError, TypeError):
            return None
        return found if isinstance(found, dict) else None

    @property
    def call_id(self) -> str:
        """The id under which it is in the ledger."""
        return str(self.headers.get("x-litellm-call-id", ""))


def chat(gateway: Gateway, key: str, *, model: str = "gpt", seconds: float = 60, **fields: Any) -> Seen:
    """One chat request on a connection of its own, read to its end."""
    seen = Seen()
    began = time.monotonic()
    try:
        with httpx.stream(
            "POST",
            f"{gateway.url}/v1/chat/completions",
            headers={"Authorization": f"Bearer {key}"},
            json={"model": model, "messages": HELLO} | fields,
            timeout=seconds,
        ) as response:
            seen.status, seen.headers = response.status_code, response.headers
            for piece in response.iter_bytes():
                seen.body += piece
            seen.whole = True
    except httpx.TransportError:
        pass
    seen.seconds = time.monotonic() - began
    return seen


def row_of_user(gateway: Gateway, end_user: str, seconds: float = 15) -> dict[str, Any]:
    """The one row of the ledger with this label, as soon as it is there."""
    query = "SELECT * FROM requests WHERE end_user = ?"
    deadline = time.monotonic() + seconds
    while not (rows := gateway.records(query, end_user)):
        assert time.monotonic() < deadline, f"no row for {end_user}"
        time.sleep(0.02)
    assert len(rows) == 1, rows
    return rows[0]
