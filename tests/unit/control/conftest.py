"""A control in a temporary directory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.control.rig import Rig, rig


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Rig]:
    """Running, empty, without workers."""
    async with rig(tmp_path) as made:
        yield made
