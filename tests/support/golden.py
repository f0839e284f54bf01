"""Golden files: what was read, and what came of it. PHANTOM_RECORD=1 makes them anew; read the difference before it lands."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent / "golden" / "dialects"
RECORD = "PHANTOM_RECORD"


def names(kind: str, suffix: str) -> list[str]:
    """The cases of one kind."""
    found = [path.name.removesuffix(suffix) for path in sorted((ROOT / kind).glob(f"*{suffix}"))]
    return [name for name in found if not name.endswith(".expected")]


def compare(path: Path, value: Any) -> None:
    """Hold ``value`` against the file, or record it."""
    text = value if isinstance(value, str) else json.dumps(value, indent=1, ensure_ascii=False) + "\n"
    if os.environ.get(RECORD):
        path.write_text(text)
    assert path.is_file(), f"no {path.name}: record it with {RECORD}=1"
    assert path.read_text() == text, f"{path.name} differs; {RECORD}=1 records it"
