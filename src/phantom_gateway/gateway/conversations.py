"""Responses that the gateway keeps itself, for providers without a Responses API: ``previous_response_id``, GET and DELETE.

Kept is what was said, in the memory of control and for a time (``phantom.conversations``). The id is bound to the key, as that of a
response which a provider keeps (``security.response_ids``); the deployment in it is nobody.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.gateway import headers
from phantom_gateway.gateway.admit import media_tokens
from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable
from phantom_gateway.gateway.kept import PREVIOUS, unknown
from phantom_gateway.security.response_ids import Kept
from phantom_gateway.spine.client import SpineDown

if TYPE_CHECKING:
    from phantom_gateway.dialects.responses.stream import Writer
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Table
    from phantom_gateway.spine.client import SpineClient

HERE = ""
"""Stands for the deployment in an id."""
MAX_CONTENT = 4 * 1024 * 1024
"""Longer conversations are not kept."""
MAX_LISTED = 100

JsonObject = dict[str, Any]


class _Saved(msgspec.Struct):
    items: list[msgspec.Raw]
    """The whole conversation, the answer included."""
    asked: int
    """How many of them were asked."""
    response: msgspec.Raw


_saved = msgspec.json.Decoder(_Saved)
_object = msgspec.json.Decoder(dict[str, Any])
_anything = msgspec.json.Decoder(Any)
_items = msgspec.json.Decoder(list[msgspec.Raw])
_encode = msgspec.json.Encoder().encode


class Talk:
    """What is going to be kept of an exchange, if it is translated and comes to its end."""

    __slots__ = ("_asked", "_name", "_spine", "said", "writer")

    def __init__(self, spine: SpineClient, name: str, said: JsonObject, asked: list[msgspec.Raw]) -> None:
        self._spine = spine
        self._name = name
        self._asked = asked
        self.said = said
        """What the response says that is kept: its id, and which one it goes on with."""
        self.writer: Writer | None = None
        """Writes the stream of the present attempt, if it is one."""

    async def keep(self, body: bytes) -> bytes:
        """Keep a whole answer; the answer with its id, or as it was when it is not kept."""
        response = _object.decode(body) | self.said
        return _encode(response) if await self._kept(response) else body

    async def keep_stream(self) -> None:
        """Keep the answer whose stream came to its end."""
        if self.writer is not None and self.writer.whole is not None:
            await self._kept(self.writer.whole)

    async def _kept(self, response: JsonObject) -> bool:
        items = [*self._asked, *(msgspec.Raw(_encode(item)) for item in response["output"])]
        content = _encode(_Saved(items, len(self._asked), msgspec.Raw(_encode(response))))
        if len(content) > MAX_CONTENT:
            return False
        try:
            await self._spine.conversation("keep", self._name, content)
        except SpineDown:
            return False
        return True


async def prepare(exchange: Exchange, table: Table, spine: SpineClient) -> None:
    """Put what was said before in front of what is asked, and note what is to be kept.

    Raises ApiError 400 for a conversation that is gone, 503 when it cannot be asked for.
    """
    call, kept = exchange.call, exchange.kept
    previous = None
    if kept is not None and kept.deployment == HERE:
        previous = exchange.previous
        saved = await _find(spine, kept.id)
        if saved is None:
            raise unknown()
        asked = [*saved.items, *_asked(exchange)]
        call.fields["input"] = msgspec.Raw(_encode(asked))
        call.size += sum(len(memoryview(item)) + media_tokens(bytes(item)) for item in saved.items)
        del call.fields[PREVIOUS]
        exchange.kept = None
    if exchange.kept is not None or not table.snapshot.settings.conversations_s or table.response_ids is None:
        return
    if exchange.operation.name != "responses" or call.field("store") is False:
        return
    call.fields.pop("store", None)  # what providers do unasked, too
    name = secrets.token_hex(16)
    public = table.response_ids.made(exchange.principal.owner, Kept(HERE, call.model, name))
    said = {"id": public, "previous_response_id": previous, "store": True}
    exchange.talk = Talk(spine, name, said, _asked(exchange))


def _asked(exchange: Exchange) -> list[msgspec.Raw]:
    """What the request says, as items. Raises ApiError 400."""
    raw = exchange.call.fields.get("input")
    if raw is None:
        return []
    if bytes(memoryview(raw)[:1]) == b'"':
        return [msgspec.Raw(b'{"type":"message","role":"user","content":' + bytes(raw) + b"}")]
    try:
        return _items.decode(raw)
    except msgspec.MsgspecError as error:
        raise invalid_request("'input' must be a text or a list of items.", "input") from error


async def _find(spine: SpineClient, name: str) -> _Saved | None:
    try:
        content = await spine.conversation("get", name)
    except SpineDown as error:
        raise unavailable("The conversation cannot be looked up at the moment.") from error
    return None if content is None else _saved.decode(content)


async def answer(exchange: Exchange, spine: SpineClient) -> None:
    """Answer what is asked of a response that is kept here. Raises ApiError 404, 400 and 503."""
    kept, public = exchange.kept, exchange.path_model
    assert kept is not None, "asked only about such a response"
    operation = exchange.operation.name
    saved = await _find(spine, kept.id)
    if saved is None:
        raise ApiError(404, "not_found_error", f"Response with id '{public[:64]}' not found.", param="response_id")
    if operation == "delete_response":
        try:
            await spine.conversation("drop", kept.id)
        except SpineDown as error:
            raise unavailable("The response cannot be deleted at the moment.") from error
        body = _encode({"id": public, "object": "response", "deleted": True})
    elif operation == "response_input":
        body = _listed(saved, exchange.request.query)
    elif operation == "cancel_response":
        raise invalid_request("Only a response that is made in the background can be cancelled.", "response_id")
    else:
        body = bytes(saved.response)
    exchange.responder.send(200, headers.JSON, body)


def _listed(saved: _Saved, query: bytes) -> bytes:
    """What was asked, as a page of a list: the newest first unless ``order=asc``."""
    wanted = dict(each.split("=", 1) for each in query.decode("ascii").split("&") if "=" in each)
    items = []
    for number, raw in enumerate(saved.items[: saved.asked]):
        item = _anything.decode(raw)
        if isinstance(item, dict):
            items.append({**item, "id": item.get("id") or f"item_{number}"})
    if wanted.get("order", "desc") != "asc":
        items.reverse()
    ids = [item["id"] for item in items]
    start = ids.index(wanted["after"]) + 1 if wanted.get("after") in ids else 0
    given = wanted.get("limit", "20")
    limit = int(given) if given.isdigit() and len(given) < 4 else 20
    shown = items[start : start + min(max(limit, 1), MAX_LISTED)]
    ends = {"first_id": shown[0]["id"], "last_id": shown[-1]["id"]} if shown else {"first_id": None, "last_id": None}
    return _encode({"object": "list", "data": shown, **ends, "has_more": start + len(shown) < len(items)})
