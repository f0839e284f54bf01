from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.errors import ConfigError, Note, Position, Problem, dotted, nearest, shown


def test_problems_are_lines_in_the_order_of_the_file() -> None:
    late = Problem(Position("c.yaml", 9), ("a", 0, "b"), "must be a list", "did you mean c?")
    early = Problem(Position("c.yaml", 2), (), "is broken")
    assert str(ConfigError([late, early])) == "c.yaml:2: is broken\nc.yaml:9: a[0].b: must be a list (did you mean c?)"


def test_a_problem_without_a_line_names_the_file() -> None:
    assert str(Problem(Position("c.yaml"), (), "no such file")) == "c.yaml: no such file"


def test_a_note_reads_like_a_problem() -> None:
    assert str(Note("later", Position("c.yaml", 1), ("x",), "later")) == "c.yaml:1: x: later"


@pytest.mark.parametrize(
    "text",
    ["sk-abcdefgh1234", "Bearer abcdefgh", "a" * 32, "https://user:pw@host", "AKIAIOSFODNN7EXAMPLE", "gsk_abcdefgh"],
)
def test_what_looks_like_a_credential_is_not_shown(text: str) -> None:
    assert shown(text) == "***"
    assert text not in dotted(("model_list", text))


@pytest.mark.parametrize(
    "text", ["gpt-4o-mini", "azure/my-deployment", "claude-3-5-sonnet-20241022", "api_bse", "num_retriess"]
)
def test_names_are_shown(text: str) -> None:
    assert shown(text) == text


@given(st.text())
def test_shown_text_is_short_and_printable(text: str) -> None:
    assert len(shown(text)) <= 60
    assert shown(text).isprintable()


def test_the_nearest_name_is_a_hint() -> None:
    assert nearest("num_retrys", ["num_retries", "timeout"]) == "did you mean num_retries?"
    assert nearest("xyz", ["num_retries"]) == ""


def test_the_name_of_a_setting_is_shown_though_it_speaks_of_keys() -> None:
    assert dotted(("general_settings", "key_management_system")) == "general_settings.key_management_system"
    assert shown("key_a1b2c3d4e5") == "***"
