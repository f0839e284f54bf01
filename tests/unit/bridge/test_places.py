"""Where the SDK is looked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support import fake_sdk

from phantom_gateway.bridge import places


def test_an_environment_is_found_by_its_python_or_its_folder(tmp_path: Path) -> None:
    python = fake_sdk.install(tmp_path / "env")
    for written in (str(python), str(tmp_path / "env")):
        found = places.find(written)
        assert found is not None
        assert found.python == str(python)
        assert [Path(each).name for each in found.site] == ["site-packages"]


def test_one_without_the_sdk_is_none(tmp_path: Path) -> None:
    python = fake_sdk.install(tmp_path / "env")
    (next((tmp_path / "env").rglob("litellm/__init__.py"))).unlink()
    assert places.find(str(python)) is None
    assert places.find(str(tmp_path / "nowhere" / "bin" / "python")) is None
    assert places.find("no-such-command-anywhere") is None


def test_the_usual_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.prefix", str(tmp_path / "elsewhere" / ".venv"))
    assert places.find() is None
    here = fake_sdk.install(tmp_path / places.FOLDER)
    found = places.find()
    assert found is not None
    assert found.python == str(here)
    beside = fake_sdk.install(tmp_path / "elsewhere" / places.FOLDER)
    found = places.find()
    assert found is not None
    assert found.python == str(beside)
