"""`phantom simulate`: the simulator as a server of its own."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from phantom_gateway.simulator import MODES, Simulator


def simulate(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port to listen on; 0 takes any free one.")] = 4010,
    socket: Annotated[Path | None, typer.Option(help="Listen on this unix socket instead of TCP.")] = None,
    keep: Annotated[int, typer.Option(help="How many received requests /sim/requests can show.")] = 1000,
    list_modes: Annotated[bool, typer.Option("--list", help="Print the modes and end.")] = False,
) -> None:
    """Serve a deterministic fake provider: to try, test and load the gateway with."""
    if list_modes:
        width = max(map(len, MODES))
        for name, text in MODES.items():
            typer.echo(f"{name:<{width}}  {text}")
        return
    try:
        uvloop.run(_serve(Simulator(keep), (host, port), socket))
    except OSError as error:
        typer.echo(f"phantom simulate: {error}", err=True)
        raise typer.Exit(1) from error


async def _serve(simulator: Simulator, address: tuple[str, int], path: Path | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    host, port = address
    if path is None:
        port = await simulator.start_tcp(host, port)
        typer.echo(f"simulator on http://{host}:{port}/v1")
    else:
        await simulator.start_unix(path)
        typer.echo(f"simulator on unix socket {path}")
    await stop.wait()
    await simulator.close()
