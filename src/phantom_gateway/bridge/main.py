"""The keeper's process; started by the supervisor with the end of a link, and a descriptor on which it says that it is there."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence

from phantom_gateway.bridge.inside.link import Link
from phantom_gateway.bridge.keeper import Keeper


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until the supervisor wants the end, or is gone."""
    parser = argparse.ArgumentParser(prog="python -m phantom_gateway.bridge", description="The keeper of the bridge.")
    parser.add_argument("--link-fd", type=int, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    parsed = parser.parse_args(arguments)
    os.umask(0o077)
    os.set_inheritable(parsed.link_fd, False)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each call of a child has connections here
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if not sys.platform.startswith("linux"):
        _say(parsed.ready_fd, {"ready": False, "error": "the bridge runs on Linux only"})
        return 1
    asyncio.run(_run(Link.of(parsed.link_fd), parsed.ready_fd))
    return 0


async def _run(link: Link, ready_fd: int) -> None:
    keeper = Keeper(link)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, keeper.stop)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    _say(ready_fd, {"ready": True})
    await keeper.run()


def _say(descriptor: int, line: dict[str, object]) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(descriptor, "w", encoding="utf-8") as pipe:
        pipe.write(json.dumps(line) + "\n")
