from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def chosen(*folders: Path) -> str:
    """What tools/python.sh prints when nothing but these folders and the system's tools are on PATH."""
    script = f'type() {{ for d in {" ".join(map(str, folders))}; do [ -x "$d/$2" ] && echo "$d/$2"; done; }}; . tools/python.sh'
    answer = subprocess.run(
        ["bash", "-c", script], cwd=ROOT, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True, timeout=60
    )
    return answer.stdout.strip()


def command(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_what_cannot_make_environments_drops_out(tmp_path: Path) -> None:
    command(tmp_path / "shims", "python3.13", "echo 'not installed' >&2; exit 127")
    command(tmp_path / "old", "python3", f"exec {sys.executable} -c 'import sys; sys.exit(1)'")
    command(tmp_path / "bare", "python3.12", f'exec {sys.executable} -c "ensurepip = None; raise ImportError"')
    assert chosen(tmp_path / "shims", tmp_path / "old", tmp_path / "bare") == ""
    command(tmp_path / "good", "python3", f'exec {sys.executable} "$@"')
    assert chosen(tmp_path / "shims", tmp_path / "good") == os.path.realpath(sys.executable)


def test_nothing_is_chosen_where_there_is_nothing(tmp_path: Path) -> None:
    assert chosen(tmp_path) == ""
