"""The command ``phantom``: the list of its subcommands.

Each subcommand is imported when it is asked for: ``phantom serve`` must be up in two seconds and has no use for the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module

import typer

_GROUPS = "phantom_gateway.cli.remote.groups"
_COMMANDS = {
    "serve": ("phantom_gateway.cli.serve", "serve", "Serve the gateway."),
    "check": ("phantom_gateway.cli.check", "check", "Check a configuration and show what it would run."),
    "init": ("phantom_gateway.cli.init", "init", "Write a commented starting configuration."),
    "simulate": ("phantom_gateway.cli.simulate", "simulate", "Serve a deterministic fake provider."),
    "audit": ("phantom_gateway.cli.audit", "app", "Verify, show or export the audit log."),
    "keys": (_GROUPS, "keys", "List, make and change keys."),
    "users": (_GROUPS, "users", "List, make, change and invite users."),
    "teams": (_GROUPS, "teams", "List, make and change teams and their members."),
    "orgs": (_GROUPS, "orgs", "List, make and change organisations and their members."),
    "models": (_GROUPS, "models", "List, add and delete models."),
    "budgets": (_GROUPS, "budgets", "List, make and change budgets."),
    "customers": (_GROUPS, "customers", "List, make and change customers."),
    "tags": (_GROUPS, "tags", "List, make and delete tags."),
    "sessions": (_GROUPS, "sessions", "Show where people are signed in, and end that."),
    "spend": ("phantom_gateway.cli.remote.overview", "spend", "Show what was spent."),
    "whoami": ("phantom_gateway.cli.remote.overview", "whoami", "Show which gateway is asked, and as whom."),
    "verify": ("phantom_gateway.cli.verify", "verify_command", "Prove that journals, rows and totals agree."),
}


def build(wanted: str | None) -> typer.Typer:
    """The application; only the command ``wanted`` is imported, all of them are listed."""
    app = typer.Typer(
        name="phantom",
        help="Phantom Gateway: one door in front of every model, in LiteLLM's language.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def main_callback() -> None:
        """One door in front of every model, in LiteLLM's language."""

    for name, (module, function, text) in _COMMANDS.items():
        command: Callable[..., None] | typer.Typer = _named_only
        if name == wanted:
            command = getattr(import_module(module), function)
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, help=text)
        else:
            app.command(name, help=text)(command)
    return app


def _named_only() -> None:
    """Stands in the list for a command that was not asked for."""


def main() -> None:
    """Entry point of the ``phantom`` script."""
    build(next((word for word in sys.argv[1:] if not word.startswith("-")), None))()
