from __future__ import annotations

from phantom_gateway.cli.remote.description import Given


def test_an_option_fills_the_field_of_its_name_unless_another_is_named() -> None:
    assert Given("team", "").fills == "team"
    assert Given("team", "", "team_id").fills == "team_id"
