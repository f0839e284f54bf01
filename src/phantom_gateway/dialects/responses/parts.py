"""The contents of the Responses API: texts, images and files of messages and of the results of tools.

What a model thinks travels as items of type ``reasoning``. Of models behind another API their ``encrypted_content`` is what that
API wants to see again, behind a mark that says what it is: the signature of thinking, or thinking nobody is shown.
"""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import (
    Cache,
    Document,
    Image,
    Opaque,
    Part,
    Redacted,
    Text,
    Thinking,
    Untranslatable,
)

DIALECT = "responses"
SIGNED = "signature."
HIDDEN = "redacted."
_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


def read_parts(content: Any, where: str) -> list[Part]:
    """A content: a text, a list of parts, or nothing. Raises Untranslatable."""
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
    breakpoint_ = _breakpoint(value, where)
    if kind in _TEXTS:
        return Text(read.text(value.get("text"), f"{where}.text"), breakpoint_)
    if kind == "refusal":
        return Text(read.text(value.get("refusal"), f"{where}.refusal"), breakpoint_)
    if kind == "input_image":
        return _image(value, breakpoint_, where)
    if kind == "input_file":
        return _file(value, breakpoint_, where)
    return Opaque(DIALECT, value)


def _breakpoint(value: dict[str, Any], where: str) -> Cache:
    """A cache breakpoint in either vendor's words."""
    own = value.get("prompt_cache_breakpoint")
    if own is None:
        return read.cache(value.get("cache_control"), where)
    long = read.table(own, f"{where}.prompt_cache_breakpoint").get("ttl") == "12h"
    return {"type": "ephemeral", "ttl": "1h"} if long else {"type": "ephemeral"}


def _image(value: dict[str, Any], breakpoint_: Cache, where: str) -> Image:
    detail = read.optional_text(value.get("detail"), f"{where}.detail")
    file_id = read.optional_text(value.get("file_id"), f"{where}.file_id")
    if file_id:
        return Image(file_id=file_id, detail=detail, cache=breakpoint_)
    url = read.text(value.get("image_url"), f"{where}.image_url")
    packed = read.data_url(url)
    if packed is None:
        return Image(url=url, detail=detail, cache=breakpoint_)
    return Image(media_type=packed[0], data=packed[1], detail=detail, cache=breakpoint_)


def _file(value: dict[str, Any], breakpoint_: Cache, where: str) -> Document:
    found = Document(title=read.optional_text(value.get("filename"), f"{where}.filename"), cache=breakpoint_)
    data = read.optional_text(value.get("file_data"), f"{where}.file_data")
    if not data:
        found.url = read.optional_text(value.get("file_url"), f"{where}.file_url")
        found.file_id = read.optional_text(value.get("file_id"), f"{where}.file_id")
        return found
    packed = read.data_url(data)
    found.media_type, found.data = packed if packed is not None else ("application/pdf", data)
    return found


def write_part(part: Part) -> dict[str, Any] | None:
    """One part of what a user or a tool says; None for what the format has no word for. Raises Untranslatable."""
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Image):
        place = {"file_id": part.file_id} if part.file_id else {"image_url": part.url or _data_url(part)}
        return {"type": "input_image", "detail": part.detail or "auto", **place}
    if isinstance(part, Document):
        return _written(part)
    if isinstance(part, Opaque) and part.dialect == DIALECT:
        return part.value
    return None


def _data_url(part: Image | Document) -> str:
    return f"data:{part.media_type};base64,{part.data}"


def _written(part: Document) -> dict[str, Any]:
    if part.media_type.startswith(("audio/", "video/")):
        raise Untranslatable(f"A part of type '{part.media_type[:64]}' is not supported by this model.", "input")
    if part.text:
        return {"type": "input_text", "text": f"{part.title}\n\n{part.text}" if part.title else part.text}
    name = {"filename": part.title} if part.title else {}
    if part.data:
        return {"type": "input_file", "filename": part.title or "document", "file_data": _data_url(part)}
    if part.url:
        return {"type": "input_file", "file_url": part.url, **name}
    return {"type": "input_file", "file_id": part.file_id, **name}


def said_again(item: dict[str, Any], where: str) -> Thinking | Redacted:
    """A reasoning item that a caller gives back: what stands behind one of our marks is what the other API gave."""
    kept = read.optional_text(item.get("encrypted_content"), f"{where}.encrypted_content")
    if kept.startswith(HIDDEN):
        return Redacted(kept.removeprefix(HIDDEN))
    return Thinking(thought(item, where), kept.removeprefix(SIGNED) if kept.startswith(SIGNED) else "")


def thought(item: dict[str, Any], where: str) -> str:
    """The text of a reasoning item: its summary, else its content."""
    for name in ("summary", "content"):
        texts = [
            read.optional_text(read.table(each, f"{where}.{name}").get("text"), f"{where}.{name}.text")
            for each in read.items(item.get(name) or [], f"{where}.{name}")
        ]
        if any(texts):
            return "\n\n".join(texts)
    return ""


def kept_of(part: Thinking | Redacted) -> str | None:
    """What a caller has to give back of thinking, if anything."""
    if isinstance(part, Redacted):
        return HIDDEN + part.data
    return SIGNED + part.signature if part.signature else None
