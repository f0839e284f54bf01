"""Answers in the shapes of OpenAI's Responses API (API reference and SDK 3.54, read November 2026): whole and streamed, with tools,
reasoning, JSON and conversations that go on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.simulator.answers import ABSURD, CREATED, Answer, Event
from phantom_gateway.simulator.messages import SIGNATURE, THOUGHT
from phantom_gateway.simulator.reading import TOKENS_PER_MESSAGE, Ask, BadRequestError, text_of
from phantom_gateway.simulator.script import Bill
from phantom_gateway.simulator.shelf import Kept
from phantom_gateway.simulator.speech import Speech, Tool, chat_speech

if TYPE_CHECKING:
    from phantom_gateway.simulator.shelf import Shelf

JsonObject = dict[str, Any]
_CALLS = frozenset({"function_call", "custom_tool_call"})
_RESULTS = frozenset({"function_call_output", "custom_tool_call_output"})
_CUSTOM = {"type": "object", "properties": {"input": {"type": "string"}}, "required": ["input"]}


def error_event(message: str, number: int) -> Event:
    """The event that says that the answer broke off."""
    error = {"type": "server_error", "code": "server_error", "message": message, "param": None}
    return _named("error", {"sequence_number": number, **error, "type": "error", "error": error})


def responses(ask: Ask, shelf: Shelf) -> Answer:
    """The answer to ``/v1/responses``. Raises BadRequestError."""
    items = _conversation(ask, shelf)
    limit = _limit(ask.body)
    thought = THOUGHT if _thinks(ask.body) else ()
    speech = chat_speech(replace(ask, body=_as_chat(ask.body, items)), limit and max(limit - len(thought), 1))
    speech = _unwrapped(ask.body, speech)
    bill = _bill(ask, items, speech.tokens + len(thought))
    answer = _Answer(ask, thought, speech, bill)
    if ask.body.get("store") is not False:
        shelf.put(Kept(items, answer.whole()))
    if ask.stream:
        return Answer(events=tuple(answer.events()), bill=bill, responses=True)
    return Answer(body=msgspec.json.encode(answer.whole()), bill=bill, responses=True)


def input_tokens(ask: Ask, shelf: Shelf) -> Answer:
    """The answer to ``/v1/responses/input_tokens``. Raises BadRequestError."""
    counted = _prompt(ask.body, _conversation(ask, shelf))
    return Answer(
        body=msgspec.json.encode({"object": "response.input_tokens", "input_tokens": counted}), responses=True
    )


def compact(ask: Ask, shelf: Shelf) -> Answer:
    """The answer to ``/v1/responses/compact``: the conversation as one sealed item. Raises BadRequestError."""
    items = _conversation(ask, shelf)
    bill = _bill(ask, items, 8)
    sealed = {"id": f"cmp_{ask.digest}", "type": "compaction", "encrypted_content": SIGNATURE + ask.digest}
    shown: JsonObject = {
        "id": f"resp_{ask.digest}",
        "object": "response.compaction",
        "created_at": CREATED,
        "output": [sealed],
    }
    usage = usage_of(ask, bill)
    return Answer(
        body=msgspec.json.encode(shown | ({} if usage is None else {"usage": usage})), bill=bill, responses=True
    )


def input_items(kept: Kept) -> bytes:
    """The body of ``GET /v1/responses/{id}/input_items``."""
    data = [{"id": f"item_{index}", **item} for index, item in enumerate(kept.input)]
    ends = {"first_id": data[0]["id"], "last_id": data[-1]["id"]} if data else {"first_id": None, "last_id": None}
    return msgspec.json.encode({"object": "list", "data": data, "has_more": False, **ends})


def _conversation(ask: Ask, shelf: Shelf) -> list[JsonObject]:
    """All items, those before included. Raises BadRequestError."""
    given = ask.body.get("input")
    items = [{"type": "message", "role": "user", "content": given}] if isinstance(given, str) else given
    if not isinstance(items, list) or not items or not all(isinstance(item, dict) for item in items):
        raise BadRequestError("Missing or invalid parameter: 'input'.", "input")
    previous = ask.body.get("previous_response_id")
    before: list[JsonObject] = []
    if previous is not None:
        kept = shelf.get(str(previous))
        if kept is None:
            raise BadRequestError(f"Previous response with id '{previous}' not found.", "previous_response_id")
        before = [*kept.input, *kept.response["output"]]
    items = [*before, *items]
    called = {str(item.get("call_id")) for item in items if item.get("type") in _CALLS}
    for item in items:
        kind = item.get("type", "message")
        if kind in _RESULTS and str(item.get("call_id")) not in called:
            raise BadRequestError(
                f"No tool call found for function call output with call_id {item.get('call_id')}.", "input"
            )
        sealed = item.get("encrypted_content") if kind == "reasoning" else None
        if sealed is not None and not str(sealed).startswith(SIGNATURE):
            raise BadRequestError("The encrypted content could not be verified.", "input")
        if kind == "message" and item.get("role") not in ("user", "assistant", "system", "developer"):
            raise BadRequestError("Invalid value for 'role'.", "input")
    return items


def _limit(body: JsonObject) -> int | None:
    limit = body.get("max_output_tokens")
    if limit is not None and (not isinstance(limit, int) or isinstance(limit, bool) or limit < 1):
        raise BadRequestError("Invalid 'max_output_tokens': expected a positive integer.", "max_output_tokens")
    return limit


def _thinks(body: JsonObject) -> bool:
    reasoning = body.get("reasoning")
    return isinstance(reasoning, dict) and reasoning.get("effort") not in (None, "none")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _as_chat(body: JsonObject, items: list[JsonObject]) -> JsonObject:
    """As much of the request as decides about the answer, in the words that ``speech`` reads."""
    messages = [_turn(item) for item in items if item.get("type", "message") != "reasoning"]
    tools = [
        {"type": "function", "function": {"name": tool.get("name"), "parameters": _parameters(tool)}}
        for tool in _list(body.get("tools"))
        if isinstance(tool, dict) and tool.get("type") in ("function", "custom")
    ]
    chat: JsonObject = {"messages": messages, "tools": tools}
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        chat["tool_choice"] = {"type": "function", "function": {"name": choice.get("name")}}
    elif choice is not None:
        chat["tool_choice"] = choice
    text = body.get("text")
    wanted = text.get("format") if isinstance(text, dict) else None
    if isinstance(wanted, dict):
        chat["response_format"] = {"type": wanted.get("type"), "json_schema": wanted}
    return chat


def _turn(item: JsonObject) -> JsonObject:
    kind = item.get("type", "message")
    if kind in _RESULTS:
        return {"role": "tool", "content": item.get("output")}
    if kind in _CALLS:
        return {"role": "assistant", "content": None}
    role = item.get("role")
    content = item.get("content")
    texts = [part for part in _list(content) if isinstance(part, dict) and isinstance(part.get("text"), str)]
    if role == "user" and texts:
        # agents put what they have to say themselves before what was typed
        content = str(texts[-1]["text"])
    return {"role": "system" if role == "developer" else role, "content": content}


def _parameters(tool: JsonObject) -> Any:
    return tool.get("parameters") if tool.get("type") == "function" else _CUSTOM


def _unwrapped(body: JsonObject, speech: Speech) -> Speech:
    """A custom tool gets a text, not the object around it."""
    further = tuple(_unwrapped(body, each) for each in speech.further)
    if speech.tool is None or speech.tool.name not in _customs(body) or (speech.finish == "length" and not further):
        return replace(speech, further=further)
    return replace(speech, chunks=(str(msgspec.json.decode(speech.text).get("input", "")),), further=further)


def _customs(body: JsonObject) -> set[Any]:
    tools = [tool for tool in _list(body.get("tools")) if isinstance(tool, dict)]
    return {tool.get("name") for tool in tools if tool.get("type") == "custom"}


def _prompt(body: JsonObject, items: list[JsonObject]) -> int:
    words = len(text_of(body.get("instructions")).split())
    for item in items:
        words += (
            len(text_of(item.get("content")).split()) + len(text_of(item.get("output")).split()) + TOKENS_PER_MESSAGE
        )
    return words


def _bill(ask: Ask, items: list[JsonObject], completed: int) -> Bill:
    controls = ask.controls
    prompt = _prompt(ask.body, items) if controls.prompt_tokens is None else controls.prompt_tokens
    reasoning = controls.reasoning_tokens or 0
    whole = completed + reasoning if controls.completion_tokens is None else controls.completion_tokens
    return Bill(prompt=prompt, completion=whole, cached=controls.cached_tokens or 0, reasoning=reasoning)


def usage_of(ask: Ask, bill: Bill) -> JsonObject | None:
    """The usage object, as honest as the control ``usage`` wants it; None for ``off``."""
    style = ask.controls.usage
    if style == "off":
        return None
    prompt, completed = bill.prompt, bill.completion
    if style == "negative":
        prompt, completed = -prompt - 1, -completed - 1
    elif style == "absurd":
        prompt = completed = ABSURD
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"cached_tokens": bill.cached, "cache_write_tokens": 0},
        "output_tokens": completed,
        "output_tokens_details": {"reasoning_tokens": bill.reasoning},
        "total_tokens": prompt + completed,
    }


class _Answer:
    """One answer, whole or as it comes."""

    def __init__(self, ask: Ask, thought: tuple[str, ...], speech: Speech, bill: Bill) -> None:
        self._ask = ask
        self._thought = thought
        self._speech = speech
        self._bill = bill
        self._number = 0

    def whole(self) -> JsonObject:
        """The finished response."""
        cut = self._speech.finish == "length"
        items = [self._reasoning("".join(self._thought))] if self._thought else []
        for index, part in enumerate(self._speech.parts):
            open_ended = cut and index == len(self._speech.further)
            items.append(self._said(part, part.text, "incomplete" if open_ended else "completed"))
        reason = {"reason": "max_output_tokens"} if cut else None
        return self._response("incomplete" if cut else "completed", items, reason) | {
            "usage": usage_of(self._ask, self._bill)
        }

    def events(self) -> Iterator[Event]:
        """The stream."""
        begun = self._response("in_progress", [], None)
        yield self._event("response.created", {"response": begun})
        yield self._event("response.in_progress", {"response": begun})
        place = 0
        if self._thought:
            yield from self._thinks()
            place = 1
        whole = self.whole()
        for at, part in enumerate(self._speech.parts, place):
            yield from self._calls(part, at) if part.tool is not None else self._speaks(part, at)
            yield self._event("response.output_item.done", {"output_index": at, "item": whole["output"][at]})
        yield self._event(f"response.{whole['status']}", {"response": whole})

    def _response(self, status: str, output: list[JsonObject], reason: JsonObject | None) -> JsonObject:
        body = self._ask.body
        return {
            "id": f"resp_{self._ask.digest}", "object": "response", "created_at": CREATED, "status": status, "background": False,
            "error": None, "incomplete_details": reason, "instructions": body.get("instructions"),
            "max_output_tokens": body.get("max_output_tokens"), "model": self._ask.model, "output": output,
            "parallel_tool_calls": True, "previous_response_id": body.get("previous_response_id"),
            "store": body.get("store") is not False, "temperature": 1.0, "text": {"format": {"type": "text"}},
            "tool_choice": body.get("tool_choice") or "auto", "tools": _list(body.get("tools")), "top_p": 1.0,
            "truncation": "disabled", "usage": None, "user": body.get("user"), "metadata": {},
        }  # fmt: skip

    def _reasoning(self, text: str) -> JsonObject:
        summary = [{"type": "summary_text", "text": text}] if text else []
        item: JsonObject = {"id": f"rs_{self._ask.digest}", "type": "reasoning", "summary": summary}
        if "reasoning.encrypted_content" in _list(self._ask.body.get("include")):
            item["encrypted_content"] = SIGNATURE + self._ask.digest
        return item

    def _said(self, speech: Speech, text: str, status: str) -> JsonObject:
        tool, digest = speech.tool, self._ask.digest
        if tool is None:
            part = _text(text)
            content = [part] if text or status != "in_progress" else []
            return {"id": f"msg_{digest}", "type": "message", "status": status, "role": "assistant", "content": content}
        called = {"status": status, "call_id": tool.call_id, "name": tool.name}
        own = tool.call_id.removeprefix("call_")
        if self._is_custom(tool):
            return {"id": f"ctc_{own}", "type": "custom_tool_call", **called, "input": text}
        return {"id": f"fc_{own}", "type": "function_call", **called, "arguments": text}

    def _is_custom(self, tool: Tool | None) -> bool:
        return tool is not None and tool.name in _customs(self._ask.body)

    def _thinks(self) -> Iterator[Event]:
        text = "".join(self._thought)
        item = self._reasoning("")
        yield self._event("response.output_item.added", {"output_index": 0, "item": item})
        where = {"item_id": item["id"], "output_index": 0, "summary_index": 0}
        part = {"type": "summary_text", "text": ""}
        yield self._event("response.reasoning_summary_part.added", where | {"part": part})
        for chunk in self._thought:
            yield self._event("response.reasoning_summary_text.delta", where | {"delta": chunk}, content=True)
        yield self._event("response.reasoning_summary_text.done", where | {"text": text})
        yield self._event("response.reasoning_summary_part.done", where | {"part": part | {"text": text}})
        yield self._event("response.output_item.done", {"output_index": 0, "item": self._reasoning(text)})

    def _speaks(self, speech: Speech, place: int) -> Iterator[Event]:
        item = self._said(speech, "", "in_progress")
        yield self._event("response.output_item.added", {"output_index": place, "item": item})
        where = {"item_id": item["id"], "output_index": place, "content_index": 0}
        yield self._event("response.content_part.added", where | {"part": _text("")})
        for chunk in speech.chunks:
            yield self._event("response.output_text.delta", where | {"delta": chunk, "logprobs": []}, content=True)
        yield self._event("response.output_text.done", where | {"text": speech.text, "logprobs": []})
        yield self._event("response.content_part.done", where | {"part": _text(speech.text)})

    def _calls(self, speech: Speech, place: int) -> Iterator[Event]:
        item = self._said(speech, "", "in_progress")
        yield self._event("response.output_item.added", {"output_index": place, "item": item})
        where = {"item_id": item["id"], "output_index": place}
        kind, field = "response.function_call_arguments", "arguments"
        if self._is_custom(speech.tool):
            kind, field = "response.custom_tool_call_input", "input"
        for chunk in speech.chunks:
            yield self._event(f"{kind}.delta", where | {"delta": chunk}, content=True)
        yield self._event(f"{kind}.done", where | {field: speech.text})

    def _event(self, name: str, fields: JsonObject, *, content: bool = False) -> Event:
        number, self._number = self._number, self._number + 1
        return _named(name, {"sequence_number": number} | fields, content=content)


def _text(text: str) -> JsonObject:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _named(name: str, fields: JsonObject, *, content: bool = False) -> Event:
    return Event(msgspec.json.encode({"type": name} | fields), content, name)
