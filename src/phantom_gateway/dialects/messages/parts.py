"""The content blocks of Anthropic's messages: texts, images, documents, tools, thinking."""

from __future__ import annotations

from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import (
    Document,
    Image,
    Opaque,
    Part,
    Redacted,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Untranslatable,
)


def read_parts(content: Any, where: str) -> list[Part]:
    """A content: a text, a list of blocks, or nothing. Raises Untranslatable."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Text(content)] if content else []
    return [
        read_part(read.table(value, f"{where}[{index}]"), f"{where}[{index}]")
        for index, value in enumerate(read.items(content, where))
    ]


def read_part(value: dict[str, Any], where: str) -> Part:
    """One content block. Raises Untranslatable."""
    kind = value.get("type")
    breakpoint_ = read.cache(value.get("cache_control"), where)
    if kind == "text":
        citations = value.get("citations")
        return Text(
            read.text(value.get("text"), f"{where}.text"),
            breakpoint_,
            None if citations is None else read.items(citations, f"{where}.citations"),
        )
    if kind == "image":
        return _image(read.table(value.get("source"), f"{where}.source"), breakpoint_, f"{where}.source")
    if kind == "document":
        return _document(value, breakpoint_, where)
    if kind == "tool_use":
        return ToolCall(
            id=read.text(value.get("id"), f"{where}.id"),
            name=read.text(value.get("name"), f"{where}.name"),
            arguments=read.encode(read.table(value.get("input"), f"{where}.input")).decode(),
            cache=breakpoint_,
        )
    if kind == "tool_result":
        return ToolResult(
            call_id=read.text(value.get("tool_use_id"), f"{where}.tool_use_id"),
            parts=read_parts(value.get("content"), f"{where}.content"),
            is_error=value.get("is_error") is True,
            cache=breakpoint_,
        )
    if kind == "thinking":
        return Thinking(
            read.optional_text(value.get("thinking"), f"{where}.thinking"),
            read.optional_text(value.get("signature"), f"{where}.signature"),
        )
    if kind == "redacted_thinking":
        return Redacted(read.optional_text(value.get("data"), f"{where}.data"))
    return Opaque("messages", value)


def _image(source: dict[str, Any], breakpoint_: dict[str, Any] | None, where: str) -> Image:
    kind = source.get("type")
    if kind == "base64":
        media_type = read.text(source.get("media_type"), f"{where}.media_type")
        return Image(media_type=media_type, data=read.text(source.get("data"), f"{where}.data"), cache=breakpoint_)
    if kind == "url":
        return Image(url=read.text(source.get("url"), f"{where}.url"), cache=breakpoint_)
    if kind == "file":
        return Image(file_id=read.text(source.get("file_id"), f"{where}.file_id"), cache=breakpoint_)
    raise Untranslatable(f"'{where}.type' must be base64, url or file.", where)


def _document(value: dict[str, Any], breakpoint_: dict[str, Any] | None, where: str) -> Part:
    source = read.table(value.get("source"), f"{where}.source")
    kind = source.get("type")
    citations = value.get("citations")
    found = Document(
        title=read.optional_text(value.get("title"), f"{where}.title"),
        context=read.optional_text(value.get("context"), f"{where}.context"),
        citations=None if citations is None else read.table(citations, f"{where}.citations"),
        cache=breakpoint_,
    )
    if kind == "base64":
        found.media_type = read.text(source.get("media_type"), f"{where}.source.media_type")
        found.data = read.text(source.get("data"), f"{where}.source.data")
    elif kind == "text":
        found.text = read.text(source.get("data"), f"{where}.source.data")
    elif kind == "url":
        found.url = read.text(source.get("url"), f"{where}.source.url")
    elif kind == "file":
        found.file_id = read.text(source.get("file_id"), f"{where}.source.file_id")
    else:
        return Opaque("messages", value)
    return found


def write_part(part: Part) -> dict[str, Any] | None:
    """One content block; None for what Anthropic has no word for. Raises Untranslatable."""
    written: dict[str, Any]
    if isinstance(part, Text):
        written = {"type": "text", "text": part.text}
        if part.citations:
            written["citations"] = part.citations
    elif isinstance(part, ToolCall):
        arguments = read.arguments(part.arguments, "tool_calls.function.arguments")
        written = {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments}
    elif isinstance(part, ToolResult):
        written = _result(part)
    elif isinstance(part, Image):
        written = {"type": "image", "source": _source(part)}
    elif isinstance(part, Document):
        written = _document_block(part)
    elif isinstance(part, Thinking):
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    elif isinstance(part, Redacted):
        return {"type": "redacted_thinking", "data": part.data}
    else:
        return part.value if part.dialect == "messages" else None
    if part.cache is not None:
        written["cache_control"] = part.cache
    return written


def _result(part: ToolResult) -> dict[str, Any]:
    texts = [each.text for each in part.parts if isinstance(each, Text) and each.cache is None]
    content: Any = [block for each in part.parts if (block := write_part(each)) is not None]
    if len(texts) == len(part.parts) == 1:
        content = texts[0]
    written: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id}
    if content:
        written["content"] = content
    if part.is_error:
        written["is_error"] = True
    return written


def _source(part: Image | Document) -> dict[str, Any]:
    if part.data:
        return {"type": "base64", "media_type": part.media_type, "data": part.data}
    if part.url:
        return {"type": "url", "url": part.url}
    return {"type": "file", "file_id": part.file_id}


def _document_block(part: Document) -> dict[str, Any]:
    if part.media_type.startswith(("audio/", "video/")):
        raise Untranslatable(f"A part of type '{part.media_type[:64]}' is not supported by this model.", "messages")
    source = {"type": "text", "media_type": "text/plain", "data": part.text} if part.text else _source(part)
    if part.data and part.media_type.startswith("image/"):
        return {"type": "image", "source": source}
    written: dict[str, Any] = {"type": "document", "source": source}
    for name in ("title", "context", "citations"):
        value = getattr(part, name)
        if value:
            written[name] = value
    return written
