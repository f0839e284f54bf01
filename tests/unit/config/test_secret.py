from __future__ import annotations

import copy
import json
import pickle  # noqa: TID251 - it must fail

import msgspec
import pytest

from phantom_gateway.config.secret import Secret

SECRET = Secret("hunter2")


def test_it_is_never_shown() -> None:
    assert {str(SECRET), repr(SECRET), f"{SECRET}", f"{SECRET:>10}", "%s" % SECRET, f"{SECRET!r}"} == {"***"}  # noqa: UP031
    assert "hunter2" not in repr([SECRET, {"a": SECRET}])


def test_it_is_never_serialised() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(SECRET)
    with pytest.raises(TypeError):
        copy.deepcopy(SECRET)
    with pytest.raises(TypeError):
        json.dumps(SECRET)
    with pytest.raises(TypeError):
        msgspec.json.encode(SECRET)


def test_the_one_way_to_it() -> None:
    assert SECRET.reveal() == "hunter2"


def test_it_is_equal_to_the_same_secret_only() -> None:
    assert Secret("hunter2") == SECRET
    assert hash(Secret("hunter2")) == hash(SECRET)
    assert Secret("hunter3") != SECRET
    assert SECRET != "hunter2"
    assert Secret("ключ") == Secret("ключ")


def test_an_empty_one_is_false() -> None:
    assert not Secret("")
    assert SECRET
