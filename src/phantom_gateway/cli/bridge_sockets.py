"""The sockets of the bridge: held by the supervisor for as long as control plans them, served by whatever keeper is alive.

As with the workers' sockets: while a keeper is being replaced, connections wait and none is refused.
"""

from __future__ import annotations

import contextlib
import logging
import socket
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.bridge.inside.link import Link
from phantom_gateway.spine.bridge import BridgePlan, plan_of, socket_path, written

if TYPE_CHECKING:
    from pathlib import Path

log = logging.getLogger("phantom.supervisor")

BACKLOG = 1024


class BridgeSockets:
    """All of them, and the line to the keeper."""

    def __init__(self, data_dir: Path) -> None:
        self._run = data_dir / "run"
        self._plan: BridgePlan | None = None
        self._sockets: dict[str, socket.socket] = {}
        self._link: Link | None = None
        self._theirs: Link | None = None
        self._told: set[str] = set()

    @property
    def needed(self) -> bool:
        """Whether there is anything for a keeper to do."""
        return bool(self._sockets)

    def take(self, value: Any) -> None:
        """Open and close sockets as control plans it. Unusable plans are logged and change nothing."""
        try:
            plan = plan_of(value)
        except msgspec.ValidationError:
            log.exception("control and the supervisor are not of one release; the bridge stays as it is")
            return
        self._plan = plan
        wanted = {slot.id for slot in plan.slots}
        for name in [each for each in self._sockets if each not in wanted]:
            self._close(name)
        for name in sorted(wanted - self._sockets.keys()):
            self._open(name)
        self._tell()

    def prepare(self) -> tuple[list[str], tuple[int, ...]]:
        """A new line for a keeper that is about to start: its arguments, and the descriptors they name."""
        self.hang_up()
        self._link, self._theirs = Link.pair()
        self._told = set()
        self._link.sock.settimeout(5)  # a keeper that does not read is no reason to stand still
        fd = self._theirs.fileno()
        return ["--link-fd", str(fd)], (fd,)

    def started(self) -> None:
        """The keeper is there: tell it everything."""
        if self._theirs is not None:
            self._theirs.close()
            self._theirs = None
        self._tell()

    def hang_up(self) -> None:
        """The keeper is gone, or is to go."""
        for link in (self._link, self._theirs):
            if link is not None:
                link.close()
        self._link = self._theirs = None

    def close(self) -> None:
        """At the end of all."""
        self.hang_up()
        for name in list(self._sockets):
            self._close(name)

    def _tell(self) -> None:
        if self._link is None or self._theirs is not None or self._plan is None:
            return
        try:
            self._link.send({"settings": written(self._plan.settings), "slots": sorted(self._sockets)})
            for slot in self._plan.slots:
                if slot.id in self._sockets and slot.id not in self._told:
                    self._link.send({"slot": written(slot)}, (self._sockets[slot.id].fileno(),))
                    self._told.add(slot.id)
            self._told &= self._sockets.keys()
        except OSError:
            log.warning("the keeper of the bridge does not listen; the next one will be told")

    def _open(self, name: str) -> None:
        path = socket_path(self._run, name)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            path.unlink(missing_ok=True)
            sock.bind(str(path))
            path.chmod(0o600)
            sock.listen(BACKLOG)
        except OSError as error:
            sock.close()
            log.error("cannot listen on %s: %s", path, error.strerror or error)  # noqa: TRY400 - the message is the whole story
            return
        sock.setblocking(False)
        self._sockets[name] = sock

    def _close(self, name: str) -> None:
        self._sockets.pop(name).close()
        with contextlib.suppress(OSError):
            socket_path(self._run, name).unlink(missing_ok=True)
