from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phantom_gateway.config import source
from phantom_gateway.config.errors import ConfigError


def plain(tree: source.Tree) -> Any:
    if isinstance(tree, source.Mapping):
        return {key: plain(entry.value) for key, entry in tree.entries.items()}
    if isinstance(tree, source.Sequence):
        return [plain(item) for item in tree.items]
    return tree.value


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        source.parse(text, "c.yaml")
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1", 1),
        ("a: -0x10", -16),
        ("a: 010", 8),
        ("a: 1_000", 1000),
        ("a: 1.5", 1.5),
        ("a: 1.0e-6", 1e-6),
        ("a: 1e-6", "1e-6"),
        ("a: yes", True),
        ("a: Off", False),
        ("a: ~", None),
        ("a:", None),
        ("a: 2024-10-21", "2024-10-21"),
        ("a: 12:30", "12:30"),
        ("a: '1'", "1"),
        ("a: !!str 1", "1"),
        ("a: .inf", ".inf"),
        ("a: =", "="),
        ("a: [1, {b: x}]", [1, {"b": "x"}]),
    ],
)
def test_values(text: str, expected: object) -> None:
    assert plain(source.parse(text, "c.yaml")) == {"a": expected}


def test_keys_are_what_was_written() -> None:
    assert plain(source.parse("1: a\ntrue: b\n2024-01-01: c", "c.yaml")) == {"1": "a", "true": "b", "2024-01-01": "c"}


def test_positions_are_those_of_the_keys() -> None:
    tree = source.parse("a: 1\n\nb:\n  - c: 2\n", "c.yaml")
    b = tree.entries["b"]
    assert (b.position.file, b.position.line) == ("c.yaml", 3)
    assert isinstance(b.value, source.Sequence)
    assert b.value.items[0].position.line == 4


def test_anchors_and_merge_keys() -> None:
    text = "base: &base {x: 1, y: 2}\nother: &other {z: 3}\none: {<<: *base, y: 5}\ntwo: {<<: [*other, *base]}\nthree: *base"
    assert plain(source.parse(text, "c.yaml")) == {
        "base": {"x": 1, "y": 2},
        "other": {"z": 3},
        "one": {"x": 1, "y": 5},
        "two": {"x": 1, "y": 2, "z": 3},
        "three": {"x": 1, "y": 2},
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3", "c.yaml:3: a: duplicate key, first written in line 1"),
        ("a: [1\nb: 2", "c.yaml:2: not valid YAML: did not find expected ',' or ']'"),
        ("a: b: c", "c.yaml:1: not valid YAML: mapping values are not allowed in this context"),
        ("a: *x", "c.yaml:1: unknown alias *x"),
        ("a: &x [*x]", "c.yaml:1: alias *x contains itself"),
        ("- 1", "c.yaml:1: must be a mapping of sections (model_list:, general_settings:, ...)"),
        ("a: !!python/object:os.system x", "c.yaml:1: a: YAML tags (!...) are not supported"),
        ("a: !!binary aGk=", "c.yaml:1: a: YAML tags (!...) are not supported"),
        ("a: !x {b: 1}", "c.yaml:1: a: YAML tags (!...) are not supported"),
        ("? [a]\n: 1", "c.yaml:1: a key must be a plain word"),
        ("a: 1\n---\nb: 2", "c.yaml:2: holds more than one YAML document"),
        ("a: {<<: 1}", "c.yaml:1: a: << must be followed by a mapping or a list of mappings"),
        ("a: 99999999999999999999", "c.yaml:1: a: is not a number that can be read"),
        ("a: !!int x", "c.yaml:1: a: is not a number that can be read"),
        ("a: 1.0e+999", "c.yaml:1: a: is not a number that can be read"),
        ("a: \x01", "c.yaml: not valid YAML: it contains a character that is not allowed"),
        ("a: " + "[" * 100 + "]" * 100, "c.yaml:1: nested deeper than 40 levels"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    assert refused(text) == message


def test_many_laughs_are_no_matter() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "holds more than 200000 values" in refused("\n".join(lines))


def test_nothing_is_an_empty_mapping() -> None:
    assert plain(source.parse("", "c.yaml")) == {}
    assert plain(source.parse("# only this\n", "c.yaml")) == {}


def test_files_are_read_with_care(tmp_path: Path) -> None:
    good = tmp_path / "good.yaml"
    good.write_bytes(b"\xef\xbb\xbfa: \xc3\xa9")
    assert source.read_file(good, "good.yaml") == "a: é"
    (tmp_path / "latin.yaml").write_bytes(b"a: 1\nb: \xe9")
    (tmp_path / "large.yaml").write_bytes(b"#" * (source.MAX_BYTES + 1))
    for name, message in (
        ("latin.yaml", "latin.yaml:2: not UTF-8"),
        ("large.yaml", "large.yaml: larger than 4 MB"),
        ("absent.yaml", "absent.yaml: no such file"),
        (".", ".: not a regular file"),
    ):
        with pytest.raises(ConfigError) as caught:
            source.read_file(tmp_path / name, name)
        assert str(caught.value) == message


def test_includes_are_merged_and_the_own_file_wins() -> None:
    own = source.parse("list: [1]\nmap: {a: 1, deep: {x: 1}}\nword: own", "a.yaml")
    source.merge_include(own, source.parse("list: [2]\nmap: {a: 2, b: 2, deep: {y: 2}}\nword: other\nnew: 1", "b.yaml"))
    assert plain(own) == {"list": [1, 2], "map": {"a": 1, "deep": {"x": 1, "y": 2}, "b": 2}, "word": "own", "new": 1}
