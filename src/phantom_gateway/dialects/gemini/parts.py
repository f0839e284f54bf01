"""The parts of Gemini's contents: texts, thoughts, media, functions.

A call of a function carries the signature of the thought before it. In the neutral form a signature belongs to thinking, so it
goes there when it is read and back to the call when it is written.
"""

from __future__ import annotations

import base64
import binascii
import mimetypes
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.gemini.spelling import NAME, REDACTED, fields, lasting, signed
from phantom_gateway.dialects.neutral import (
    GEMINI_SIGNED,
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

FILES = "https://generativelanguage.googleapis.com/v1beta/"
"""Before the id of a file at Google."""
_OUTPUTS = ("output", "result")
"""Where the result of a function is a single value, it is found under one of these."""


class Calls:
    """The calls of a conversation: Google's need no ids, everybody else's do."""

    def __init__(self, prefix: str = "call_") -> None:
        self._prefix = prefix
        self._count = 0
        self._open: list[tuple[str, str]] = []
        """Name and id of what is not answered yet."""

    def called(self, name: str, given: str) -> str:
        """The id of a call."""
        call_id = given or f"{self._prefix}{self._count}"
        self._count += 1
        self._open.append((name, call_id))
        return call_id

    def answered(self, name: str, given: str, where: str) -> str:
        """The id of the call that a response belongs to: the one of that id, else the first that is open, by its name."""
        found = next((entry for entry in self._open if entry[1] == given), None)
        found = found or next((entry for entry in self._open if entry[0] == name), None)
        if found is not None:
            self._open.remove(found)
            return found[1]
        if given:
            return given
        raise Untranslatable(f"'{where}' answers a call of '{name}' that was not made.", where)


def read_parts(content: Any, where: str, calls: Calls) -> list[Part]:
    """The parts of one content. Raises Untranslatable."""
    parts: list[Part] = []
    for index, value in enumerate(read.items(content, where)):
        place = f"{where}[{index}]"
        given = fields(value, place)
        signature = read.optional_text(given.get("thoughtSignature"), f"{place}.thoughtSignature")
        if given.get("thought") is True:
            parts.append(_thought(given, signature, place))
            continue
        part = _part(given, place, calls)
        if signature and isinstance(part, ToolCall):
            attach(parts, signed(signature))
        if not (isinstance(part, Text) and not part.text):
            parts.append(part)
    return parts


def attach(parts: list[Part], signature: str) -> None:
    """Note the signature of what comes next at the thinking before it."""
    last = parts[-1] if parts else None
    if isinstance(last, Thinking) and not last.signature:
        last.signature = signature
    else:
        parts.append(Thinking("", signature))


def _thought(given: dict[str, Any], signature: str, where: str) -> Part:
    text = read.optional_text(given.get("text"), f"{where}.text")
    known = signed(signature) if signature else ""
    if known.startswith(REDACTED):
        return Redacted(known[len(REDACTED) :])
    return Thinking(text, known)


def _part(given: dict[str, Any], where: str, calls: Calls) -> Part:
    if "text" in given:
        return Text(read.text(given["text"], f"{where}.text"))
    if "inlineData" in given:
        return _inline(fields(given["inlineData"], f"{where}.inlineData"), f"{where}.inlineData")
    if "fileData" in given:
        return _file(fields(given["fileData"], f"{where}.fileData"), f"{where}.fileData")
    if "functionCall" in given:
        call = fields(given["functionCall"], f"{where}.functionCall")
        name = read.text(call.get("name"), f"{where}.functionCall.name")
        arguments = read.table(call.get("args") or {}, f"{where}.functionCall.args")
        given_id = read.optional_text(call.get("id"), f"{where}.functionCall.id")
        return ToolCall(calls.called(name, given_id), name, read.encode(arguments).decode())
    if "functionResponse" in given:
        return _response(fields(given["functionResponse"], f"{where}.functionResponse"), where, calls)
    return Opaque(NAME, given)


def _inline(given: dict[str, Any], where: str) -> Part:
    media_type = read.text(given.get("mimeType"), f"{where}.mimeType")
    data = read.text(given.get("data"), f"{where}.data")
    # bytes may come in the alphabet for URLs, which only Google takes
    data = data.replace("-", "+").replace("_", "/")
    data += "=" * (-len(data) % 4)
    title = read.optional_text(given.get("displayName"), f"{where}.displayName")
    if media_type.startswith("image/"):
        return Image(media_type=media_type, data=data)
    if media_type.startswith("text/"):
        try:
            return Document(text=base64.b64decode(data, validate=True).decode(), media_type=media_type, title=title)
        except (binascii.Error, UnicodeDecodeError, ValueError) as error:
            raise Untranslatable(f"'{where}.data' must be a text in base64.", f"{where}.data") from error
    return Document(media_type=media_type, data=data, title=title)


def _file(given: dict[str, Any], where: str) -> Part:
    url = read.text(given.get("fileUri"), f"{where}.fileUri")
    media_type = read.optional_text(given.get("mimeType"), f"{where}.mimeType")
    if media_type.startswith("image/"):
        return Image(url=url, media_type=media_type)
    title = read.optional_text(given.get("displayName"), f"{where}.displayName")
    return Document(url=url, media_type=media_type, title=title)


def _response(given: dict[str, Any], where: str, calls: Calls) -> ToolResult:
    where = f"{where}.functionResponse"
    name = read.text(given.get("name"), f"{where}.name")
    call_id = calls.answered(name, read.optional_text(given.get("id"), f"{where}.id"), where)
    value = read.table(given.get("response") or {}, f"{where}.response")
    failed = list(value) == ["error"]
    only = next(iter(value.values())) if len(value) == 1 and (failed or next(iter(value)) in _OUTPUTS) else value
    text = only if isinstance(only, str) else read.encode(only).decode()
    seen = read_parts(given.get("parts") or [], f"{where}.parts", calls)
    return ToolResult(call_id, [Text(text), *seen], is_error=failed)


def write_part(part: Part) -> dict[str, Any] | None:
    """One part; None for what Gemini has no word for, and for thinking and results of tools, which need their surroundings."""
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Image | Document):
        return _media(part)
    if isinstance(part, ToolCall):
        return {"functionCall": called(part, part.name)}
    if isinstance(part, Opaque) and part.dialect == NAME:
        return part.value
    return None


def called(part: ToolCall, name: str) -> dict[str, Any]:
    """A call. Raises Untranslatable for arguments that are no object."""
    return {"id": part.id, "name": name, "args": read.arguments(part.arguments, "tool_calls.function.arguments")}


def write_thought(part: Thinking | Redacted) -> dict[str, Any]:
    """Thinking as callers of this format get it, so that it can come back."""
    if isinstance(part, Redacted):
        return {"text": "", "thought": True, "thoughtSignature": lasting(REDACTED + part.data)}
    written: dict[str, Any] = {"text": part.text, "thought": True}
    if part.signature:
        written["thoughtSignature"] = lasting(part.signature)
    return written


def write_result(part: ToolResult, name: str) -> tuple[dict[str, Any], list[Part]]:
    """What a function gave, as an object; and what of it can be seen or heard, which follows by itself."""
    texts = [each.text for each in part.parts if isinstance(each, Text)]
    texts += [each.text for each in part.parts if isinstance(each, Document) and each.text]
    seen = [each for each in part.parts if isinstance(each, Image) or (isinstance(each, Document) and not each.text)]
    text = "\n\n".join(texts) or ("See the attachment that follows." if seen else "")
    response: Any = {"error": text} if part.is_error else _object(text)
    return {"functionResponse": {"id": part.call_id, "name": name, "response": response}}, list(seen)


def _object(text: str) -> Any:
    """A text that is an object already stays one, digits untouched."""
    if text.lstrip().startswith("{"):
        try:
            return read.arguments(text, "content")
        except Untranslatable:
            pass
    return {"output": text}


def _media(part: Image | Document) -> dict[str, Any] | None:
    if isinstance(part, Document) and part.text:
        return {"text": f"{part.title}\n\n{part.text}" if part.title else part.text}
    if part.data:
        return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
    url = part.url
    if part.file_id:
        if "://" not in part.file_id and not part.file_id.startswith("files/"):
            return None
        url = part.file_id if "://" in part.file_id else FILES + part.file_id
    media_type = part.media_type or mimetypes.guess_type(url.partition("?")[0])[0]
    return {"fileData": {"fileUri": url} | ({"mimeType": media_type} if media_type else {})}


def own_signature(part: Thinking) -> str:
    """The signature as Google gave it; empty for thinking of others, or without one."""
    signature = part.signature
    return signature.removeprefix(GEMINI_SIGNED) if signature.startswith(GEMINI_SIGNED) else ""
