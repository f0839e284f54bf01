"""Every secret a test has entered, and the proof that none of them lies on the disk.

A test that brings a new way for a secret to enter calls ``entered`` with it; ``assert_absent`` then looks through every byte
of the data directory, in every form in which a secret is likely to be left behind.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

KEY_FILES = frozenset({"keys/root.key", "keys/master.key"})
"""What is a secret by itself: mode 0600, and excluded here by name."""


class Entered:
    """The secrets of one installation."""

    def __init__(self) -> None:
        self._secrets: dict[str, str] = {}

    def entered(self, name: str, secret: str) -> str:
        """Remember a secret under a name for the message of a failure; returns it."""
        assert len(secret) >= 12, "too short to be looked for"
        self._secrets[name] = secret
        return secret

    def assert_absent(self, data_dir: Path) -> None:
        """No file below ``data_dir``, nor its name, contains any secret in any form. Raises AssertionError with the places."""
        needles = [(name, form, needle) for name, secret in self._secrets.items() for form, needle in forms(secret)]
        assert needles
        found, examined = [], 0
        for path in sorted(data_dir.rglob("*")):
            place = path.relative_to(data_dir).as_posix()
            if place in KEY_FILES or not path.is_file():
                continue
            examined += 1
            content = path.read_bytes() + b"\n" + place.encode()
            found += [f"{place}: {name} as {form}" for name, form, needle in needles if needle in content]
        assert examined, f"there is nothing in {data_dir}"
        assert not found, "\n".join(found)


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """What to look for, each with its name: the text, its encodings, and digests anybody could compute."""
    plain = secret.encode()
    yield "text", plain
    yield "UTF-16", secret.encode("utf-16-le")
    yield "JSON", json.dumps(secret)[1:-1].encode()
    yield "hex", plain.hex().encode()
    for shift in range(3):
        # The middle of base64 at each of the three alignments; what surrounds it does not matter.
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield "base64", encode(b"\0" * shift + plain)[4 if shift else 0 : -4]
    for name in ("md5", "sha1", "sha256", "sha512"):
        digest = hashlib.new(name, plain).digest()
        yield name, digest
        yield name, digest.hex().encode()
