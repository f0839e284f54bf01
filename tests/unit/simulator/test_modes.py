from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.unit.simulator.peer import chat

from phantom_gateway.simulator import answers
from phantom_gateway.simulator.controls import USAGE_OF_MODE, ControlError
from phantom_gateway.simulator.modes import MODES, build
from phantom_gateway.simulator.reading import Ask, read


def asked(controls: dict[str, object], *, stream: bool) -> Ask:
    return read(json.dumps(chat("a", stream=stream, simulate=controls)).encode(), "")


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_is_described_and_makes_a_script(mode: str, stream: bool) -> None:
    ask = asked({"mode": mode, "size": 1000}, stream=stream)
    script = build(ask, answers.chat(ask))
    assert script.pieces[0].data.startswith(b"HTTP/1.")
    assert MODES[mode]


@pytest.mark.parametrize("mode", MODES)
def test_the_embeddings_of_every_mode(mode: str) -> None:
    ask = read(json.dumps({"model": "demo", "input": "a", "simulate": {"mode": mode, "size": 1000}}).encode(), "")
    assert build(ask, answers.embeddings(ask)).pieces


def test_controls_override_the_times_of_a_mode() -> None:
    ask = asked({"mode": "slow_first_byte"}, stream=False)
    assert build(ask, answers.chat(ask)).first_ms == 1000
    ask = asked({"mode": "slow_first_byte", "first_ms": 5, "pace_ms": 7}, stream=False)
    script = build(ask, answers.chat(ask))
    assert (script.first_ms, script.pace_ms) == (5, 7)


def test_an_unknown_mode_is_refused() -> None:
    ask = asked({"mode": "slow"}, stream=False)
    with pytest.raises(ControlError, match="unknown mode 'slow'"):
        build(ask, answers.chat(ask))


def test_words_for_usage_are_modes() -> None:
    assert set(USAGE_OF_MODE) <= set(MODES)


def test_the_guide_names_every_mode_with_its_line() -> None:
    guide = Path("docs/guides/simulator.md").read_text()
    assert [name for name, text in MODES.items() if f"| `{name}` | {text} |" not in guide] == []
