from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.simulator import media
from phantom_gateway.simulator.answers import Answer
from phantom_gateway.simulator.desk import Desk
from phantom_gateway.simulator.modes import MODES, build
from phantom_gateway.simulator.reading import Ask, BadRequestError, read
from phantom_gateway.wire import multipart
from phantom_gateway.wire.multipart import Part, field

HEAD = b'Content-Disposition: form-data; name="file"; filename="a"\r\n'


def ask(**fields: Any) -> Ask:
    return read(json.dumps({"model": "demo"} | fields).encode(), "")


def upload(size: int, **fields: str) -> Ask:
    parts = [field(name, text.encode()) for name, text in ({"model": "demo"} | fields).items()]
    return read(multipart.render([*parts, Part("file", memoryview(bytes(size)), HEAD, True)], b"b"), "")


def shown(answer: Answer) -> Any:
    return json.loads(answer.body)


def test_moderations() -> None:
    calm, violent = shown(media.moderations(ask(input=["hello", "some violence"])))["results"]
    assert (calm["flagged"], violent["flagged"]) == (False, True)


def test_images() -> None:
    answer = shown(media.images(ask(prompt="a cat", n=2)))
    assert len(answer["data"]) == 2
    assert answer["usage"]["output_tokens"] == 2000
    assert "usage" not in shown(media.images(ask(model="dall-e-3", prompt="a cat")))
    edited = shown(media.images(upload(10, prompt="a cat")))
    assert edited["usage"]["input_tokens_details"] == {"text_tokens": 2, "image_tokens": 100}
    events = media.images(ask(prompt="a", stream=True, partial_images=2)).events
    assert [event.name for event in events] == ["image_generation.partial_image"] * 2 + ["image_generation.completed"]


def test_speech() -> None:
    answer = media.speech(ask(input="hello", response_format="wav"))
    assert (len(answer.body), answer.kind) == (5 * media.SPEECH_OCTETS, b"audio/wav")
    assert answer == media.speech(ask(input="hello", response_format="wav"))
    done = json.loads(media.speech(ask(input="hello", stream_format="sse")).events[-1].data)
    assert done["usage"]["output_tokens"] == 5


def test_transcripts() -> None:
    assert shown(media.transcripts(upload(8000)))["usage"]["input_token_details"] == {
        "text_tokens": 0,
        "audio_tokens": 20,
    }
    assert shown(media.transcripts(upload(8000, model="whisper-1")))["usage"] == {"type": "duration", "seconds": 2.0}
    assert shown(media.transcripts(upload(8000, response_format="verbose_json")))["duration"] == 2.0
    assert media.transcripts(upload(1, response_format="srt")).kind.startswith(b"text/plain")
    assert b"transcript.text.done" in media.transcripts(upload(1, stream="true")).events[-1].data


def test_rerank() -> None:
    answer = shown(media.rerank(ask(query="black cat", documents=["a dog", "a black cat", "a cat"], top_n=2)))
    assert [each["index"] for each in answer["results"]] == [1, 2]
    assert answer["meta"]["billed_units"] == {"search_units": 1}
    assert "usage" in shown(media.rerank(ask(model="jina", query="q", documents=["d"])))


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        (media.images, ask()),
        (media.speech, ask(input=1)),
        (media.transcripts, ask()),
        (media.rerank, ask(query="q")),
        (media.moderations, ask()),
    ],
)
def test_what_is_missing(answer: Any, asked: Ask) -> None:
    with pytest.raises(BadRequestError):
        answer(asked)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_a_script(mode: str) -> None:
    controls = {"mode": mode, "size": 1000}
    for answer, asked in (
        (media.images, ask(prompt="a", simulate=controls)),
        (media.images, ask(prompt="a", simulate=controls, stream=True)),
        (media.speech, ask(input="hello", simulate=controls)),
        (media.transcripts, upload(100, simulate=f"mode={mode},size=1000")),
        (media.rerank, ask(query="q", documents=["d"], simulate=controls)),
    ):
        assert build(asked, answer(asked)).pieces


def test_they_are_served() -> None:
    desk = Desk()
    for path in (b"/v1/moderations", b"/v1/images/generations", b"/v2/rerank", b"/v1/audio/speech"):
        body = {"model": "demo", "input": "hello", "prompt": "a", "query": "q", "documents": ["d"]}
        script, tally = desk.receive(b"POST", path, [], json.dumps(body).encode(), b"")
        assert script.pieces[0].data.startswith(b"HTTP/1.1 200")
        assert tally is not None
