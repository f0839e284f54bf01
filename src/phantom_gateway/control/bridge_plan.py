"""What of a snapshot is the bridge's, told to the supervisor before any worker can ask for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from phantom_gateway.spine.bridge import BridgePlan, socket_path, written
from phantom_gateway.spine.snapshot import Snapshot

WAIT_S = 2.0
"""For the supervisor to open the sockets; it takes a moment of which nothing is usually seen."""
LOOK_S = 0.005

Tell = Callable[[dict[str, Any]], None]


def plan_of(snapshot: Snapshot) -> BridgePlan:
    """The credentials that have no adapter, each once."""
    slots = {each.bridge.id: each.bridge for each in snapshot.deployments if each.bridge is not None}
    return BridgePlan(settings=snapshot.bridge, slots=tuple(slots[name] for name in sorted(slots)))


class BridgePlanner:
    """Tells what is new. ``tell`` writes a line to the supervisor; without one there is no bridge."""

    def __init__(self, tell: Tell | None, data_dir: Path) -> None:
        self._tell = tell
        self._run = data_dir / "run"
        self._last: BridgePlan | None = None

    async def tell(self, snapshot: Snapshot) -> None:
        """Returns when the sockets are there that workers are going to ask for, or after a while."""
        plan = plan_of(snapshot)
        if self._tell is None or plan == self._last or not (plan.slots or (self._last and self._last.slots)):
            return
        self._last = plan
        await asyncio.to_thread(self._tell, {"bridge": written(plan)})
        deadline = time.monotonic() + WAIT_S
        while not all(socket_path(self._run, slot.id).exists() for slot in plan.slots):
            if time.monotonic() > deadline:
                return
            await asyncio.sleep(LOOK_S)
