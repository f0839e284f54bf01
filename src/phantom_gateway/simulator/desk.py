"""From a received request to its script: routes, the cache of ready scripts, retries that succeed, the books."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import msgspec

from phantom_gateway.simulator import answers, gemini, media, messages, responses
from phantom_gateway.simulator.controls import ControlError
from phantom_gateway.simulator.counts import MAX_TALLIES, Books, Header, Tally
from phantom_gateway.simulator.modes import build
from phantom_gateway.simulator.reading import Ask, BadRequestError, read
from phantom_gateway.simulator.script import Piece, Script, plain
from phantom_gateway.simulator.shelf import Kept, Shelf

if TYPE_CHECKING:
    from collections.abc import Callable

    Keeping = Callable[[Ask, Shelf], answers.Answer]

MAX_READY = 256
MAX_READY_BYTES = 64 * 1024
MAX_KEYS = 10_000
OWN_PAGES = (b"/sim/counts", b"/sim/requests", b"/sim/reset")
ENDPOINTS: dict[str, Callable[[Ask], answers.Answer]] = {
    "/chat/completions": answers.chat,
    "/completions": answers.completion,
    "/embeddings": answers.embeddings,
    "/messages": messages.messages,
    "/messages/count_tokens": messages.count_tokens,
    "/moderations": media.moderations,
    "/images/generations": media.images,
    "/images/edits": media.images,
    "/images/variations": media.images,
    "/audio/speech": media.speech,
    "/audio/transcriptions": media.transcripts,
    "/audio/translations": media.transcripts,
    "/rerank": media.rerank,
    "/v2/rerank": media.rerank,
}
KEEPING: dict[str, Keeping] = {
    "/responses": responses.responses,
    "/responses/compact": responses.compact,
    "/responses/input_tokens": responses.input_tokens,
}


class Ready:
    """A script with what must be known to play it again for the same bytes."""

    __slots__ = ("fail_first", "key", "later", "script", "tally")

    def __init__(self, script: Script, tally: Tally | None = None) -> None:
        self.script = script
        self.later = script
        self.tally = tally
        self.fail_first = 0
        self.key = ""


class Desk:
    """Answers requests; knows nothing of sockets.

    The same target, body and control header give the same script, so ready ones are kept: 256 at most, each up to 64 KiB
    of request and of answer.
    """

    def __init__(self, keep: int = 1000, tallies: int = MAX_TALLIES) -> None:
        self.books = Books(keep, tallies)
        self._keep = keep
        self._ready: dict[tuple[bytes, bytes, bytes], Ready] = {}
        self._failed: dict[str, int] = {}
        self._shelf = Shelf()

    def receive(
        self, method: bytes, target: bytes, headers: list[Header], body: bytes, control: bytes
    ) -> tuple[Script, Tally | None]:
        """The script for one request and the tally it is counted in (none outside the model endpoints)."""
        if self._keep and not target.startswith(OWN_PAGES):
            self.books.record(method, target, headers, body)
        if method != b"POST":
            return self._page(method, target), None
        ready = self._ready.get((target, body, control))
        if ready is None:
            ready = self._prepare(target, body, control)
        if ready.fail_first:
            return self._in_turn(ready), ready.tally
        return ready.script, ready.tally

    def reset(self) -> None:
        """Forget counts, requests, and how often a key has failed."""
        self.books.reset()
        self._ready.clear()
        self._failed.clear()
        self._shelf.clear()

    def _prepare(self, target: bytes, body: bytes, control: bytes) -> Ready:
        path = _path(target)
        if path == "/sim/reset":
            self.reset()
            return Ready(_json(b'{"reset":true}'))
        if path == "/sim/redirected":
            return Ready(_json(b'{"redirected":true}'))
        place, model = path.removeprefix("/v1"), ""
        endpoint = ENDPOINTS.get(place)
        if endpoint is None and (keeping := KEEPING.get(place)) is not None:
            endpoint = partial(_with_shelf, keeping, self._shelf)
        if endpoint is None and (kept := self._kept(b"POST", place)) is not None:
            return Ready(kept)
        if endpoint is None:
            endpoint, model = gemini.find(path) or (None, "")
        if endpoint is None:
            return Ready(_refused(404, f"The simulator has no POST {path}.", code="unknown_url"))
        try:
            ready = self._answered(endpoint, read(body, control.decode("latin-1"), model))
        except (BadRequestError, ControlError) as error:
            return Ready(_at_fault(path, error), self.books.tally("(refused)", ""))
        if len(body) <= MAX_READY_BYTES and place not in KEEPING and _keepable(ready):
            if len(self._ready) >= MAX_READY:
                self._ready.clear()
            self._ready[target, body, control] = ready
        return ready

    def _answered(self, endpoint: Callable[[Ask], answers.Answer], ask: Ask) -> Ready:
        ready = Ready(build(ask, endpoint(ask)), self.books.tally(ask.model, ask.controls.label or ask.user))
        if ask.controls.fail_first:
            calm = replace(ask, controls=msgspec.structs.replace(ask.controls, mode="ok"))
            ready.later = build(calm, endpoint(calm))
            ready.fail_first, ready.key = ask.controls.fail_first, ask.controls.key
        return ready

    def _in_turn(self, ready: Ready) -> Script:
        failed = self._failed.get(ready.key, 0)
        if failed >= ready.fail_first:
            return ready.later
        if len(self._failed) >= MAX_KEYS:
            self._failed.clear()
        self._failed[ready.key] = failed + 1
        return ready.script

    def _page(self, method: bytes, target: bytes) -> Script:
        path = _path(target)
        kept = self._kept(method, path.removeprefix("/v1"))
        if kept is not None:
            return kept
        if method != b"GET":
            return _refused(405, f"The simulator takes GET and POST, not {method.decode('latin-1')}.")
        if path in ("/v1/models", "/models"):
            return _json(answers.models())
        if path == "/v1beta/models":
            return _json(gemini.models())
        if path == "/sim/counts":
            return _json(msgspec.json.encode(self.books.counts()))
        if path == "/sim/requests":
            return _json(msgspec.json.encode(self.books.requests(_limit(target))))
        if path == "/sim/redirected":
            return _json(b'{"redirected":true}')
        if path in ("/", "/health"):
            return _json(b'{"status":"ok","server":"phantom-simulator"}')
        return _refused(404, f"The simulator has no GET {path}.", code="unknown_url")

    def _kept(self, method: bytes, path: str) -> Script | None:
        """What is asked of a kept response; None when nothing is."""
        if not path.startswith("/responses/"):
            return None
        name, _, rest = path.removeprefix("/responses/").partition("/")
        kept = self._shelf.get(name)
        if kept is None:
            return _refused(404, f"Response with id '{name}' not found.")
        return self._of_kept(method, name, rest, kept)

    def _of_kept(self, method: bytes, name: str, rest: str, kept: Kept) -> Script | None:
        if (method, rest) == (b"GET", ""):
            return _json(msgspec.json.encode(kept.response))
        if (method, rest) == (b"GET", "input_items"):
            return _json(responses.input_items(kept))
        if (method, rest) == (b"DELETE", ""):
            self._shelf.drop(name)
            return _json(msgspec.json.encode({"id": name, "object": "response", "deleted": True}))
        if (method, rest) == (b"POST", "cancel"):
            return _refused(400, "Only responses created with 'background' can be cancelled.", "response_id")
        return None


def refused(status: int, message: str) -> Script:
    """An error of the simulator itself, below any model."""
    return _refused(status, message)


def _with_shelf(keeping: Keeping, shelf: Shelf, ask: Ask) -> answers.Answer:
    return keeping(ask, shelf)


def _keepable(ready: Ready) -> bool:
    size = sum(len(piece.data) for script in (ready.script, ready.later) for piece in script.pieces)
    return size <= 2 * MAX_READY_BYTES and b"retry-after: " not in ready.script.pieces[0].data


def _path(target: bytes) -> str:
    return urlsplit(target.decode("latin-1")).path


def _limit(target: bytes) -> int:
    given = parse_qs(urlsplit(target.decode("latin-1")).query).get("limit", ["100"])[0]
    return int(given) if given.isdecimal() and len(given) < 10 else 100


def _json(body: bytes) -> Script:
    return Script((Piece(plain(200, body)),))


def _at_fault(path: str, error: BadRequestError | ControlError) -> Script:
    if gemini.find(path) is not None:
        return Script((Piece(plain(400, gemini.error(400, str(error)))),))
    if "/messages" in path:
        return Script((Piece(plain(400, messages.error(400, str(error)))),))
    return _refused(400, str(error), error.param if isinstance(error, BadRequestError) else "simulate")


def _refused(status: int, message: str, param: str | None = None, code: str | None = None) -> Script:
    return Script((Piece(plain(status, answers.error(status, message, param, code))),))
