"""``phantom check``: what is wrong with a configuration, or what it would run.

The report is made of plain data first and rendered second, so that ``--json`` and the text say the same. No secret reaches either:
keys appear as "yes" with the place they came from, addresses without user information, free values not at all.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from phantom_gateway.config.errors import ConfigError, Note, Problem, dotted
from phantom_gateway.config.urls import Url
from phantom_gateway.control.compile import compile_models, compile_snapshot, read_config
from phantom_gateway.control.compile_cache import UNNAMED
from phantom_gateway.control.compile_deployment import Compiled
from phantom_gateway.control.compile_prices import PriceLookup
from phantom_gateway.ledger.prices import PriceTable
from phantom_gateway.spine.bridge import INSTALL
from phantom_gateway.spine.snapshot import CacheRules, Deployment, HttpLimits, Routing, Settings, Snapshot

DEFAULT_PATH = Path("config.yaml")
_DEMO_SOCKET = "demo.sock"
BRIDGE = "bridge"
_NANO_PER_DOLLAR = Decimal(10) ** 9
_HEADINGS = {
    "warning": "Warnings",
    "later": "Accepted, not active yet",
    "noted": "Accepted, without effect here",
}


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a check; ``problems`` empty means the configuration is accepted and the rest says what would run."""

    file: str
    problems: tuple[Problem, ...] = ()
    models: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    fallbacks: dict[str, list[str]] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    bridge_python: str = ""

    def as_json(self) -> dict[str, Any]:
        """The report in types JSON has."""
        return {
            "ok": not self.problems,
            "file": self.file,
            "problems": [_remark(problem) for problem in self.problems],
            "models": self.models,
            "fallbacks": self.fallbacks,
            "aliases": self.aliases,
            "settings": self.settings,
            "notes": [{"kind": note.kind} | _remark(note) for note in self.notes],
        }


def check(
    config: Annotated[Path, typer.Option("--config", "-c", help="The configuration file.")] = DEFAULT_PATH,
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as JSON.")] = False,
) -> None:
    """Check a configuration and show what it would run. Exit code 1 when it is refused."""
    report = check_config(config, os.environ, PriceTable.load().lookup)
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        for line in render(report):
            typer.echo(line)
        for line in _bridge(report):
            typer.echo(line)
    if report.problems:
        raise typer.Exit(1)


def check_config(path: Path, environment: Mapping[str, str], price_lookup: PriceLookup) -> Report:
    """Check the file at ``path``; never raises for what a file can hold."""
    try:
        config = read_config(path, environment)
        snapshot, notes = compile_snapshot(
            config, 0, price_lookup=price_lookup, environment=environment, demo_socket=_DEMO_SOCKET, pepper=None
        )
        compilation = compile_models(
            config, price_lookup=price_lookup, environment=environment, demo_socket=_DEMO_SOCKET
        )
    except ConfigError as error:
        return Report(str(path), problems=error.problems)
    return Report(
        str(path),
        models=_models(compilation),
        fallbacks=_fallbacks(snapshot.routing),
        aliases=dict(snapshot.routing.aliases),
        settings=dict(_settings(snapshot)),
        notes=tuple(notes),
        bridge_python=snapshot.bridge.python,
    )


def _remark(remark: Problem | Note) -> dict[str, Any]:
    return {
        "file": remark.position.file,
        "line": remark.position.line,
        "key": dotted(remark.path),
        "message": remark.message,
        "hint": remark.hint,
    }


def _models(compilation: list[Compiled]) -> dict[str, list[dict[str, Any]]]:
    models: dict[str, list[dict[str, Any]]] = {}
    for compiled in compilation:
        if (deployment := compiled.deployment) is not None:
            models.setdefault(deployment.group, []).append(_deployment(deployment, compiled.key_source))
    return models


def _deployment(deployment: Deployment, key_source: str) -> dict[str, Any]:
    prices = deployment.prices
    limits = {
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
        "max_parallel_requests": deployment.max_parallel_requests,
        "max_input_tokens": deployment.max_input_tokens or None,
        "max_output_tokens": deployment.max_output_tokens or None,
    }
    return {
        "provider": deployment.provider,
        "model": deployment.model,
        "origin": _origin(deployment),
        "input_per_million": _dollars(prices.input) if prices.version != "none" else None,
        "output_per_million": _dollars(prices.output) if prices.version != "none" else None,
        "prices_from": prices.version,
        "limits": {name: value for name, value in limits.items() if value is not None},
        "key": key_source or None,
        "mock": deployment.mock_response is not None,
    }


def _origin(deployment: Deployment) -> str:
    address = deployment.address
    if deployment.bridge is not None:
        return BRIDGE
    return "built in" if address.scheme == "unix" else Url(address.scheme, address.host, address.port, "", "").origin


def _dollars(nano_per_million: int) -> str:
    text = f"{Decimal(nano_per_million) / _NANO_PER_DOLLAR:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fallbacks(routing: Routing) -> dict[str, list[str]]:
    fallbacks = {model: list(targets) for model, targets in routing.fallbacks.items()}
    return fallbacks | ({"*": list(routing.default_fallbacks)} if routing.default_fallbacks else {})


def _settings(snapshot: Snapshot) -> Iterator[tuple[str, Any]]:
    """What differs from the defaults; fallbacks and aliases are shown on their own."""
    if snapshot.cache is not None:
        yield "cache", _place(snapshot.cache)
    parts: tuple[tuple[str, msgspec.Struct, msgspec.Struct], ...] = (
        ("routing", snapshot.routing, Routing()),
        ("http", snapshot.http, HttpLimits()),
        ("settings", snapshot.settings, Settings()),
        *((("cache", snapshot.cache, CacheRules(secret=UNNAMED)),) if snapshot.cache is not None else ()),
    )
    for name, part, default in parts:
        for key in part.__struct_fields__:
            value = getattr(part, key)
            if (
                isinstance(value, (str, int, float, tuple))
                and value != getattr(default, key)
                and key != "default_fallbacks"
            ):
                yield f"{name}.{key}", list(value) if isinstance(value, tuple) else value


def _place(rules: CacheRules) -> str:
    if rules.redis is None:
        return "memory of each worker"
    address = rules.redis.address
    return f"redis {address.socket_path or f'{address.host}:{address.port}'}"


def render(report: Report) -> Iterator[str]:
    """The report as lines of text."""
    if report.problems:
        yield from (str(problem) for problem in report.problems)
        count = len(report.problems)
        yield f"{report.file}: {count} problem{'s' if count > 1 else ''}"
        return
    yield f"{report.file}: accepted"
    yield ""
    yield from _table(report.models)
    yield from _block("Fallbacks", [f"{model} -> {', '.join(targets)}" for model, targets in report.fallbacks.items()])
    yield from _block("Aliases", [f"{alias} -> {model}" for alias, model in report.aliases.items()])
    yield from _block(
        "Settings that differ from the defaults", [f"{key} = {value}" for key, value in report.settings.items()]
    )
    for kind, heading in _HEADINGS.items():
        yield from _block(heading, [str(note) for note in report.notes if note.kind == kind])


def _bridge(report: Report) -> Iterator[str]:
    """What of this machine the bridge has, where a model needs it. Not part of the report, which is about the file."""
    if not any(each["origin"] == BRIDGE for members in report.models.values() for each in members):
        return
    # Imported here: only those who need the bridge pay for it.
    from phantom_gateway.bridge.places import find
    from phantom_gateway.bridge.zygotes import ZygoteError, probe

    installed = find(report.bridge_python)
    if installed is None:
        yield from _block("Bridge", [f"LiteLLM's SDK is NOT INSTALLED: {INSTALL}"])
        return
    lines = [f"LiteLLM's SDK in the environment of {installed.python}"]
    try:
        standing, missing = asyncio.run(probe(installed))
    except ZygoteError as error:
        lines.append(str(error))
    else:
        lines.append(f"sandbox: {', '.join(standing) or 'NONE'}")
        lines += [f"MISSING on this machine: {each}" for each in missing]
    yield from _block("Bridge", lines)


def _block(heading: str, lines: list[str]) -> Iterator[str]:
    if lines:
        yield ""
        yield heading
        yield from (f"  {line}" for line in lines)


def _table(models: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    rows = [("MODEL", "PROVIDER", "UPSTREAM MODEL", "ORIGIN", "$/1M IN", "$/1M OUT", "KEY", "LIMITS")]
    for name, deployments in models.items():
        for index, deployment in enumerate(deployments):
            limits = " ".join(f"{limit}={value}" for limit, value in deployment["limits"].items())
            rows.append(
                (
                    name if index == 0 else "",
                    deployment["provider"],
                    deployment["model"],
                    "mock_response" if deployment["mock"] else deployment["origin"],
                    deployment["input_per_million"] or "-",
                    deployment["output_per_million"] or "-",
                    f"yes ({deployment['key']})" if deployment["key"] else "no",
                    limits or "-",
                )
            )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
