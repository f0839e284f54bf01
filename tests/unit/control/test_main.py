from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import phantom_gateway
from phantom_gateway.control.main import main, say
from phantom_gateway.control.places import DataDirectory


def test_the_sockets_come_before_the_heavy_imports() -> None:
    """Whoever connects while FastAPI and SQLAlchemy are still loading waits instead of failing."""
    script = (
        "import sys, phantom_gateway.control.main\n"
        "print([name for name in ('fastapi', 'sqlalchemy', 'pydantic', 'uvicorn', 'alembic', 'yaml') if name in sys.modules])"
    )
    environment = {"PYTHONPATH": str(Path(phantom_gateway.__file__).parents[1])}
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    assert answer.stdout.strip() == "[]"


def test_a_directory_in_use_is_refused(tmp_path: Path) -> None:
    holder = DataDirectory(tmp_path)
    holder.take()
    reader, writer = os.pipe()
    assert main(["--data-dir", str(tmp_path), "--ready-fd", str(writer)]) == 1
    with os.fdopen(reader) as pipe:
        line = json.loads(pipe.read())
    assert line["ready"] is False
    assert "another instance" in line["error"]
    holder.release()


def test_without_a_listener_nothing_is_said() -> None:
    say(-1, {"ready": True})


def test_a_data_directory_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])
    assert "--data-dir" in capsys.readouterr().err
