"""The control process: arguments, the data directory and its sockets; then ``control.process`` takes over.

This module imports nothing heavy: the sockets are listening before the half second of imports begins, so that early
callers queue instead of failing.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phantom_gateway.control.places import DataDirectory, DataDirectoryError

log = logging.getLogger(__name__)
SWITCH_SECONDS = 0.0005
"""The event loop answers workers; it must not wait five milliseconds for a thread that reads rows whenever it asks SQLite."""
_QUIET = ("alembic", "uvicorn", "uvicorn.error")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run control until it is told to end; 0 after a clean end, 1 when it could not start."""
    parsed = _parser().parse_args(arguments)
    os.umask(0o077)
    logging.basicConfig(
        level=parsed.log_level.upper(), format="%(asctime)s %(levelname)s control %(name)s: %(message)s"
    )
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    sys.setswitchinterval(SWITCH_SECONDS)
    places = DataDirectory(parsed.data_dir)
    try:
        places.take()
    except DataDirectoryError as error:
        log.error("control does not start: %s", error)  # noqa: TRY400 # a refusal, not a defect
        say(parsed.ready_fd, {"ready": False, "kind": "DataDirectoryError", "error": str(error)})
        return 1
    gc.disable()  # what is imported stays; looking through it again and again is a tenth of the start
    # Imported here: see above.
    from phantom_gateway.control import process

    return process.run(process.Options(places, parsed.config, dict(os.environ), parsed.ready_fd, parsed.parent_pid))


def say(descriptor: int, line: dict[str, Any]) -> None:
    """Write the one line to the supervisor, if it listens; one that is ending does not."""
    if descriptor < 0:
        return
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        pipe.write(json.dumps(line) + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m phantom_gateway.control", description="The control process.")
    parser.add_argument("--data-dir", type=Path, required=True, help="where database, keys, journals and sockets live")
    parser.add_argument("--config", type=Path, help="configuration file; without it providers are found by their keys")
    parser.add_argument("--ready-fd", type=int, default=-1, help="descriptor that gets one line of JSON")
    parser.add_argument("--parent-pid", type=int, default=os.getppid(), help="end when this is no longer the parent")
    parser.add_argument("--log-level", default="info", choices=("debug", "info", "warning", "error"))
    return parser
