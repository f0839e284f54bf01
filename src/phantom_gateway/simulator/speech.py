"""What the simulator says: a friendly text, a tool call or minimal JSON, cut into the chunks it is streamed in."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from phantom_gateway.simulator.reading import Ask, messages_of, text_of
from phantom_gateway.simulator.schema import minimal

ECHO_WORDS = 12
ECHO_CHARACTERS = 100
JSON_CHUNK = 8
OPENING = (
    "Hello! I am the demo model of Phantom Gateway: a simulator on this machine. I need no account, nothing leaves it, "
    "costs are pretend."
)
CLOSING = (
    "I cannot think about it, but your request went the whole way: it was authenticated, limited, routed, metered and "
    "written to the ledger. Add a provider to the configuration to talk to a real model."
)
FILLER = (
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliett", "kilo", "lima", "mike",
    "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray", "yankee", "zulu",
)  # fmt: skip
WORDS_OF_THE_WORLD = ("Grüße", "今日は", "здравствуйте", "🙂🙃", "שלום", "नमस्ते")


@dataclass(frozen=True, slots=True)
class Tool:
    """A call of one function; its arguments are the chunks of the speech."""

    name: str
    call_id: str


@dataclass(frozen=True, slots=True)
class Speech:
    """The chunks of one answer (a token each), why it ended, and the tool it calls, if it does; ``further`` calls beside it."""

    chunks: tuple[str, ...]
    finish: str
    tool: Tool | None = None
    further: tuple[Speech, ...] = ()

    @property
    def text(self) -> str:
        """All chunks in one, without those of further calls."""
        return "".join(self.chunks)

    @property
    def parts(self) -> tuple[Speech, ...]:
        """The answer, then its further calls."""
        return (self, *self.further)

    @property
    def tokens(self) -> int:
        """What all of it costs."""
        return sum(len(part.chunks) for part in self.parts)


def chat_speech(ask: Ask, limit: int | None) -> Speech:
    """The answer to a chat, at most ``limit`` chunks long."""
    messages = messages_of(ask.body)
    prompt = next((text_of(m.get("content")) for m in reversed(messages) if m.get("role") == "user"), "")
    called = _called_tools(ask.body, messages, prompt)
    if called:
        return _calls(ask, called, limit)
    structured = _structured(ask.body)
    if structured is not None:
        return _limited(_sliced(structured), "stop", limit)
    return text_speech(ask, prompt, limit)


def _calls(ask: Ask, called: list[dict[str, Any]], limit: int | None) -> Speech:
    """A call of each, as far as the limit lets."""
    parts: list[Speech] = []
    for index, function in enumerate(called):
        arguments = msgspec.json.encode(minimal(function.get("parameters")) or {}).decode()
        tool = Tool(str(function.get("name", "tool")), f"call_{ask.digest}{index or ''}")
        room = None if limit is None else limit - sum(len(part.chunks) for part in parts)
        parts.append(_limited(_sliced(arguments), "tool_calls", room, tool))
        if parts[-1].finish == "length":
            break
    return replace(parts[0], finish=parts[-1].finish, further=tuple(parts[1:]))


def text_speech(ask: Ask, prompt: str, limit: int | None) -> Speech:
    """A friendly text that echoes the start of ``prompt``; exactly ``chunks`` words when given."""
    words = f"{OPENING} {_echo(prompt)} {CLOSING}".split()
    chunks = ask.controls.chunks
    if ask.controls.mode == "split_utf8":
        words = list(itertools.islice(itertools.cycle(WORDS_OF_THE_WORLD), 12 if chunks is None else chunks))
    elif chunks is not None:
        words = list(itertools.islice(itertools.chain(words, itertools.cycle(FILLER)), chunks))
    return _limited(tuple(word if i == 0 else " " + word for i, word in enumerate(words)), "stop", limit)


def _echo(prompt: str) -> str:
    words = prompt.split()
    if not words:
        return "You wrote nothing."
    echo = " ".join(words[:ECHO_WORDS])
    shortened = len(words) > ECHO_WORDS or len(echo) > ECHO_CHARACTERS
    return f'You wrote: "{echo[:ECHO_CHARACTERS]}{"..." if shortened else ""}".'


def _limited(chunks: tuple[str, ...], finish: str, limit: int | None, tool: Tool | None = None) -> Speech:
    if limit is not None and len(chunks) > limit:
        return Speech(chunks[:limit], "length", tool)
    return Speech(chunks, finish, tool)


def _sliced(text: str) -> tuple[str, ...]:
    return tuple(text[i : i + JSON_CHUNK] for i in range(0, len(text), JSON_CHUNK))


def _called_tools(body: dict[str, Any], messages: list[dict[str, Any]], prompt: str) -> list[dict[str, Any]]:
    tools = body.get("tools")
    offered = [tool.get("function") for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []
    functions = [function for function in offered if isinstance(function, dict)]
    choice = body.get("tool_choice")
    if not functions or choice == "none":
        return []
    if isinstance(choice, dict):
        named = choice.get("function")
        return [_by_name(functions, named.get("name") if isinstance(named, dict) else None)]
    typed = prompt.rpartition("\n\n")[2]  # agents put what they have to say themselves before it
    last = next((message for message in reversed(messages) if message.get("role") != "system"), messages[-1])
    asked = typed.lower().startswith("call ") and last.get("role") == "user"
    if choice == "required" or asked:
        words = typed.split()[1:] if asked else []
        names = {function.get("name") for function in functions}
        wanted = list(itertools.takewhile(names.__contains__, words))
        return [_by_name(functions, name) for name in wanted or [""]]
    return []


def _by_name(functions: list[dict[str, Any]], name: Any) -> dict[str, Any]:
    return next((function for function in functions if function.get("name") == name), functions[0])


def _structured(body: dict[str, Any]) -> str | None:
    wanted = body.get("response_format")
    if not isinstance(wanted, dict):
        return None
    if wanted.get("type") == "json_object":
        return '{"demo":true}'
    if wanted.get("type") == "json_schema":
        described = wanted.get("json_schema")
        schema = described.get("schema") if isinstance(described, dict) else None
        return msgspec.json.encode(minimal(schema)).decode()
    return None
