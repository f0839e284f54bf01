"""What the SDK gives, as HTTP bodies in OpenAI's format."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from phantom_gateway.bridge.inside import failures
from phantom_gateway.bridge.inside.failures import Concealer, Refused

DONE = b"data: [DONE]\n\n"
Headers = list[tuple[str, str]]


class Whole(NamedTuple):
    """An answer that is there."""

    status: int
    body: bytes
    headers: Headers


class Streamed(NamedTuple):
    """An answer that comes in pieces, whose first is known to be there."""

    pieces: AsyncGenerator[bytes, None]
    headers: Headers


def plain(value: Any) -> Any:
    """An object of the SDK as JSON has it, without what is not set."""
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", exclude_none=True)
    return value


def whole(operation: str, result: Any, headers: Headers) -> Whole:
    """A whole answer. Raises TypeError, ValueError for what is no JSON."""
    if operation == "speech":
        kind = str(getattr(getattr(result, "response", None), "headers", {}).get("content-type") or "audio/mpeg")
        return Whole(200, bytes(result.content), [("content-type", kind), *headers])
    if isinstance(result, str):
        return Whole(200, result.encode(), [("content-type", "text/plain; charset=utf-8"), *headers])
    body = plain(result)
    if operation == "chat":
        for choice in body.get("choices", ()):
            if isinstance(message := choice.get("message"), dict):
                message.setdefault("content", None)
    return Whole(200, _json(body), headers)


async def streamed(result: Any, headers: Headers, conceal: Concealer) -> Streamed:
    """A stream, once its first piece is there: until then a failure is an answer of its own. Raises what the SDK raises, and
    Refused where the provider has broken it off at once.
    """
    chunks = _honest(result)
    first = await anext(chunks, None)
    return Streamed(_pieces(first, chunks, conceal), headers)


async def _honest(result: Any) -> AsyncGenerator[Any, None]:
    """The pieces as JSON has them. Raises Refused where the SDK says an end that the provider has not said.

    1.106.2 ends a stream whose connection was closed early with a reason of its own making, ``stop``.
    """
    try:
        async for chunk in result:
            body = plain(chunk)
            if _ends(body) and not _was_told(result):
                raise Refused("The provider broke off its answer.", status=502)
            yield body
    finally:
        close = getattr(result, "aclose", None)
        if close is not None:
            await close()


def _ends(body: Any) -> bool:
    return isinstance(body, dict) and any(choice.get("finish_reason") for choice in body.get("choices") or ())


def _was_told(result: Any) -> bool:
    """Whether the provider said why its answer ended, as far as the SDK's stream knows."""
    known: Any = result
    if not hasattr(known, "received_finish_reason"):
        known = getattr(result, "completion_stream", None)  # text completions wrap the stream of a chat
    if not hasattr(known, "received_finish_reason"):
        return True
    return bool(known.received_finish_reason or getattr(known, "intermittent_finish_reason", None))


async def _pieces(first: Any, chunks: AsyncGenerator[Any, None], conceal: Concealer) -> AsyncGenerator[bytes, None]:
    chunk = first
    try:
        while chunk is not None:
            yield b"data: %b\n\n" % _json(_event(chunk))
            chunk = await anext(chunks, None)
    except Exception as error:  # noqa: BLE001 - whatever the SDK raises in the middle is told in the stream
        yield b"data: %b\n\n" % failures.told(error, conceal).body
        return
    finally:
        await chunks.aclose()
    yield DONE


def _event(body: Any) -> Any:
    """A piece as OpenAI has it: what carries usage alone has no choices."""
    if isinstance(body, dict) and body.get("usage") and not any(map(_says, body.get("choices") or ())):
        body["choices"] = []
    return body


def _says(choice: dict[str, Any]) -> bool:
    return bool(choice.get("delta") or choice.get("finish_reason") or choice.get("text"))


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
