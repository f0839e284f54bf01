"""From a description to a command of the command line."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any

import typer

from phantom_gateway.cli.remote import output
from phantom_gateway.cli.remote.api import Access, ApiError, UsageError, access, call
from phantom_gateway.cli.remote.description import Command, Given, Group, Kind
from phantom_gateway.cli.serve import data_dir_default
from phantom_gateway.config.secret import Secret

COMMON: dict[str, tuple[Any, Any]] = {
    "url": (
        Annotated[
            str | None, typer.Option(help="The gateway. Default: $PHANTOM_URL, $LITELLM_PROXY_URL, 127.0.0.1:4000")
        ],
        None,
    ),
    "key_file": (
        Annotated[
            Path | None,
            typer.Option(help="A file (mode 0600) with the key. Default: $PHANTOM_API_KEY, $LITELLM_PROXY_API_KEY"),
        ],
        None,
    ),
    "data_dir": (
        Annotated[
            Path | None,
            typer.Option(help="Where a gateway of this machine keeps its master key, used without another."),
        ],
        None,
    ),
    "timeout": (Annotated[float, typer.Option(help="Seconds to wait for the answer.", min=0.1, max=3600)], 30.0),
    "as_json": (Annotated[bool, typer.Option("--json", help="Write the gateway's answer as JSON.")], False),
    "wide": (Annotated[bool, typer.Option(help="Do not cut ids on a terminal.")], False),
}
"""The options of every command that asks a gateway."""
_TYPES = {Kind.INTEGER: int, Kind.NUMBER: float, Kind.FLAG: bool}
_LISTS = (Kind.NAMES, Kind.SETTINGS)
_HASH = re.compile(r"[0-9a-f]{64}\Z")
_KEY_START = "sk-"


def typer_of(group: Group) -> typer.Typer:
    """``phantom <group>`` with its commands."""
    app = typer.Typer(no_args_is_help=True)
    for command in group.commands:
        app.command(command.name, help=command.help)(function_of(group, command))
    return app


def function_of(group: Group, command: Command) -> Callable[..., None]:
    """A function whose parameters are those of the description."""

    def run(**values: Any) -> None:
        shown = output_of(values)
        with_failures(f"{group.name} {command.name}", lambda: perform(opened(values), command, values, shown))

    parameters = {given.name: _parameter(given) for given in command.given} | COMMON
    return with_parameters(run, parameters)


def with_parameters(function: Callable[..., None], parameters: dict[str, tuple[Any, Any]]) -> Callable[..., None]:
    """Give ``function`` the signature that typer reads: annotation and default by name."""
    listed = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in parameters.items()
    ]
    function.__signature__ = Signature(listed)  # type: ignore[attr-defined]
    function.__annotations__ = {name: annotation for name, (annotation, _) in parameters.items()}
    return function


def opened(values: dict[str, Any]) -> Access:
    """The gateway that the common options name. Raises UsageError."""
    data_dir = values["data_dir"] or data_dir_default()
    return access(values["url"], values["key_file"], data_dir, values["timeout"])


def output_of(values: dict[str, Any]) -> tuple[bool, bool]:
    """Whether JSON is wanted, and whether ids stay whole."""
    return values["as_json"], values["wide"]


def with_failures(name: str, work: Callable[[], None]) -> None:
    """Run ``work``; a failure is one line and the exit code 1, wrong usage 2."""
    try:
        work()
    except ApiError as error:
        typer.echo(f"phantom {name}: {error}", err=True)
        raise typer.Exit(1) from error
    except UsageError as error:
        typer.echo(f"phantom {name}: {error}", err=True)
        raise typer.Exit(2) from error


def perform(opened: Access, command: Command, values: dict[str, Any], shown: tuple[bool, bool]) -> None:
    """Ask, and show the answer. Raises ApiError, UsageError."""
    as_json, wide = shown
    fields = request_of(opened, command, values)
    query, body = (fields, None) if command.method == "GET" else (None, fields)
    answer = call(opened, command.method, command.path, query, body)
    if as_json:
        output.as_json(answer)
        return
    found = output.at(answer, command.at)
    if command.columns:
        output.rows(found or (), command.columns, wide=wide)
        _tell_of_pages(answer)
    elif command.said:
        typer.echo(command.said.format(**{given.name: output.cell(values[given.name]) for given in command.given}))
    else:
        new = None
        if command.shown_once and isinstance(found, dict) and found.get(command.shown_once):
            new = Secret(str(found.pop(command.shown_once)))
        output.item(found)
        if new is not None:
            output.secret(command.shown_once, new)


def request_of(opened: Access, command: Command, values: dict[str, Any]) -> dict[str, Any]:
    """The fields of the request from what was typed. Raises UsageError, and ApiError when an alias names no key."""
    fields: dict[str, Any] = json.loads(json.dumps(dict(command.fixed)))
    for given in command.given:
        value = values[given.name]
        if value is None or value == [] or (given.kind is Kind.FLAG and not value):
            continue
        if given.kind is Kind.SETTINGS:
            for text in value:
                _place(fields, given, *_setting(given, text))
        else:
            _place(fields, given, given.fills, _value(opened, given, value))
    return fields


def _place(fields: dict[str, Any], given: Given, path: str, value: Any) -> None:
    *steps, last = path.split(".") if given.kind is not Kind.SETTINGS or given.field else (path,)
    for step in steps:
        fields = fields.setdefault(step, {})
    fields[last] = value


def _setting(given: Given, text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--{given.spelled or given.name}: {output.cell(name)} is not name=value")
    if re.search("key|secret|token$|password|credentials", name) and value.startswith(_KEY_START):
        raise UsageError(f"--{given.spelled or given.name}: {name} would be seen by others; use os.environ/NAME")
    try:
        decoded = json.loads(value)
    except ValueError:
        decoded = value
    return (f"{given.field}.{name}" if given.field else name), decoded


def _value(opened: Access, given: Given, value: Any) -> Any:
    if given.kind is Kind.FLAG:
        return given.sends
    if given.kind is Kind.NAMES:
        return [name.strip() for text in value for name in text.split(",") if name.strip()]
    if given.kind is Kind.KEY:
        return [key_named(opened, one) for one in value] if given.many else key_named(opened, value)
    return value


def key_named(opened: Access, text: str) -> str:
    """What the API knows a key by. Raises UsageError for a key in plain sight, ApiError when no key has the alias."""
    if text == "-":
        return sys.stdin.readline().strip()
    if text.startswith(_KEY_START):
        raise UsageError("a key on the command line is seen by others; give its hash or alias, or - for standard input")
    if _HASH.match(text):
        return text
    found = call(opened, "GET", "/key/list", {"key_alias": text, "return_full_object": True, "size": 100})
    tokens = [key["token"] for key in output.at(found, "keys") or () if key.get("key_alias") == text]
    if len(tokens) != 1:
        raise ApiError(f"{'no key has' if not tokens else 'several keys have'} the alias {output.cell(text)}")
    return str(tokens[0])


def _tell_of_pages(answer: Any) -> None:
    if isinstance(answer, dict) and (pages := answer.get("total_pages") or 0) > 1:
        page = answer.get("current_page") or answer.get("page")
        total = answer.get("total_count") or answer.get("total")
        typer.echo(f"page {page} of {pages}, {total} in all; see --page", err=True)


def _parameter(given: Given) -> tuple[Any, Any]:
    kind = _TYPES.get(given.kind, str)
    many = given.many or given.kind in _LISTS
    default: Any = Parameter.empty if given.required else (False if given.kind is Kind.FLAG else None)
    annotation: Any = list[kind] if many else kind  # type: ignore[valid-type]
    if default is None:
        annotation = annotation | None
    if given.argument:
        return Annotated[annotation, typer.Argument(help=given.help)], default
    spelled = f"--{given.spelled or given.name.replace('_', '-')}"
    return Annotated[annotation, typer.Option(spelled, help=given.help)], default
