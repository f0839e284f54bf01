from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.gateway import json_object
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.json_object import CLOSE, MAX_FIELDS, decoded

FILL = "x" * CLOSE


def refused(body: bytes) -> str:
    with pytest.raises(ApiError) as caught:
        decoded(body)
    assert (caught.value.status, caught.value.param) == (400, "request_body")
    return caught.value.message


@pytest.mark.parametrize("indent", [None, 0, 1, 4])
def test_a_large_body_may_be_written_in_any_way(indent: int | None) -> None:
    value = {"model": "m", "x": FILL, "y": [{"a": 1}, "\u00e9"]}
    found = decoded(json.dumps(value, indent=indent).encode() + b"\n")
    assert {name: json.loads(bytes(raw)) for name, raw in found.items()} == value
    assert {type(name) for name in found} == {str}


@pytest.mark.parametrize("space", [b"", b" ", b"\n  "])
def test_a_large_body_repeats_no_key(space: bytes) -> None:
    fill = FILL.encode()
    assert "repeats" in refused(b'{"model":"a",%b"x":"%b",%b"model":"b"}' % (space, fill, space))
    assert "escapes" in refused(b'{"m\\u006fdel":"a",%b"x":"%b"}' % (space, fill))


def test_the_fields_of_a_large_body_are_counted_and_never_all_read() -> None:
    """Half a million fields are given up at the first too many."""
    few = {f"f{number}": FILL if number == 0 else number for number in range(MAX_FIELDS)}
    assert len(decoded(json.dumps(few).encode())) == MAX_FIELDS
    many = b'{"model":"m",' + b",".join(b'"%d":1' % number for number in range(500_000)) + b"}"
    assert str(MAX_FIELDS) in refused(many)


@pytest.mark.parametrize("items", [b'{"a":1}', b"1", b'["a"]'])
def test_a_large_body_is_never_read_value_by_value(items: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_object, "_inspect", None)
    body = b'{ "model":"m","x":[' + b",".join([items] * (CLOSE // len(items))) + b"]}"
    assert decoded(body).keys() == {"model", "x"}


@given(
    st.dictionaries(st.text(max_size=5), st.integers() | st.text() | st.lists(st.integers()), max_size=5),
    st.sampled_from([None, 0, 2]),
    st.booleans(),
)
def test_small_and_large_bodies_are_read_alike(value: dict[str, object], indent: int | None, escaped: bool) -> None:
    """What a large body may not have is escapes in its keys."""
    for each in (value, value | {"fill": FILL}):
        text = json.dumps(each, indent=indent, ensure_ascii=escaped).encode()
        if len(text) > CLOSE and not all(f'"{name}":' in text.decode() and "\\" not in name for name in each):
            continue
        found = decoded(text)
        assert {name: json.loads(bytes(raw)) for name, raw in found.items()} == each
