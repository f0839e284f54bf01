"""How answers are shown: tables on a terminal, tab-separated text elsewhere, JSON when asked for."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from phantom_gateway.cli.remote.description import Column
from phantom_gateway.config.secret import Secret

_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:")
SHORT = 12
"""Characters of an id on a terminal, unless ``--wide``."""


def at(value: Any, path: str) -> Any:
    """What stands at a dotted ``path``, or None."""
    for step in path.split(".") if path else ():
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def as_json(answer: Any) -> None:
    """The answer as it came, indented; nothing in it moves a cursor."""
    typer.echo(json.dumps(answer, indent=2))


def rows(found: Iterable[Any], columns: Sequence[Column], *, wide: bool) -> None:
    """A table with a heading for every column."""
    lines = [[cell(at(row, column.path)) for column in columns] for row in found]
    if not sys.stdout.isatty():
        for line in ([column.heading for column in columns], *lines):
            typer.echo("\t".join(line))
        return
    table = Table(box=box.SIMPLE_HEAD)
    # on a terminal width is scarce: a column that says nothing in any row is left out
    kept = [number for number in range(len(columns)) if not lines or any(line[number] for line in lines)]
    for number in kept:
        table.add_column(columns[number].heading, min_width=len(columns[number].heading), overflow="fold")
    for line in lines:
        table.add_row(*(Text(line[n] if wide else brief(line[n], columns[n])) for n in kept))
    Console(width=10_000 if wide else None).print(table, soft_wrap=wide)


def brief(text: str, column: Column) -> str:
    """A cell for a terminal: the beginning of an id, a time to the minute."""
    if _TIME.match(text):
        return text[:16].replace("T", " ")
    return cut(text) if column.short else text


def item(found: Any) -> None:
    """One object: a line for each field that says something."""
    if not isinstance(found, Mapping):
        typer.echo(cell(found))
        return
    said = {name: value for name, value in found.items() if value is not False and value not in (None, "", [], {})}
    width = max((len(name) for name in said), default=0) if sys.stdout.isatty() else 0
    for name, value in said.items():
        typer.echo(f"{cell(name):<{width}}  {cell(value)}" if width else f"{cell(name)}\t{cell(value)}")


def secret(name: str, value: Secret) -> None:
    """Show a new secret, this once; the remark goes to standard error so that the value can be piped."""
    typer.echo(f"{name}\t{value.reveal()}")
    typer.echo("It is not shown again: keep it now.", err=True)


def cell(value: Any) -> str:
    """A value on one line, without anything a terminal would obey."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.9f}".rstrip("0").rstrip(".")
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return "".join(character if character.isprintable() else "?" for character in text)


def cut(text: str) -> str:
    """The beginning of an id."""
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"
