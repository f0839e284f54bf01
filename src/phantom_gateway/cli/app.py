"""The command ``phantom``: the list of its subcommands."""

from __future__ import annotations

import typer

from phantom_gateway.cli.check import check
from phantom_gateway.cli.init import init
from phantom_gateway.cli.serve import serve
from phantom_gateway.cli.simulate import simulate
from phantom_gateway.cli.verify import verify

app = typer.Typer(
    name="phantom",
    help="Phantom Gateway: one door in front of every model, in LiteLLM's language.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (serve, check, init, simulate, verify):
    app.command()(command)


def main() -> None:
    """Entry point of the ``phantom`` script."""
    app()
