"""The content of chat messages: texts, images, files."""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import Document, Image, Opaque, Part, Text

AUDIO = {"mp3": "audio/mpeg"}
"""Media types of recordings that are not ``audio/`` and OpenAI's word."""


def read_parts(content: Any, where: str) -> list[Part]:
    """A message's content: a text, a list of parts, or nothing. Raises Untranslatable."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [
        _part(read.table(value, f"{where}[{index}]"), f"{where}[{index}]")
        for index, value in enumerate(read.items(content, where))
    ]


def _part(value: dict[str, Any], where: str) -> Part:
    kind = value.get("type")
    breakpoint_ = read.cache(value.get("cache_control"), where)
    if kind == "text":
        return Text(read.text(value.get("text"), f"{where}.text"), breakpoint_)
    if kind == "refusal":
        return Text(read.text(value.get("refusal"), f"{where}.refusal"), breakpoint_)
    if kind == "image_url":
        return _image(value.get("image_url"), breakpoint_, f"{where}.image_url")
    if kind == "input_audio":
        return _audio(read.table(value.get("input_audio"), f"{where}.input_audio"), breakpoint_, f"{where}.input_audio")
    if kind == "file":
        return _file(read.table(value.get("file"), f"{where}.file"), breakpoint_, f"{where}.file")
    return Opaque("chat", value)


def _image(value: Any, breakpoint_: dict[str, Any] | None, where: str) -> Image:
    described = {"url": value} if isinstance(value, str) else read.table(value, where)
    url = read.text(described.get("url"), f"{where}.url")
    detail = read.optional_text(described.get("detail"), f"{where}.detail")
    packed = read.data_url(url)
    if packed is None:
        return Image(url=url, detail=detail, cache=breakpoint_)
    return Image(media_type=packed[0], data=packed[1], detail=detail, cache=breakpoint_)


def _audio(value: dict[str, Any], breakpoint_: dict[str, Any] | None, where: str) -> Document:
    kind = read.text(value.get("format"), f"{where}.format")
    data = read.text(value.get("data"), f"{where}.data")
    return Document(media_type=AUDIO.get(kind, f"audio/{kind}"), data=data, cache=breakpoint_)


def _file(value: dict[str, Any], breakpoint_: dict[str, Any] | None, where: str) -> Document:
    title = read.optional_text(value.get("filename"), f"{where}.filename")
    file_id = read.optional_text(value.get("file_id"), f"{where}.file_id")
    data = read.optional_text(value.get("file_data"), f"{where}.file_data")
    found = Document(title=title, cache=breakpoint_)
    if not data:
        # LiteLLM also takes an address as the id of a file
        if file_id.startswith(("https://", "http://", "gs://")):
            found.url = file_id
            found.media_type = read.optional_text(value.get("format"), f"{where}.format")
        else:
            found.file_id = file_id
        return found
    packed = read.data_url(data)
    found.media_type, found.data = packed if packed is not None else ("application/pdf", data)
    return found


def write_part(part: Part, *, cached: bool) -> dict[str, Any] | None:
    """One part of a user's message; None for what the format has no word for. ``cached``: breakpoints are understood."""
    written: dict[str, Any]
    if isinstance(part, Text):
        written = {"type": "text", "text": part.text}
    elif isinstance(part, Image):
        if part.file_id:
            return None
        url = part.url or f"data:{part.media_type};base64,{part.data}"
        written = {"type": "image_url", "image_url": {"url": url} | ({"detail": part.detail} if part.detail else {})}
    elif isinstance(part, Document):
        described = _described(part)
        if described is None:
            return None
        written = described
    elif isinstance(part, Opaque) and part.dialect == "chat":
        return part.value
    else:
        return None
    if cached and part.cache is not None:
        written["cache_control"] = part.cache
    return written


def _described(part: Document) -> dict[str, Any] | None:
    if part.text:
        heading = f"{part.title}\n\n" if part.title else ""
        return {"type": "text", "text": heading + part.text}
    name = {"filename": part.title} if part.title else {}
    if part.data and part.media_type.startswith("audio/"):
        kind = {"audio/mpeg": "mp3", "audio/x-wav": "wav"}.get(part.media_type, part.media_type.removeprefix("audio/"))
        return {"type": "input_audio", "input_audio": {"data": part.data, "format": kind}}
    if part.data:
        data = f"data:{part.media_type};base64,{part.data}"
        return {"type": "file", "file": {"filename": part.title or "document", "file_data": data}}
    if part.file_id:
        return {"type": "file", "file": {"file_id": part.file_id} | name}
    return None
