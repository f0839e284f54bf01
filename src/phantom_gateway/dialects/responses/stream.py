"""Streams of the Responses API: from neutral events.

A response is a list of items, an item may have parts, and each of them is added, grows and is done; the last event repeats the
whole. It is the only sign of the end, so it comes when the upstream has said that nothing follows, not when it has said why.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phantom_gateway.dialects.neutral import (
    Ended,
    Failed,
    Grew,
    Image,
    Opened,
    Part,
    Redacted,
    Shut,
    Started,
    Stop,
    Stopped,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    Untranslatable,
)
from phantom_gateway.dialects.problem import Problem
from phantom_gateway.dialects.reading import encode
from phantom_gateway.dialects.responses import errors
from phantom_gateway.dialects.responses.response import (
    Shape,
    call_item,
    custom_input,
    image_item,
    message_item,
    reasoning_item,
    response_id,
    suffix,
    text_part,
    write_tokens,
)

MAX_HELD = 16 * 1024 * 1024
"""Characters of an answer that is repeated at its end."""


class Writer:
    """Writes events. One per stream."""

    def __init__(
        self, model: str, created: int, _wants_usage: bool, renamed: Mapping[str, str], shape: Shape | None = None
    ) -> None:
        self._model = model
        self._created = created
        self._renamed = renamed
        self._shape = shape or Shape()
        self._mark = ""
        self._base: dict[str, Any] | None = None
        self._output: list[dict[str, Any]] = []
        self._item: dict[str, Any] | None = None
        """The item that is not done."""
        self._part: Part | None = None
        """The part that grows."""
        self._index = -1
        self._texts: list[str] = []
        self._cited: list[Any] = []
        self._held = 0
        self._pieces = b"", b"", b""
        """What stands around the number and the text of a piece that the open part grows by."""
        self._stopped: Stopped | None = None
        self._over = False
        self.sequence = 0
        """Number of the next event."""
        self.said: Mapping[str, Any] = {}
        """What else the response says of itself, instead of what it would."""
        self.whole: dict[str, Any] | None = None
        """The response, when it is complete."""

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event. Raises Untranslatable for a piece of nothing, and for an answer too long to be repeated."""
        if isinstance(event, Grew):
            return self._grew(event)
        begun = b"" if self._base is not None else self._begin(event.id if isinstance(event, Started) else "")
        if isinstance(event, Opened):
            return begun + self._opened(event)
        if isinstance(event, Shut):
            return begun + (self._shut() if event.index == self._index else b"")
        if isinstance(event, Stopped):
            self._stopped = event
            return begun + self._shut() + self._item_done(event.stop)
        if isinstance(event, Ended):
            return begun + self.unsaid()
        return begun + self._failed(event) if isinstance(event, Failed) else begun

    def unsaid(self) -> bytes:
        """The end of a complete answer: the whole of it."""
        if self._over:
            return b""
        self._over = True
        stopped = self._stopped or Stopped(Stop.END)
        ends = self._shut() + self._item_done(stopped.stop)
        response = self._response(stopped.stop)
        if stopped.tokens is not None:
            response["usage"] = write_tokens(stopped.tokens)
        self.whole = response
        return ends + self._event(f"response.{response['status']}", {"response": response})

    def _event(self, kind: str, fields: dict[str, Any]) -> bytes:
        number, self.sequence = self.sequence, self.sequence + 1
        data = encode({"type": kind, "sequence_number": number} | fields)
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)

    def _response(self, stop: Stop | None) -> dict[str, Any]:
        assert self._base is not None, "every event begins the answer"
        return {**self._shape.response(self._base, self._output, stop), **self.said}

    def _begin(self, answer_id: str) -> bytes:
        self._mark = suffix(answer_id)
        self._base = {"id": response_id(answer_id), "created_at": self._created, "model": self._model}
        response = {"response": self._response(None)}
        return self._event("response.created", response) + self._event("response.in_progress", response)

    # --- items

    @property
    def _where(self) -> dict[str, Any]:
        assert self._item is not None, "asked within an item"
        return {"item_id": self._item["id"], "output_index": len(self._output)}

    @property
    def _within(self) -> dict[str, Any]:
        """The place of the part that grows."""
        if isinstance(self._part, Text):
            assert self._item is not None, "a part belongs to an item"
            return self._where | {"content_index": len(self._item["content"])}
        return self._where | ({"summary_index": 0} if isinstance(self._part, Thinking) else {})

    def _add_item(self, item: dict[str, Any]) -> bytes:
        self._item = item
        return self._event("response.output_item.added", {"output_index": len(self._output), "item": item})

    def _item_done(self, stop: Stop = Stop.END) -> bytes:
        item, place = self._item, len(self._output)
        if item is None:
            return b""
        item["status"] = "incomplete" if stop in (Stop.LENGTH, Stop.FILTER) else "completed"
        if item["type"] == "reasoning" and item["status"] == "completed":
            del item["status"]
        self._item = None
        self._output.append(item)
        return self._event("response.output_item.done", {"output_index": place, "item": item})

    # --- parts

    def _opened(self, event: Opened) -> bytes:
        part = event.part
        ends = self._shut()
        if not (isinstance(part, Text) and self._item is not None and self._item["type"] == "message"):
            ends += self._item_done()
        self._part, self._index, self._texts, self._cited = part, event.index, [], []
        mark = f"{self._mark}_{len(self._output)}"
        if isinstance(part, Text):
            added = b"" if self._item is not None else self._add_item(message_item(mark, [], "in_progress"))
            added += self._event("response.content_part.added", self._within | {"part": text_part("")})
            self._grows(b"response.output_text.delta", b',"logprobs":[]}')
            return ends + added + self._initial("text", part.text)
        if isinstance(part, ToolCall):
            return ends + self._open_call(mark, part)
        if isinstance(part, Thinking):
            added = self._add_item(reasoning_item(mark, Thinking("", part.signature), "in_progress"))
            self._grows(b"response.reasoning_summary_text.delta")
            return ends + added + self._initial("thinking", part.text)
        if isinstance(part, Redacted):
            added = self._add_item(reasoning_item(mark, part, "in_progress"))
            self._part = None
            return ends + added + self._item_done()
        self._part = None
        if isinstance(part, Image) and part.data:
            return ends + self._add_item(image_item(mark, part)) + self._item_done()
        return ends

    def _initial(self, kind: Any, text: str) -> bytes:
        return self._grew(Grew(self._index, kind, text)) if text else b""

    def _open_call(self, mark: str, part: ToolCall) -> bytes:
        name = self._renamed.get(part.name, part.name)
        custom = name in self._shape.customs
        item = call_item(mark, ToolCall(part.id, name, ""), "in_progress", custom=custom)
        if not custom:
            item["arguments"] = ""
        added = self._add_item(item)
        self._grows(b"response.function_call_arguments.delta")
        return added + self._initial("arguments", part.arguments)

    def _grows(self, kind: bytes, end: bytes = b"}") -> None:
        """Prepare the pieces of the part that has begun: all but their numbers and texts is the same."""
        where = encode(self._within)[1:-1]
        head = b'event: %b\ndata: {"type":"%b","sequence_number":' % (kind, kind)
        self._pieces = head, b',%b,"delta":' % where, end + b"\n\n"

    def _piece(self, text: str) -> bytes:
        number, self.sequence = self.sequence, self.sequence + 1
        head, where, end = self._pieces
        return b"%b%d%b%b%b" % (head, number, where, encode(text), end)

    def _grew(self, event: Grew) -> bytes:
        if event.index != self._index:
            raise Untranslatable("The upstream sent a piece of something that it has not begun.")
        if event.kind == "opaque" or self._part is None or self._item is None:
            return b""  # of something that has no form here
        if event.kind == "citation":
            self._cited.append(event.value)
            return b""
        if event.kind == "signature":
            if isinstance(self._part, Thinking):
                self._part = Thinking("", self._part.signature + event.text)
            return b""
        if not event.text:
            return b""
        first = not self._texts
        self._texts.append(event.text)
        self._held += len(event.text)
        if self._held > MAX_HELD:
            raise Untranslatable("The answer is too long.")
        if first and isinstance(self._part, Thinking):
            part = {"part": {"type": "summary_text", "text": ""}}
            return self._event("response.reasoning_summary_part.added", self._within | part) + self._piece(event.text)
        if self._item["type"] == "custom_tool_call":
            return b""  # wrapped: what is in it is known when it is whole
        return self._piece(event.text)

    def _shut(self) -> bytes:
        part = self._part
        if part is None or self._item is None:
            return b""
        text = "".join(self._texts)
        if isinstance(part, Text):
            whole = text_part(text, self._cited)
            ends = self._event("response.output_text.done", self._within | {"text": text, "logprobs": []})
            ends += self._event("response.content_part.done", self._within | {"part": whole})
            self._item["content"].append(whole)
        elif isinstance(part, Thinking):
            ends = self._thought(text, part.signature)
        else:
            ends = self._called(text)
        self._part = None
        return ends

    def _thought(self, text: str, signature: str) -> bytes:
        assert self._item is not None, "a thought is in an item"
        ends = b""
        if text:
            ends = self._event("response.reasoning_summary_text.done", self._within | {"text": text})
            part = {"part": {"type": "summary_text", "text": text}}
            ends += self._event("response.reasoning_summary_part.done", self._within | part)
        self._item |= reasoning_item(self._item["id"].removeprefix("rs_"), Thinking(text, signature), "in_progress")
        return ends

    def _called(self, text: str) -> bytes:
        assert self._item is not None, "a call is an item"
        if self._item["type"] == "custom_tool_call":
            given = self._item["input"] = custom_input(text)
            kind = "response.custom_tool_call_input"
            ends = self._event(f"{kind}.delta", self._within | {"delta": given}) if given else b""
            return ends + self._event(f"{kind}.done", self._within | {"input": given})
        kind = "response.function_call_arguments"
        ends = b"" if text else self._event(f"{kind}.delta", self._within | {"delta": "{}"})
        self._item["arguments"] = text or "{}"
        done = {"arguments": self._item["arguments"], "name": self._item["name"]}
        return ends + self._event(f"{kind}.done", self._within | done)

    def _failed(self, event: Failed) -> bytes:
        message = event.message or "The upstream broke off its answer."
        problem = Problem(502, "upstream_error", message, sequence=self.sequence)
        self.sequence += 1
        self._over = True
        response = self._response(None) | {"status": "failed", "error": {"code": "server_error", "message": message}}
        return errors.event(problem) + self._event("response.failed", {"response": response})
