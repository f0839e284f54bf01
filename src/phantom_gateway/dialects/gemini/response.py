"""Whole answers of ``generateContent``: into the neutral form and from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.gemini.parts import Calls, read_parts, write_part, write_thought
from phantom_gateway.dialects.gemini.spelling import fields, optional_fields
from phantom_gateway.dialects.neutral import (
    Answer,
    Part,
    Redacted,
    Stop,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    Untranslatable,
)

_STOPS = {
    "STOP": Stop.END,
    "MAX_TOKENS": Stop.LENGTH,
    "SAFETY": Stop.FILTER,
    "RECITATION": Stop.FILTER,
    "LANGUAGE": Stop.FILTER,
    "BLOCKLIST": Stop.FILTER,
    "PROHIBITED_CONTENT": Stop.FILTER,
    "SPII": Stop.FILTER,
    "IMAGE_SAFETY": Stop.FILTER,
    "IMAGE_PROHIBITED_CONTENT": Stop.FILTER,
    "IMAGE_RECITATION": Stop.FILTER,
}
FAILED = frozenset(
    {"MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
     "MALFORMED_RESPONSE"}
)  # fmt: skip
"""The model came to nothing: nobody else has a word for such an end, and it is none."""
REASONS = {Stop.LENGTH: "MAX_TOKENS", Stop.FILTER: "SAFETY"}
"""Why an answer ended, in Google's words; everything else is ``STOP``."""


def read_stop(reason: Any, *, called: bool) -> Stop:
    """The reason in the neutral form; Google says ``STOP`` behind a call, too. Raises Untranslatable where there is no answer."""
    if isinstance(reason, str) and reason in FAILED:
        raise Untranslatable(f"The model did not bring its answer to an end ({reason}).")
    stop = _STOPS.get(reason, Stop.END) if isinstance(reason, str) else Stop.END
    return Stop.TOOL if called and stop is Stop.END else stop


def read_tokens(usage: Any) -> Tokens | None:
    """``usageMetadata``, as far as it is that."""
    if not isinstance(usage, dict):
        return None
    prompt, cached = read.count(usage.get("promptTokenCount")), read.count(usage.get("cachedContentTokenCount"))
    thought = usage.get("thoughtsTokenCount")
    return Tokens(
        input=max(prompt - cached, 0) + read.count(usage.get("toolUsePromptTokenCount")),
        cache_read=min(cached, prompt),
        output=read.count(usage.get("candidatesTokenCount")) + read.count(thought),
        reasoning=None if thought is None else read.count(thought),
    )


def write_tokens(tokens: Tokens | None) -> dict[str, Any]:
    """``usageMetadata``."""
    known = tokens or Tokens()
    prompt = known.input + known.cache_read + known.cache_write_5m + known.cache_write_1h
    thought = min(known.reasoning or 0, known.output)
    usage: dict[str, Any] = {"promptTokenCount": prompt, "candidatesTokenCount": known.output - thought}
    if known.cache_read:
        usage["cachedContentTokenCount"] = known.cache_read
    if thought:
        usage["thoughtsTokenCount"] = thought
    return usage | {"totalTokenCount": prompt + known.output}


def read_answer(body: bytes) -> Answer:
    """An answer. Raises Untranslatable."""
    answer = fields(read.decode(body), "answer")
    answer_id = str(answer.get("responseId") or "")
    tokens = read_tokens(optional_fields(answer.get("usageMetadata"), "usageMetadata") or None)
    candidates = read.items(answer.get("candidates") or [], "candidates")
    if not candidates:
        if not blocked(answer):
            raise Untranslatable("The answer has no candidate.", "candidates")
        return Answer(answer_id, [], Stop.FILTER, tokens=tokens)
    calls = Calls(prefix_of(answer_id))
    found, *others = [_candidate(value, f"candidates[{index}]", calls) for index, value in enumerate(candidates)]
    found.id, found.tokens, found.others = answer_id, tokens, others
    return found


def _candidate(value: Any, where: str, calls: Calls) -> Answer:
    candidate = fields(value, where)
    content = optional_fields(candidate.get("content"), f"{where}.content")
    parts = _joined(read_parts(content.get("parts") or [], f"{where}.content.parts", calls))
    cite(parts, candidate)
    called = any(isinstance(part, ToolCall) for part in parts)
    likely = read_logprobs(candidate.get("logprobsResult"))
    return Answer("", parts, read_stop(candidate.get("finishReason"), called=called), logprobs=likely)


def prefix_of(answer_id: str) -> str:
    """What ids of calls begin with: each answer has its own, because a conversation has many."""
    plain = "".join(each for each in answer_id if each.isascii() and each.isalnum())[-24:]
    return f"call_{plain}_"


def blocked(answer: dict[str, Any]) -> bool:
    """Whether the question was refused."""
    feedback = answer.get("promptFeedback")
    return isinstance(feedback, dict) and bool(feedback.get("blockReason") or feedback.get("block_reason"))


def _joined(parts: list[Part]) -> list[Part]:
    """Pieces of one thought or text, as the model streams them inside, in one."""
    joined: list[Part] = []
    for part in parts:
        last = joined[-1] if joined else None
        if (isinstance(part, Text) and isinstance(last, Text)) or (
            isinstance(part, Thinking) and isinstance(last, Thinking) and not last.signature
        ):
            last.text += part.text
            if isinstance(part, Thinking) and isinstance(last, Thinking):
                last.signature = part.signature
        else:
            joined.append(part)
    return joined


def cite(parts: list[Part], candidate: dict[str, Any]) -> None:
    """Note what the answer rests on at its last text."""
    found = citations(candidate)
    last = next((part for part in reversed(parts) if isinstance(part, Text)), None)
    if found and last is not None:
        last.citations = found


def citations(candidate: dict[str, Any]) -> list[Any]:
    """Sources of an answer, in Anthropic's words for results of a search. Raises Untranslatable."""
    found = []
    grounding = optional_fields(candidate.get("groundingMetadata"), "groundingMetadata")
    said = _said_of(grounding)
    for index, chunk in enumerate(read.items(grounding.get("groundingChunks") or [], "groundingChunks")):
        web = optional_fields(fields(chunk, "groundingChunks").get("web"), "groundingChunks.web")
        if isinstance(web.get("uri"), str):
            found.append(_citation(web["uri"], web.get("title"), said.get(index, "")))
    cited = optional_fields(candidate.get("citationMetadata"), "citationMetadata")
    for source in read.items(cited.get("citationSources") or cited.get("citations") or [], "citationSources"):
        given = fields(source, "citationSources")
        if isinstance(given.get("uri"), str):
            found.append(_citation(given["uri"], given.get("title"), ""))
    return found


def _said_of(grounding: dict[str, Any]) -> dict[int, str]:
    """What was said on the ground of each source."""
    said: dict[int, str] = {}
    for support in read.items(grounding.get("groundingSupports") or [], "groundingSupports"):
        given = fields(support, "groundingSupports")
        text = optional_fields(given.get("segment"), "groundingSupports.segment").get("text")
        for index in read.items(given.get("groundingChunkIndices") or [], "groundingChunkIndices"):
            if isinstance(index, int) and isinstance(text, str):
                said.setdefault(index, text)
    return said


def _citation(url: str, title: Any, said: str) -> dict[str, Any]:
    return {
        "type": "web_search_result_location",
        "url": url,
        "title": title if isinstance(title, str) else url,
        "cited_text": said,
        "encrypted_index": "",
    }


def read_logprobs(result: Any) -> list[Any] | None:
    """``logprobsResult`` in OpenAI's words."""
    if result is None:
        return None
    given = fields(result, "logprobsResult")
    best = read.items(given.get("topCandidates") or [], "logprobsResult.topCandidates")
    tokens = []
    for index, value in enumerate(read.items(given.get("chosenCandidates") or [], "logprobsResult.chosenCandidates")):
        others = fields(best[index], "topCandidates").get("candidates") if index < len(best) else None
        tokens.append(
            _token(value) | {"top_logprobs": [_token(each) for each in read.items(others or [], "candidates")]}
        )
    return tokens


def _token(value: Any) -> dict[str, Any]:
    given = fields(value, "logprobsResult")
    token = read.optional_text(given.get("token"), "logprobsResult.token")
    probability = read.number(given.get("logProbability"), "logprobsResult.logProbability")
    return {"token": token, "logprob": probability, "bytes": list(token.encode("utf-8", "replace"))}


def write_answer(answer: Answer, model: str, _created: int, renamed: Mapping[str, str]) -> bytes:
    """A response. ``model``: the public name; ``renamed``: tools and what the caller calls them. Raises Untranslatable."""
    return read.encode(
        {
            "candidates": [_written(each, index, renamed) for index, each in enumerate((answer, *answer.others))],
            "usageMetadata": write_tokens(answer.tokens),
            "modelVersion": model,
            "responseId": answer.id,
        }
    )


def _written(answer: Answer, index: int, renamed: Mapping[str, str]) -> dict[str, Any]:
    """One candidate."""
    parts = [written for part in answer.parts if (written := write_said(part, renamed)) is not None]
    candidate: dict[str, Any] = {
        "content": {"parts": parts, "role": "model"},
        "finishReason": REASONS.get(answer.stop, "STOP"),
        "index": index,
    }
    if sources := written_citations(answer.parts):
        candidate["citationMetadata"] = {"citationSources": sources}
    return candidate


def write_said(part: Part, renamed: Mapping[str, str]) -> dict[str, Any] | None:
    """A part of an answer. Arguments that are no object (the model was cut off) are given as they came, under ``_unparsed``."""
    if isinstance(part, Thinking | Redacted):
        return write_thought(part)
    if isinstance(part, ToolCall):
        try:
            arguments: Any = read.arguments(part.arguments, "arguments")
        except Untranslatable:
            arguments = {"_unparsed": part.arguments}
        return {"functionCall": {"id": part.id, "name": renamed.get(part.name, part.name), "args": arguments}}
    return write_part(part)


def written_citations(parts: list[Part]) -> list[dict[str, Any]]:
    """The sources that have an address."""
    cited = [
        each for part in parts if isinstance(part, Text) for each in part.citations or [] if isinstance(each, dict)
    ]
    return [
        {"uri": each["url"]} | ({"title": each["title"]} if isinstance(each.get("title"), str) else {})
        for each in cited
        if isinstance(each.get("url"), str)
    ]
