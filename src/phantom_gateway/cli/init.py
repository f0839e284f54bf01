"""``phantom init``: write a commented configuration to start from."""

from __future__ import annotations

import os
import secrets
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

TEMPLATE = "config_template.yaml"
MODE = 0o600


def template() -> str:
    """The text of the starting configuration; ``config.yaml`` of the repository is the same."""
    return resources.files("phantom_gateway.cli").joinpath(TEMPLATE).read_text(encoding="utf-8")


def write_config(path: Path, *, force: bool = False) -> None:
    """Write the template to ``path``, readable by its owner only, whole or not at all.

    Raises FileExistsError when there is something at ``path`` and ``force`` is not set, OSError when it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(template())
            file.flush()
            os.fsync(file.fileno())
        if force:
            temporary.replace(path)
        else:
            os.link(temporary, path)  # fails when path exists, unlike a rename
    finally:
        temporary.unlink(missing_ok=True)


def init(
    path: Annotated[Path, typer.Option("--path", "-p", help="Where to write the configuration.")] = Path("config.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Replace what is there.")] = False,
) -> None:
    """Write a commented configuration to start from."""
    try:
        write_config(path, force=force)
    except FileExistsError:
        typer.echo(f"{path} exists; --force replaces it", err=True)
        raise typer.Exit(1) from None
    except OSError as error:
        typer.echo(f"{path} cannot be written: {error.strerror}", err=True)
        raise typer.Exit(1) from None
    typer.echo(f"{path} written. Next: phantom check --config {path}, then phantom serve --config {path}")
