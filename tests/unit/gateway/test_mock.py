from __future__ import annotations

import json

from phantom_gateway.dialects.openai import StreamTap, read_answer
from phantom_gateway.gateway.mock import CountedResponse, MockedResponse


class Sink:
    """What a relay does with the pieces: through the tap."""

    def __init__(self) -> None:
        self.tap = StreamTap("public", hide_usage=False, max_event=1 << 20)
        self.out = b""

    def data(self, data: bytes) -> None:
        self.out += self.tap.feed(data)


async def test_a_whole_answer_is_what_openai_would_send() -> None:
    answer = MockedResponse("Hello you", "up", "id-1", chat=True)
    body = await answer.read(1000)
    read = read_answer(body)
    assert read is not None
    assert (read.model, read.usage) == ("up", {"prompt_tokens": 10, "completion_tokens": 20, "total_tokens": 30})
    assert json.loads(body)["choices"][0]["message"] == {"role": "assistant", "content": "Hello you"}
    text = json.loads(await MockedResponse("Hello", "up", "id", chat=False).read(1000))
    assert (text["object"], text["choices"][0]["text"]) == ("text_completion", "Hello")


async def test_a_stream_passes_the_tap_and_is_complete() -> None:
    for chat in (True, False):
        sink = Sink()
        await MockedResponse("one two three", "up", "id", chat=chat).relay(sink)
        assert sink.tap.complete
        assert sink.tap.usage is not None
        events = [json.loads(line[6:]) for line in sink.out.decode().splitlines() if line.startswith("data: {")]
        assert {event["model"] for event in events} == {"public"}
        choices = [choice for event in events for choice in event["choices"]]
        words = "".join(choice["delta"].get("content", "") if chat else choice["text"] for choice in choices)
        assert words.split() == ["one", "two", "three"]


def test_it_is_nobody() -> None:
    answer = MockedResponse("x", "up", "id", chat=True)
    assert answer.status == 200
    assert answer.headers == []
    assert answer.get(b"content-type") is None
    answer.pause()
    answer.resume()
    answer.hasten(1.0)
    answer.close()


async def test_a_count_that_is_made_here() -> None:
    response = CountedResponse(7)
    assert (response.status, response.get(b"content-type"), await response.read(100)) == (
        200,
        None,
        b'{"input_tokens":7}',
    )
    sink = Sink()
    await response.relay(sink)
    for nothing in (response.pause, response.resume, response.close):
        nothing()
    response.hasten(1.0)
