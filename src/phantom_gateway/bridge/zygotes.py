"""The process that children are forked from, seen by the keeper."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from phantom_gateway.bridge.inside.link import Link, LinkError, Said

if TYPE_CHECKING:
    from phantom_gateway.bridge.places import Installed
    from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger("phantom.bridge")

ROOT = Path(__file__).resolve().parent.parent
BOOT = """
import sys, types
package = types.ModuleType("phantom_gateway")
package.__path__ = [sys.argv[2]]
sys.modules["phantom_gateway"] = package
from phantom_gateway.bridge.inside import zygote
zygote.main(int(sys.argv[1]))
"""
"""Makes our package known without a folder that holds any other."""
MAX_WORDS = 4000
GONE_S, SOON_S = 5.0, 0.5


class ZygoteError(Exception):
    """There is no zygote; the message is for the operator and the caller."""


class ZygoteKilled(ZygoteError):
    """It was ended from outside before it was ready; the next one may live."""


class Zygote:
    """One. ``ended`` is set when it is gone or never came to be."""

    def __init__(
        self,
        installed: Installed,
        temporary: Path,
        tasks: TaskGroup,
        *,
        required: bool = False,
        readable: tuple[str, ...] = (),
    ) -> None:
        self._installed = installed
        self._temporary = temporary
        self._required = required
        self._readable = readable
        self._tasks = tasks
        self._link: Link | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._words = bytearray()
        self.ended = asyncio.Event()
        self.ready = False

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None, "asked only after start"
        return self._process.pid

    async def start(self, patience_s: float) -> Said:
        """What it says when it is ready. Raises ZygoteError."""
        link, theirs = Link.pair()
        fd = theirs.fileno()
        try:
            # Its environment is empty, and no site folder is read before the sandbox stands.
            self._process = await asyncio.create_subprocess_exec(
                self._installed.python, "-I", "-S", "-B", "-X", "utf8", "-c", BOOT, str(fd), str(ROOT),
                env={}, cwd="/", pass_fds=(fd,), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            link.close()
            self.ended.set()
            raise ZygoteError(f"{self._installed.python} does not start: {error.strerror}") from error
        finally:
            theirs.close()
        self._link = link
        wanted = {"temporary": str(self._temporary), "required": self._required, "readable": list(self._readable)}
        link.send({"site": list(self._installed.site), **wanted})
        self._tasks.spawn(self._listen(self._process), "words of the zygote")
        self._tasks.spawn(self._watch(self._process), "end of the zygote")
        said = await receive(link, patience_s)
        if said is None or "ready" not in said.message:
            if said is None and await self.gone(SOON_S) and (self._process.returncode or 0) < 0:
                raise ZygoteKilled("it was killed while it started")
            reason = said.message.get("failed") if said else f"it ended or took too long{self._last_words()}"
            self.kill()
            raise ZygoteError(str(reason))
        self.ready = True
        return said

    def ask_for_child(self, message: dict[str, object], fds: tuple[int, ...]) -> None:
        """Ask for a child. Raises ZygoteError."""
        try:
            assert self._link is not None, "asked only after start"
            self._link.send(message, fds)
        except OSError as error:
            raise ZygoteError("the zygote is gone") from error

    def kill(self) -> None:
        """End it, and with it its children."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        if self._link is not None:
            self._link.close()

    async def gone(self, patience_s: float = GONE_S) -> bool:
        """Whether its process is no more, now or after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.ended.wait()
        return self.ended.is_set()

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        self.kill()
        self.ended.set()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Its last words are worth knowing when it does not come to be: then no secret is known there. Later ones are not kept."""
        assert process.stderr is not None, "asked for above"
        while data := await process.stderr.read(4096):
            self._words += data
            del self._words[:-MAX_WORDS]

    def _last_words(self) -> str:
        text = bytes(self._words).decode("utf-8", "replace").strip()
        return f": {text[-600:]}" if text else ""


async def probe(installed: Installed) -> tuple[list[str], list[str]]:
    """The walls that stand on this machine, and why others do not; nothing of the SDK is loaded. Raises ZygoteError."""
    link, theirs = Link.pair()
    try:
        process = await asyncio.create_subprocess_exec(
            installed.python, "-I", "-S", "-B", "-c", BOOT, str(theirs.fileno()), str(ROOT),
            env={}, cwd="/", pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()
        link.send({"site": [], "temporary": "/nonexistent", "probe": True})
        said = await receive(link, GONE_S)
        await process.wait()
    except OSError as error:
        raise ZygoteError(f"{installed.python} does not start: {error.strerror}") from error
    finally:
        theirs.close()
        link.close()
    if said is None:
        raise ZygoteError(f"{installed.python} does not start, or says nothing")
    return [str(each) for each in said.message.get("layers", ())], [
        str(each) for each in said.message.get("missing", ())
    ]


async def receive(link: Link, patience_s: float) -> Said | None:
    """The next message, or None: there is none in time, or the other side is gone."""
    loop = asyncio.get_running_loop()
    readable: asyncio.Future[None] = loop.create_future()
    link.sock.setblocking(False)
    loop.add_reader(link.fileno(), lambda: None if readable.done() else readable.set_result(None))
    try:
        async with asyncio.timeout(patience_s):
            await readable
        return link.receive()
    except (TimeoutError, LinkError, OSError):
        return None
    finally:
        loop.remove_reader(link.fileno())


def memory_of(pid: int) -> tuple[int, int]:
    """Resident bytes of a process, and those of its data; zeros when it is gone."""
    try:
        words = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
        page = os.sysconf("SC_PAGE_SIZE")
        return int(words[1]) * page, int(words[5]) * page
    except (OSError, IndexError, ValueError):
        return 0, 0
