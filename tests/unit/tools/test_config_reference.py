from __future__ import annotations

from tools.config_reference import COMMAND, TARGET, render


def test_the_reference_is_fresh() -> None:
    assert TARGET.read_text(encoding="utf-8") == render(), f"stale: run `make docs` ({COMMAND})"


def test_types_are_in_words() -> None:
    page = render()
    assert "| `request_timeout` | seconds or duration |" in page
    assert "| `input_cost_per_token` | US dollars |" in page
    assert "| `api_key` | secret |" in page
