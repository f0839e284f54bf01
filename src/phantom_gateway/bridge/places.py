"""Where the SDK is installed, told from files alone: nothing of it is run to find out."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = ".venv-bridge"


class Installed(NamedTuple):
    """An interpreter and the folders of its packages, the SDK among them."""

    python: str
    site: tuple[str, ...]


def find(python: str = "") -> Installed | None:
    """The environment of the bridge: the one of ``python``, else ``.venv-bridge`` beside the gateway's own or in the working
    directory, else the gateway's own if the SDK was installed there."""
    places = _named(python) if python else _usual()
    return next((found for place in places if (found := _look(place)) is not None), None)


def _named(python: str) -> Iterator[Path]:
    path = Path(python).expanduser()
    if path.is_dir():
        yield path / "bin" / "python"
    elif len(path.parts) > 1:
        yield path
    elif command := shutil.which(python):
        yield Path(command)


def _usual() -> Iterator[Path]:
    own = Path(sys.prefix)
    yield own.parent / FOLDER / "bin" / "python"
    yield Path.cwd() / FOLDER / "bin" / "python"
    yield own / "bin" / "python"


def _look(python: Path) -> Installed | None:
    if not python.exists():
        return None
    root = python.absolute().parent.parent
    site = [path for name in ("lib", "lib64") for path in sorted((root / name).glob("python3.*/site-packages"))]
    folders = tuple(dict.fromkeys(str(path) for path in site if not path.parent.parent.is_symlink()))
    if any((Path(folder) / "litellm" / "__init__.py").is_file() for folder in folders):
        return Installed(str(python.absolute()), folders)
    return None
