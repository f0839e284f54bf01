from __future__ import annotations

from phantom_gateway.config.errors import KeyPath, Note, Position
from phantom_gateway.config.schema import Config, Environment, locate
from phantom_gateway.config.schema_models import LitellmParams, ModelEntry
from phantom_gateway.config.secret import Secret


def entry(name: str) -> ModelEntry:
    return ModelEntry(model_name=name, litellm_params=LitellmParams(model="openai/x"))


def test_an_empty_configuration_is_valid() -> None:
    config = Config()
    assert config.phantom.demo
    assert config.model_list == []
    assert config.position(("model_list",)) == Position()


def test_entries_know_their_places() -> None:
    config = Config(model_list=[entry("a"), entry("b")])
    assert [path for path, _ in config.entries()] == [("model_list", 0), ("model_list", 1)]
    config.written({("model_list", 4): Position("f", 9)}, [1, 4])
    assert [path for path, _ in config.entries()] == [("model_list", 1), ("model_list", 4)]
    assert config.position(("model_list", 4, "x", 0)) == Position("f", 9)


def test_notes_are_added() -> None:
    config = Config()
    note = Note("later", Position(), (), "x")
    config.note([note])
    config.note([note])
    assert config.notes == (note, note)


def test_a_variable_is_the_first_that_is_set() -> None:
    environment = Environment({"A": Secret("own"), "E": Secret("")}, {"A": "process", "B": " b ", "E": "", "F": "f"})
    assert environment.first("E", "B", "A") == ("B", "b")
    assert environment.first("A") == ("A", "own")
    assert environment.first("E", "missing") is None


def test_the_nearest_written_place_is_found() -> None:
    positions: dict[KeyPath, Position] = {(): Position("f", 1), ("a",): Position("f", 2)}
    assert locate(positions, ("a", "b", 0)) == Position("f", 2)
    assert locate(positions, ("b",)) == Position("f", 1)
    assert locate({}, ("b",)) == Position()
