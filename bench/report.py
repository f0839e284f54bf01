"""Medians of the rounds, the bars, and how they are shown and kept."""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from bench.measure import ROOT, Figures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

RESULTS = ROOT / "bench" / "results"
MIB = 1 << 20
CROWD = "stream-1000"
COLUMNS = (
    "target", "scenario", "CPU µs", "other CPU µs", "req/s", "p50 µs", "p99 µs", "added p50 µs", "first event µs",
    "added first µs", "generator CPU µs", "errors",
)  # fmt: skip

TRANSLATED = ("translated-to-anthropic-64", "translated-to-openai-64")
"""Streams of 100 chunks, by the format of the provider. nginx passes the caller's own format to it."""


@dataclass
class Visit:
    """One target in one round."""

    ready_s: float
    rss_idle: dict[str, int]
    figures: dict[str, Figures] = field(default_factory=dict)


@dataclass(frozen=True)
class Bar:
    """A promise and the figure it is held against; ``value`` is None when it could not be measured."""

    name: str
    limit: float
    value: float | None

    @property
    def verdict(self) -> str:
        """``kept``, ``MISSED`` or ``-``."""
        if self.value is None:
            return "-"
        return "kept" if self.value <= self.limit else "MISSED"


Rounds = dict[str, list[Visit]]


def median(values: Iterable[float]) -> float | None:
    """The median, None of nothing."""
    found = list(values)
    return statistics.median(found) if found else None


def of(rounds: Rounds, target: str, scenario: str, pick: Callable[[Figures], float]) -> float | None:
    """The median of one figure over the rounds."""
    return median(pick(visit.figures[scenario]) for visit in rounds.get(target, []) if scenario in visit.figures)


def added(rounds: Rounds, target: str, scenario: str, pick: Callable[[Figures], float]) -> float | None:
    """The median of what ``target`` adds to direct in the same round."""
    return median(
        pick(visit.figures[scenario]) - pick(direct.figures[scenario])
        for visit, direct in zip(rounds.get(target, []), rounds.get("direct", []), strict=False)
        if scenario in visit.figures and scenario in direct.figures
    )


def memory_per_stream(rounds: Rounds, target: str) -> float | None:
    """Bytes per concurrent stream: the worker's peak under 1,000 of them less its idle memory."""
    return median(
        (visit.figures[CROWD].rss_peak["worker"] - visit.rss_idle["worker"]) / 1000
        for visit in rounds.get(target, [])
        if CROWD in visit.figures and "worker" in visit.figures[CROWD].rss_peak
    )


def bars(rounds: Rounds, target: str = "gateway") -> list[Bar]:
    """Every bar of ``target``."""

    def cpu(figures: Figures) -> float:
        return figures.cpu_us["worker"]

    def ratio(of_target: float | None, of_nginx: float | None) -> float | None:
        return None if of_target is None or not of_nginx or of_nginx <= 0 else of_target / of_nginx

    found = []
    for kind, limit in (("plain", 5.0), ("stream", 2.0)):
        for connections in (1, 64, 1000):
            name = f"{kind}-{connections}"
            value = ratio(of(rounds, target, name, cpu), of(rounds, "nginx", name, cpu))
            found.append(Bar(f"CPU {name}, x nginx", limit, value))
    for name in TRANSLATED:
        value = ratio(of(rounds, target, name, cpu), of(rounds, "nginx", name, cpu))
        found.append(Bar(f"CPU {name}, x nginx", 4.0, value))
    latency = [added(rounds, name, "plain-1", lambda figures: figures.p50_us) for name in (target, "nginx")]
    visits = rounds.get(target, [])
    per_stream = memory_per_stream(rounds, target)
    idle = median(visit.rss_idle["worker"] / MIB for visit in visits)
    everything = median(sum(visit.rss_idle.values()) / MIB for visit in visits)
    found += [
        Bar("added p50 plain-1, x nginx", 3.0, ratio(latency[0], latency[1])),
        Bar("worker idle, MiB", 70, idle),
        Bar("all processes idle, MiB", 250, everything),
        Bar("memory per stream, KiB", 50, None if per_stream is None else per_stream / 1024),
        Bar("ready after start, s", 2.0, median(visit.ready_s for visit in visits)),
    ]
    return found


def markdown(rounds: Rounds, scenarios: list[str], notes: list[str], about: dict[str, Any]) -> str:
    """The whole report."""
    lines = ["# Bench", "", *(f"- {name}: {value}" for name, value in about.items()), ""]
    lines += [f"> {note}\n" for note in notes]
    lines += ["## Requests (medians of the rounds; CPU of the whole process per request)", ""]
    lines += ["| " + " | ".join(COLUMNS) + " |", "|---|---|" + "---:|" * (len(COLUMNS) - 2)]
    for scenario in scenarios:
        lines += [_row(rounds, target, scenario) for target in rounds if of(rounds, target, scenario, _rps) is not None]
    lines += [
        "",
        "## Memory and start",
        "",
        "| target | ready s | idle MiB by role | KiB per stream |",
        "|---|---:|---|---:|",
    ]
    for target, visits in rounds.items():
        per_stream = memory_per_stream(rounds, target)
        idle = ", ".join(
            f"{role} {statistics.median(visit.rss_idle[role] for visit in visits) / MIB:.1f}"
            for role in visits[0].rss_idle
        )
        ready = statistics.median(visit.ready_s for visit in visits)
        lines += [f"| {target} | {ready:.3f} | {idle} | {_number(per_stream and per_stream / 1024)} |"]
    if "gateway" in rounds:
        lines += ["", "## Bars of the gateway", "", "| bar | at most | measured | |", "|---|---:|---:|---|"]
        lines += [f"| {bar.name} | {bar.limit:g} | {_number(bar.value, 2)} | {bar.verdict} |" for bar in bars(rounds)]
    return "\n".join([*lines, ""])


def keep(rounds: Rounds, text: str, notes: list[str], about: dict[str, Any]) -> Path:
    """Store JSON and Markdown in bench/results; gives the path of the Markdown."""
    RESULTS.mkdir(exist_ok=True)
    stem = f"{about['date'][:10]}-{about['commit']}"
    whole = {
        "about": about,
        "notes": notes,
        "rounds": {target: [asdict(visit) for visit in visits] for target, visits in rounds.items()},
        "bars": [{**asdict(bar), "verdict": bar.verdict} for bar in bars(rounds)] if "gateway" in rounds else [],
    }
    encoded = msgspec.json.format(msgspec.json.encode(whole), indent=1)
    (RESULTS / f"{stem}.json").write_bytes(encoded + b"\n")
    path = RESULTS / f"{stem}.md"
    path.write_text(text)
    return path


def about() -> dict[str, Any]:
    """When, what and where this run was."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "?"
    )
    dirty = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short", "HEAD") or "unknown",
        "changed since": "yes" if dirty else "no",
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpu": f"{len(os.sched_getaffinity(0))} x {model}",
    }


def _row(rounds: Rounds, target: str, scenario: str) -> str:
    def pick(choose: Callable[[Figures], float], digits: int = 0) -> str:
        return _number(of(rounds, target, scenario, choose), digits)

    single = scenario.endswith("-1") and target != "direct"
    stream = scenario.startswith(("stream", "translated"))
    cells = [
        target,
        scenario,
        pick(lambda figures: figures.cpu_us["worker"], 1),
        pick(lambda figures: sum(figures.cpu_us.values()) - figures.cpu_us["worker"], 1),
        pick(_rps),
        pick(lambda figures: figures.p50_us),
        pick(lambda figures: figures.p99_us),
        _number(added(rounds, target, scenario, lambda figures: figures.p50_us)) if single else "",
        pick(lambda figures: figures.first_p50_us) if stream else "",
        _number(added(rounds, target, scenario, lambda figures: figures.first_p50_us)) if single and stream else "",
        pick(lambda figures: figures.load_cpu_us, 1),
        str(sum(visit.figures[scenario].errors for visit in rounds[target] if scenario in visit.figures)),
    ]
    return "| " + " | ".join(cells) + " |"


def _rps(figures: Figures) -> float:
    return figures.rps


def _number(value: float | None, digits: int = 0) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
