"""Answers about images, audio and rankings, and moderations, in the shapes of OpenAI's API and Cohere's; deterministic like all.

A model with ``whisper`` in its name reports seconds, one with ``dall-e`` nothing; all others report tokens.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import msgspec

from phantom_gateway.simulator.answers import CREATED, Answer, Event
from phantom_gateway.simulator.reading import Ask, BadRequestError, choices_of, prompts_of
from phantom_gateway.simulator.script import Bill

PICTURE = base64.b64encode(b"\x89PNG\r\n\x1a\n simulated picture").decode()
TOKENS_PER_IMAGE = 1000
"""Of an image that is made."""
TOKENS_PER_FILE = 100
"""Of one that is sent along."""
SPEECH_OCTETS = 480
"""Bytes of speech for each character."""
OCTETS_PER_S = 4000
"""Bytes of a recording in a second."""
TRANSCRIPT = "This is what the simulator has heard."
CATEGORIES = ("harassment", "hate", "self-harm", "sexual", "violence")
KINDS = {
    "mp3": b"audio/mpeg",
    "wav": b"audio/wav",
    "opus": b"audio/ogg",
    "aac": b"audio/aac",
    "flac": b"audio/flac",
    "pcm": b"audio/pcm",
}


def moderations(ask: Ask) -> Answer:
    """The answer to ``/v1/moderations``: what contains ``violence`` is flagged. Raises BadRequestError."""
    texts = prompts_of(ask.body.get("input"), "input")
    results = []
    for text in texts:
        flags = {name: name in text.lower() for name in CATEGORIES}
        scores = {name: 0.99 if flag else 0.01 for name, flag in flags.items()}
        results.append({"flagged": any(flags.values()), "categories": flags, "category_scores": scores})
    body = {"id": "modr-" + ask.digest, "model": ask.model, "results": results}
    return Answer(body=msgspec.json.encode(body), bill=Bill(prompt=sum(len(text.split()) for text in texts)))


def images(ask: Ask) -> Answer:
    """The answer to ``/v1/images/generations``, ``edits`` and ``variations``. Raises BadRequestError."""
    prompt = ask.body.get("prompt", "")
    if not isinstance(prompt, str) or not (prompt or ask.files):
        raise BadRequestError("Missing required parameter: 'prompt'.", "prompt")
    count = choices_of(ask.body)
    words, seen = len(prompt.split()), len(ask.files) * TOKENS_PER_FILE
    bill = Bill(prompt=words + seen, completion=count * TOKENS_PER_IMAGE)
    usage = _usage(ask, bill, {"text_tokens": words, "image_tokens": seen})
    told: dict[str, Any] = {} if usage is None else {"usage": usage}
    if ask.stream:
        partial = {"type": "image_generation.partial_image", "partial_image_index": 0, "b64_json": PICTURE}
        ready = {"type": "image_generation.completed", "b64_json": PICTURE, "created_at": CREATED, **told}
        made = [*[partial] * _partials(ask), ready]
        events = tuple([Event(msgspec.json.encode(each), content=True, name=each["type"]) for each in made])
        return Answer(events=events, bill=bill, ends_itself=True)
    data = [{"b64_json": PICTURE} for _ in range(count)]
    return Answer(body=msgspec.json.encode({"created": CREATED, "data": data, **told}), bill=bill)


def speech(ask: Ask) -> Answer:
    """The answer to ``/v1/audio/speech``: bytes that depend on the text alone. Raises BadRequestError."""
    text = ask.body.get("input")
    if not isinstance(text, str) or not text:
        raise BadRequestError("Missing required parameter: 'input'.", "input")
    sound = hashlib.shake_128(text.encode("utf-8", "replace")).digest(len(text) * SPEECH_OCTETS)
    bill = Bill(prompt=len(text.split()), completion=len(text))
    if ask.body.get("stream_format") == "sse":
        delta = {"type": "speech.audio.delta", "audio": base64.b64encode(sound).decode()}
        usage = _usage(ask, bill, None)
        done = {"type": "speech.audio.done"} | ({} if usage is None else {"usage": usage})
        events = (Event(msgspec.json.encode(delta), content=True), Event(msgspec.json.encode(done)))
        return Answer(events=events, bill=bill, ends_itself=True)
    return Answer(body=sound, bill=bill, kind=KINDS.get(str(ask.body.get("response_format", "mp3")), b"audio/mpeg"))


def transcripts(ask: Ask) -> Answer:
    """The answer to ``/v1/audio/transcriptions`` and ``translations``. Raises BadRequestError."""
    if not ask.files:
        raise BadRequestError("Missing required parameter: 'file'.", "file")
    seconds = sum(ask.files.values()) / OCTETS_PER_S
    heard = round(seconds * 10)
    bill = Bill(prompt=heard, completion=len(TRANSCRIPT.split()))
    usage = _usage(ask, bill, {"text_tokens": 0, "audio_tokens": heard}, details="input_token_details")
    if "whisper" in ask.model and usage is not None:
        usage = {"type": "duration", "seconds": seconds}
    told: dict[str, Any] = {} if usage is None else {"usage": usage}
    if ask.stream:
        words = [{"type": "transcript.text.delta", "delta": word + " "} for word in TRANSCRIPT.split()]
        done = {"type": "transcript.text.done", "text": TRANSCRIPT, **told}
        events = [Event(msgspec.json.encode(each), content=True) for each in words]
        return Answer(events=(*events, Event(msgspec.json.encode(done))), bill=bill, ends_itself=True)
    kind = ask.body.get("response_format", "json")
    if kind in ("text", "srt", "vtt"):
        return Answer(body=TRANSCRIPT.encode() + b"\n", bill=bill, kind=b"text/plain; charset=utf-8")
    shown: dict[str, Any] = {"text": TRANSCRIPT, **told}
    if kind == "verbose_json":
        shown |= {"task": "transcribe", "language": "english", "duration": seconds, "segments": []}
    return Answer(body=msgspec.json.encode(shown), bill=bill)


def rerank(ask: Ask) -> Answer:
    """The answer to ``/v1/rerank`` and ``/v2/rerank``: by the number of words in common. Raises BadRequestError."""
    query, documents = ask.body.get("query"), ask.body.get("documents")
    if not isinstance(query, str) or not isinstance(documents, list) or not documents:
        raise BadRequestError("Missing required parameter: 'query' or 'documents'.", "documents")
    asked = set(query.lower().split())
    texts = [each if isinstance(each, str) else str(each) for each in documents]
    scores = [len(asked & set(text.lower().split())) / max(len(asked), 1) for text in texts]
    order = sorted(range(len(texts)), key=lambda index: (-scores[index], index))
    top = ask.body.get("top_n")
    chosen = order[:top] if isinstance(top, int) and top > 0 else order
    units = -(-len(texts) // 100)
    tokens = len(query.split()) + sum(len(text.split()) for text in texts)
    shown: dict[str, Any] = {"id": ask.digest, "model": ask.model}
    shown["results"] = [{"index": index, "relevance_score": scores[index]} for index in chosen]
    if "jina" in ask.model:
        shown["usage"] = {"total_tokens": tokens}
    elif ask.controls.usage != "off":
        shown["meta"] = {"api_version": {"version": "2"}, "billed_units": {"search_units": units}}
    return Answer(body=msgspec.json.encode(shown), bill=Bill(prompt=tokens))


def _partials(ask: Ask) -> int:
    asked = ask.body.get("partial_images", 1)
    return min(int(asked), 3) if isinstance(asked, int | str) and str(asked).isdecimal() else 0


def _usage(
    ask: Ask, bill: Bill, parts: dict[str, int] | None, details: str = "input_tokens_details"
) -> dict[str, Any] | None:
    """OpenAI's usage object of everything but chat and completions."""
    style = ask.controls.usage
    if style == "off" or "dall-e" in ask.model:
        return None
    prompt, completed = bill.prompt, bill.completion
    if style == "negative":
        prompt, completed = -prompt - 1, -completed - 1
    elif style == "absurd":
        prompt = completed = (1 << 53) + 1
    usage: dict[str, Any] = {"type": "tokens", "input_tokens": prompt, "output_tokens": completed}
    usage["total_tokens"] = prompt + completed
    return usage if parts is None else usage | {details: parts}
