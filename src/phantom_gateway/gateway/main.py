"""The process of one gateway worker; started by the supervisor with its listening socket inherited."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path

import uvloop

from phantom_gateway.gateway.worker import Worker
from phantom_gateway.wire.tls import server_context

_COLLECT = 20_000, 20, 100
"""Thresholds of the collector. With the usual ones a tenth of the time with 5,000 busy keys went into looking at what they hold."""


def main() -> None:
    """Parse the supervisor's arguments and run until told to stop."""
    parser = argparse.ArgumentParser(prog="phantom_gateway.gateway")
    parser.add_argument("--data-dir", type=Path, required=True)
    parser.add_argument("--slot", type=int, required=True)
    parser.add_argument("--listen-fd", type=int, required=True)
    parser.add_argument("--ready-fd", type=int, required=True)
    parser.add_argument("--grace", type=float, help="instead of the configured drain_grace")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    uvloop.run(_run(arguments))


async def _run(arguments: argparse.Namespace) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, lambda: None)
    # The supervisor holds the other end of standard input: when it dies, so do we.
    loop.add_reader(0, _orphaned, loop, stopping)
    tls = server_context(arguments.tls_cert, arguments.tls_key) if arguments.tls_cert else None
    worker = Worker(arguments.data_dir, arguments.slot)
    starting = loop.create_task(worker.start(), name="start")
    stop = loop.create_task(stopping.wait(), name="stop")
    await asyncio.wait({starting, stop}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        await starting
        # What lives now lives for ever: the collector need not look at it again, and requests make almost no cycles.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECT)
        await worker.serve(socket.socket(fileno=arguments.listen_fd), tls)
        with contextlib.suppress(BrokenPipeError):  # a supervisor that is ending does not listen
            os.write(arguments.ready_fd, json.dumps({"ready": True}).encode() + b"\n")
        os.close(arguments.ready_fd)
        await stop
    starting.cancel()
    await worker.stop(arguments.grace)


def _orphaned(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    if not os.read(0, 1):
        loop.remove_reader(0)
        stopping.set()
