"""What the clients' scripts share: where the gateway is, what is asked, and how a script tells what it saw.

A script asks the same of each model and prints one JSON object: for each format ("" where a client has but one), model and
scenario plain facts in words that do not depend on the client. The tests judge them. The environment says where the gateway is
(``GATEWAY_URL``) and gives the keys.
"""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import Any

URL = os.environ["GATEWAY_URL"]
KEY = os.environ["KEY"]
UNKNOWN_KEY = "sk-unknown-0123456789"
MODELS = ("gpt", "claude", "gemini")
"""One of each upstream's format."""

HANGS_S = 180
"""After so long a script says where it waits, and ends."""
HELLO = "hello there"
BOTH = "call weather clock"
"""The simulator calls both tools at once."""
LOOK = "what is this"
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
WEATHER = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CLOCK = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
TOOLS = {"weather": WEATHER, "clock": CLOCK}
ABOUT = {"weather": "How the weather is.", "clock": "What the time is."}
RESULTS = {"weather": "sunny with some clouds", "clock": "ten past ten"}

Facts = dict[str, Any]
Scenario = Callable[[str], Facts]


def kinds(error: BaseException) -> list[str]:
    """The names of an error's classes: what an ``except`` of the client's users catches."""
    return [kind.__name__ for kind in type(error).__mro__ if kind not in (object, BaseException, Exception)]


def failure(act: Callable[[], Any]) -> Facts:
    """How ``act`` fails: the names of the classes, the status and ``retry-after``, as far as the error knows them."""
    try:
        answer = act()
    except Exception as error:
        response = getattr(error, "response", None)
        headers = getattr(response, "headers", None) or {}
        return {
            "kinds": kinds(error),
            "status": getattr(error, "status_code", None) or getattr(error, "code", None),
            "retry_after": headers.get("retry-after"),
            "message": str(error)[:500],
        }
    return {"kinds": [], "answer": str(answer)[:500]}


def run(
    scenarios: dict[str, Scenario], formats: tuple[str, ...] = ("",), enter: Callable[[str], None] | None = None
) -> None:
    """Run everything for every format and model and print what was seen; a scenario that fails says so in its place.

    ``enter`` is told the format before its scenarios run.
    """
    faulthandler.dump_traceback_later(HANGS_S, exit=True)
    seen: Facts = {}
    for each in formats:
        if enter is not None:
            enter(each)
        for model in MODELS:
            for name, scenario in scenarios.items():
                try:
                    facts = scenario(model)
                except Exception:
                    facts = {"failed": traceback.format_exc()[-3000:]}
                seen.setdefault(each, {}).setdefault(model, {})[name] = facts
    json.dump(seen, sys.stdout, default=str)
