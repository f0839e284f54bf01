"""The cookie a session travels in, and the label of the browser that has it.

``__Host-`` binds it to exactly this host, over TLS, for all paths: no subdomain can set or read it. A browser on the
very machine that speaks plain HTTP gets it under a name without that prefix, since browsers differ in what they keep from http://localhost.
"""

from __future__ import annotations

import re

from fastapi import Request
from starlette.responses import Response

from phantom_gateway.control.sign_in.client import Client, client_of

SECURE = "__Host-phantom-session"
LOCAL = "phantom-session"
HEADER = "x-phantom-request"
"""Must be there (with any value) when a browser changes something: no form of another site can set it."""
_MAX_TOKEN = 128
_BROWSERS = ("Edg", "OPR", "Firefox", "Chrome", "Safari", "curl", "python-httpx")
_SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS X", "Linux")
_SHOWN = {"Edg": "Edge", "OPR": "Opera", "Mac OS X": "macOS"}


def token_of(request: Request) -> str:
    """What the session cookie holds; empty without one."""
    token = request.cookies.get(SECURE, "")
    if not token and client_of(request).on_this_machine:
        token = request.cookies.get(LOCAL, "")
    return token if len(token) <= _MAX_TOKEN and token.isascii() else ""


def give(response: Response, client: Client, token: str, seconds: float) -> None:
    """Set the cookie."""
    _set(response, client, token, int(seconds))


def take(response: Response, client: Client) -> None:
    """Have the browser drop the cookie."""
    _set(response, client, "", 0)


def label_of(request: Request) -> str:
    """Browser and system, as the browser says: for its owner to recognise, nothing is decided by it."""
    agent = request.headers.get("user-agent", "")[:512]
    browser = next((each for each in _BROWSERS if f"{each}/" in agent), "")
    system = next((each for each in _SYSTEMS if each in agent), "")
    named = " on ".join(_SHOWN.get(each, each) for each in (browser, system) if each)
    return named or re.sub(r"[^\x20-\x7e]", "", agent)[:60] or "unknown"


def _set(response: Response, client: Client, token: str, seconds: int) -> None:
    local = client.on_this_machine
    response.set_cookie(
        LOCAL if local else SECURE,
        token,
        max_age=seconds,
        path="/",
        secure=not local,
        httponly=True,
        samesite="strict",
    )
