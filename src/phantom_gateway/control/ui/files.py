"""The files of the Admin UI: read once, held in memory, compressed once.

The build (``make ui``) leaves ``index.html`` and ``assets/`` with names that contain a digest of what is in them: such a file
never changes, so browsers keep it for ever. The page that names them is never kept. Every path that is no file is the page:
what it shows is the business of the router in it.
"""

from __future__ import annotations

import gzip
import html
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

BUILT = Path(__file__).parent / "dist"
"""Where the build leaves its files."""
INDEX = "index.html"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
_COMPRESSED = (".html", ".js", ".css", ".svg", ".txt")
_BASE = re.compile(rb'<base href="[^"]*" ?/?>')

NOT_BUILT = b"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Phantom Gateway</title></head>
<body><h1>The Admin UI has not been built</h1>
<p>The gateway works; its pages are not there yet. In the source tree run:</p>
<pre>make ui</pre>
<p>It needs Node.js 20.19 or newer (or the one that <code>make ui</code> installs beside Python) and the npm registry.
Then start the gateway anew. Until then everything can be done with the admin API and the <code>phantom</code> command.</p>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    content_type: str
    body: bytes
    compressed: bytes | None
    """The same with gzip, where that is worth it."""
    kept: bool
    """Whether browsers may keep it for ever."""


@dataclass(slots=True)
class UiFiles:
    """All files below ``folder``; an empty or missing folder is a UI that has not been built."""

    folder: Path = BUILT
    _assets: dict[str, Asset] = field(default_factory=dict)

    @property
    def built(self) -> bool:
        """Whether there is a UI at all."""
        return (self.folder / INDEX).is_file()

    def asset(self, path: str) -> Asset | None:
        """The file at ``path`` below ``/ui/``; ``None`` where there is none. Raises OSError when it cannot be read."""
        known = self._assets.get(path)
        if known is None:
            found = self._listed().get(path)
            if found is None:
                return None
            known = self._assets[path] = _asset(found.read_bytes(), found.suffix, kept=path.startswith("assets/"))
        return known

    def page(self, root_path: str) -> Asset:
        """The page, for a gateway that is reached below ``root_path`` (without a slash at its end)."""
        if not self.built:
            return _asset(NOT_BUILT, ".html", kept=False)
        base = f'<base href="{html.escape(quote(root_path))}/ui/" />'.encode()
        body = (self.folder / INDEX).read_bytes()
        return _asset(_BASE.sub(lambda _: base, body, count=1), ".html", kept=False)

    def _listed(self) -> dict[str, Path]:
        # What a request names is looked up among names that exist: no path of a stranger reaches the file system.
        return {path.relative_to(self.folder).as_posix(): path for path in self.folder.rglob("*") if path.is_file()}


def _asset(body: bytes, suffix: str, *, kept: bool) -> Asset:
    compressed = gzip.compress(body, 9, mtime=0) if suffix in _COMPRESSED and len(body) > 1024 else None
    return Asset(_TYPES.get(suffix, "application/octet-stream"), body, compressed, kept)
