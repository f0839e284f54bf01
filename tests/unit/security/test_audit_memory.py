from __future__ import annotations

import stat
from pathlib import Path

import pytest

from phantom_gateway.security import audit_memory
from phantom_gateway.security.audit_chain import Head
from phantom_gateway.security.audit_memory import RememberedHeadError


def test_what_is_written_is_remembered(tmp_path: Path) -> None:
    assert audit_memory.read(tmp_path) is None
    for head in (Head(1, "a" * 64), Head(2, "b" * 64)):
        audit_memory.write(tmp_path, head)
        assert audit_memory.read(tmp_path) == head
    assert [path.name for path in tmp_path.iterdir()] == [audit_memory.NAME]
    assert stat.S_IMODE((tmp_path / audit_memory.NAME).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"seq": "1", "hash": "a"}', b'{"seq": 1, "hash": "x"}', b"\xff", b'{"seq": -1}']
)
def test_nonsense_is_not_taken_for_a_first_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / audit_memory.NAME).write_bytes(content)
    with pytest.raises(RememberedHeadError, match="damaged"):
        audit_memory.read(tmp_path)
