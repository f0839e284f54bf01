"""Answers in Google's shapes (API reference, read November 2026): ``generateContent`` whole and streamed, with functions, thoughts,
structured answers, images and sources.

What the real one refuses is refused here, too, where a gateway is likely to get it wrong: unknown fields and words of JSON
Schema, results of functions out of place, signatures that are not ours, calls without one where the model insists.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import msgspec

from phantom_gateway.simulator.answers import ABSURD, DIMENSIONS, MAX_DIMENSIONS, Answer, Event, vector
from phantom_gateway.simulator.gemini_checks import checked, lowered, spelled
from phantom_gateway.simulator.reading import TOKENS_PER_MESSAGE, Ask, BadRequestError, choices_of, text_of
from phantom_gateway.simulator.script import Bill
from phantom_gateway.simulator.speech import Speech, chat_speech

THOUGHT = ("Let", " me", " think", " about", " this.")
SIGNATURE = base64.b64encode(b"phantom-simulator").decode()
TOKENS_OF_MEDIA = {"image": 258, "audio": 32}
TOKENS_DRAWN = 1290
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
_STATUS = {
    400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE", 529: "UNAVAILABLE",
}  # fmt: skip
_STOPS = {"stop": "STOP", "length": "MAX_TOKENS", "tool_calls": "STOP"}


def error(status: int, message: str) -> bytes:
    """An error body."""
    name = _STATUS.get(status, "INVALID_ARGUMENT" if status < 500 else "INTERNAL")
    return msgspec.json.encode({"error": {"code": status, "message": message, "status": name}})


def models() -> bytes:
    """The body of ``GET /v1beta/models``."""
    entry = {"name": "models/demo", "displayName": "demo", "supportedGenerationMethods": ["generateContent"]}
    return msgspec.json.encode({"models": [entry]})


def find(path: str) -> tuple[Callable[[Ask], Answer], str] | None:
    """The endpoint at a path, and the model that is named in it."""
    prefix, _, rest = path.partition("/models/")
    model, colon, method = rest.rpartition(":")
    endpoint = _METHODS.get(method)
    if prefix != "/v1beta" or not colon or endpoint is None:
        return None
    return endpoint, unquote(model)


def generate(ask: Ask) -> Answer:
    """The answer to ``:generateContent``. Raises BadRequestError."""
    return _answer(ask, streamed=False)


def stream(ask: Ask) -> Answer:
    """The answer to ``:streamGenerateContent?alt=sse``. Raises BadRequestError."""
    return _answer(ask, streamed=True)


def count_tokens(ask: Ask) -> Answer:
    """The answer to ``:countTokens``. Raises BadRequestError."""
    asked = spelled(ask.body)
    inside = asked.get("generateContentRequest")
    body = inside if isinstance(inside, dict) else asked
    counted = _prompt(checked(body, ask.model), body)
    return Answer(body=msgspec.json.encode({"totalTokens": sum(counted.values())}), gemini=True)


def embed(ask: Ask) -> Answer:
    """The answer to ``:batchEmbedContents``. Raises BadRequestError."""
    requests = _list(ask.body.get("requests"))
    if not requests or any(each.get("model") != f"models/{ask.model}" for each in requests):
        raise BadRequestError("* BatchEmbedContentsRequest.requests: each must name the model of the path", "requests")
    texts = [text_of(_table(each.get("content")).get("parts")) for each in requests]
    dimensions = requests[0].get("outputDimensionality", DIMENSIONS)
    if not isinstance(dimensions, int) or not 1 <= dimensions <= MAX_DIMENSIONS:
        raise BadRequestError("* BatchEmbedContentsRequest.output_dimensionality: out of range", "requests")
    bill = Bill(prompt=sum(len(text.split()) for text in texts))
    shown: dict[str, Any] = {"embeddings": [{"values": vector(text, dimensions)} for text in texts]}
    if ask.controls.usage != "off":
        shown["usageMetadata"] = {"promptTokenCount": bill.prompt, "totalTokenCount": bill.prompt}
    return Answer(body=msgspec.json.encode(shown), bill=bill, gemini=True)


_METHODS = {
    "generateContent": generate,
    "streamGenerateContent": stream,
    "countTokens": count_tokens,
    "batchEmbedContents": embed,
}


def _answer(ask: Ask, *, streamed: bool) -> Answer:
    ask = replace(ask, body=spelled(ask.body))
    turns = checked(ask.body, ask.model)
    config = _table(ask.body.get("generationConfig"))
    thought = THOUGHT if _table(config.get("thinkingConfig")).get("includeThoughts") is True else ()
    limit = config.get("maxOutputTokens")
    room = max(limit - len(thought), 1) if isinstance(limit, int) else None
    speech = chat_speech(replace(ask, body=_as_chat(ask.body, config, turns)), room)
    told = _Told(ask, config, thought, speech, _prompt(turns, ask.body))
    if streamed:
        return Answer(events=tuple(told.events()), bill=told.bill, gemini=True)
    return Answer(body=msgspec.json.encode(told.whole()), bill=told.bill, gemini=True)


class _Told:
    """One answer, whole or in pieces."""

    def __init__(
        self, ask: Ask, config: dict[str, Any], thought: tuple[str, ...], speech: Speech, prompt: dict[str, int]
    ) -> None:
        self._ask, self._config, self._thought, self._speech, self._prompt = ask, config, thought, speech, prompt
        kinds = config.get("responseModalities")
        self._draws = isinstance(kinds, list) and "IMAGE" in kinds
        controls = ask.controls
        completed = speech.tokens + len(thought) + (TOKENS_DRAWN if self._draws else 0)
        self.bill = Bill(
            prompt=sum(prompt.values()) if controls.prompt_tokens is None else controls.prompt_tokens,
            completion=completed if controls.completion_tokens is None else controls.completion_tokens,
            cached=controls.cached_tokens or 0,
            reasoning=controls.reasoning_tokens or 0,
        )

    def whole(self) -> dict[str, Any]:
        """The answer at once."""
        parts = [*([self._thinking("".join(self._thought))] if self._thought else []), *self._parts()]
        count = choices_of({"n": self._config.get("candidateCount")})
        ended = {"finishReason": self._reason()} | self._further()
        candidates = [self._candidate(parts, index) | ended for index in range(count)]
        return self._response(candidates, self._usage())

    def events(self) -> Iterator[Event]:
        """The answer in pieces. Before the end Google counts the question only."""
        usage = self._usage()
        begun = None if usage is None else {"promptTokenCount": usage["promptTokenCount"]}
        begun = begun and begun | {"totalTokenCount": begun["promptTokenCount"]}
        for piece in self._thought:
            yield self._event([self._thinking(piece)], begun)
        if self._speech.tool is None:
            for chunk in self._speech.chunks:
                yield self._event([{"text": chunk}], begun)
        else:
            for part in self._calls():
                yield self._event([part], begun)
        last = self._candidate([{"text": ""}, *self._drawn()], 0) | {"finishReason": self._reason()} | self._further()
        yield Event(msgspec.json.encode(self._response([last], usage)))

    def _event(self, parts: list[dict[str, Any]], usage: dict[str, Any] | None) -> Event:
        return Event(msgspec.json.encode(self._response([self._candidate(parts, 0)], usage)), content=True)

    def _response(self, candidates: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        shown: dict[str, Any] = {"candidates": candidates}
        if usage is not None:
            shown["usageMetadata"] = usage
        return shown | {"modelVersion": self._ask.model, "responseId": self._ask.digest}

    def _candidate(self, parts: list[dict[str, Any]], index: int) -> dict[str, Any]:
        return {"content": {"parts": parts, "role": "model"}, "index": index}

    def _thinking(self, text: str) -> dict[str, Any]:
        return {"text": text, "thought": True}

    def _parts(self) -> list[dict[str, Any]]:
        speech = self._speech
        if speech.tool is None:
            return [{"text": speech.text}, *self._drawn()]
        return [*self._calls(), *self._drawn()]

    def _calls(self) -> Iterator[dict[str, Any]]:
        """The first has the signature for all, as in the reference."""
        for index, part in enumerate(self._speech.parts):
            try:
                called = msgspec.json.decode(part.text)
            except msgspec.DecodeError:
                called = {}
            call = {"name": part.tool.name if part.tool else "", "args": called}
            yield {"functionCall": call} | ({} if index else {"thoughtSignature": SIGNATURE})

    def _drawn(self) -> list[dict[str, Any]]:
        return [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}] if self._draws else []

    def _reason(self) -> str:
        return _STOPS[self._speech.finish]

    def _further(self) -> dict[str, Any]:
        """What stands beside the content: probabilities, and the source of everything that was looked up."""
        found: dict[str, Any] = {}
        if self._config.get("responseLogprobs") is True and self._speech.tool is None:
            chosen = [{"token": chunk, "logProbability": -0.5} for chunk in self._speech.chunks]
            found["logprobsResult"] = {
                "chosenCandidates": chosen,
                "topCandidates": [{"candidates": [each]} for each in chosen],
            }
        tools = self._ask.body.get("tools")
        if (
            any("googleSearch" in tool for tool in tools if isinstance(tool, dict))
            if isinstance(tools, list)
            else False
        ):
            web = {"uri": "https://example.org/simulated", "title": "A simulated source"}
            segment = {"segment": {"endIndex": 5, "text": self._speech.text[:5]}, "groundingChunkIndices": [0]}
            found["groundingMetadata"] = {"groundingChunks": [{"web": web}], "groundingSupports": [segment]}
        return found

    def _usage(self) -> dict[str, Any] | None:
        """The usage object, as honest as the control ``usage`` wants it; None for ``off``."""
        style, bill = self._ask.controls.usage, self.bill
        if style == "off":
            return None
        thought = bill.reasoning if self._ask.controls.reasoning_tokens is not None else len(self._thought)
        prompt, candidates = bill.prompt, max(bill.completion - thought, 0)
        if style == "negative":
            prompt, candidates = -prompt - 1, -candidates - 1
        elif style == "absurd":
            prompt = candidates = ABSURD
        usage: dict[str, Any] = {"promptTokenCount": prompt, "candidatesTokenCount": candidates}
        if bill.cached:
            usage["cachedContentTokenCount"] = bill.cached
        if thought:
            usage["thoughtsTokenCount"] = thought
        usage["totalTokenCount"] = prompt + candidates + thought
        if len(self._prompt) > 1:
            usage["promptTokensDetails"] = [
                {"modality": kind.upper(), "tokenCount": count} for kind, count in self._prompt.items()
            ]
        if self._draws:
            usage["candidatesTokensDetails"] = [{"modality": "IMAGE", "tokenCount": TOKENS_DRAWN}]
        return usage


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _prompt(turns: list[dict[str, Any]], body: dict[str, Any]) -> dict[str, int]:
    """Tokens of the question by modality: words, three a turn, and a fixed number for each image and recording."""
    words = len(text_of(_table(body.get("systemInstruction")).get("parts")).split())
    counted = {"text": words}
    for turn in turns:
        counted["text"] += len(text_of(turn.get("parts")).split()) + TOKENS_PER_MESSAGE
        for part in _list(turn.get("parts")):
            response = _table(part.get("functionResponse")).get("response")
            counted["text"] += len(str(response).split()) if response else 0
            kind = str(_table(part.get("inlineData")).get("mimeType", "")).partition("/")[0]
            if kind in TOKENS_OF_MEDIA:
                counted[kind] = counted.get(kind, 0) + TOKENS_OF_MEDIA[kind]
    return counted


def _as_chat(body: dict[str, Any], config: dict[str, Any], turns: list[dict[str, Any]]) -> dict[str, Any]:
    """As much of the request as decides about the answer, in the words that ``speech`` reads."""
    messages = []
    for turn in turns:
        parts = _list(turn.get("parts"))
        texts = [part for part in parts if "text" in part]
        role = "assistant" if turn.get("role") == "model" else "user"
        if any("functionResponse" in part for part in parts):
            role = "tool"
        content: Any = texts[-1].get("text") if role == "user" and texts else texts
        messages.append({"role": role, "content": content})
    declared = [each for tool in _list(body.get("tools")) for each in _list(tool.get("functionDeclarations"))]
    tools = []
    for each in declared:
        schema = lowered(each.get("parametersJsonSchema") or each.get("parameters"))
        tools.append({"type": "function", "function": {"name": each.get("name"), "parameters": schema}})
    chat: dict[str, Any] = {"messages": messages, "tools": tools}
    calling = _table(_table(body.get("toolConfig")).get("functionCallingConfig"))
    named = calling.get("allowedFunctionNames")
    if calling.get("mode") == "ANY" and isinstance(named, list) and named:
        chat["tool_choice"] = {"type": "function", "function": {"name": named[0]}}
    else:
        chat["tool_choice"] = {"ANY": "required", "NONE": "none"}.get(str(calling.get("mode")), "auto")
    if config.get("responseMimeType") == "application/json":
        schema = config.get("responseSchema") or config.get("responseJsonSchema")
        chat["response_format"] = (
            {"type": "json_schema", "json_schema": {"schema": lowered(schema)}} if schema else {"type": "json_object"}
        )
    return chat
