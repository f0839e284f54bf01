"""The control process from its first answer to its end: signals, the word to the supervisor, the watch on it.

Ready or not is said once, as one line of JSON on the descriptor the supervisor gave: ``{"ready": true, ...}`` when
everything answers, else ``{"ready": false, "error": "..."}``. A master key that this start has made travels in that line
and nowhere else. The process ends by SIGTERM or SIGINT, or when the process that started it is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import time
from collections.abc import MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvloop

from phantom_gateway.config.errors import ConfigError
from phantom_gateway.control.bridge_plan import Tell
from phantom_gateway.control.main import say
from phantom_gateway.control.membership import NotAloneError
from phantom_gateway.control.places import DataDirectory
from phantom_gateway.control.runtime import Control
from phantom_gateway.security.envelope import SealedError
from phantom_gateway.security.keyring import KeyringError
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.store.facts import WrongPepperError
from phantom_gateway.store.schema import SchemaError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

PARENT_SECONDS = 0.5
COLLECT = 10_000, 20, 20
"""Thresholds of the collector: with the usual ones it takes a sixth of the time in which journals are taken in."""
_REFUSALS = (
    ConfigError, KeyringError, SealedError, SchemaError, WrongPepperError, NotAloneError, DatabaseError, OSError
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Options:
    """What control is started with."""

    places: DataDirectory
    """Taken already."""
    config: Path | None
    environment: MutableMapping[str, str]
    ready_fd: int
    parent_pid: int


def run(options: Options) -> int:
    """Run control until it is told to end; 0 after a clean end, 1 when it could not start."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(options))


async def _run(options: Options) -> int:
    began = time.monotonic()
    control = Control(options.places, options.config, options.environment, _teller(options.ready_fd))
    try:
        await control.start()
    except _REFUSALS as error:
        message = str(error) or type(error).__name__
        log.error("control does not start: %s", message)  # noqa: TRY400 # a refusal, not a defect
        say(options.ready_fd, {"ready": False, "kind": type(error).__name__, "error": message})
        return 1
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, control.reloader.request)
    say(options.ready_fd, _readiness(control, time.monotonic() - began))
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT)
    gc.enable()
    await _stopped(stop, options.parent_pid)
    await control.stop()
    return 0


def _teller(descriptor: int) -> Tell | None:
    """Writes further lines to the supervisor, as long as this process lives."""
    if descriptor < 0:
        return None
    own = os.dup(descriptor)  # the first is closed with the word that says ready

    def tell(line: dict[str, Any]) -> None:
        data = memoryview(json.dumps(line).encode() + b"\n")
        with contextlib.suppress(BrokenPipeError):  # a supervisor that is ending does not listen
            while data:
                data = data[os.write(own, data) :]

    return tell


def _readiness(control: Control, seconds: float) -> dict[str, Any]:
    master = control.loader.master
    return {
        "ready": True,
        "pid": os.getpid(),
        "revision": control.configuration.snapshot.revision,
        "models": list(dict.fromkeys(each.group for each in control.configuration.snapshot.deployments)),
        "master_key": master.secret.reveal() if master.generated else None,
        "drain_grace_s": control.configuration.snapshot.settings.drain_grace_s,
        "master_key_source": master.source,
        "notes": list(control.configuration.notes),
        "seconds": round(seconds, 3),
    }


async def _stopped(stop: asyncio.Event, parent: int) -> None:
    """Return when a signal came or the parent is gone.

    The parent is asked for rather than signalled: PR_SET_PDEATHSIG fires when the *thread* that started us ends, and Linux
    alone has it.
    """
    waiting = TaskGroup()
    signalled = waiting.spawn(stop.wait(), "wait for a signal")
    while not signalled.done():
        if os.getppid() != parent:
            log.warning("the supervisor is gone; ending")
            break
        await asyncio.wait((signalled,), timeout=PARENT_SECONDS)
    await waiting.cancel()
