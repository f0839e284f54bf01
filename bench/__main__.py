"""``python -m bench``: measures, prints the table, keeps it in bench/results."""

from __future__ import annotations

import argparse
import resource
import sys
import time

from bench import report
from bench.measure import MESSAGES, Scenario, halves, pinned, rss, run
from bench.report import Rounds, Visit
from bench.targets import Direct, Gateway, LiteLLM, Nginx, SkippedError, Target, start_simulator

QUIET_S = 3.0


def translated(requests: int) -> tuple[Scenario, Scenario]:
    """OpenAI's callers on Anthropic's format, and the other way round."""
    to_anthropic, to_openai = report.TRANSLATED
    return (
        Scenario(to_anthropic, 64, requests, chunks=100, pace_ms=5, upstream="anthropic"),
        Scenario(to_openai, 64, requests, chunks=100, pace_ms=5, path=MESSAGES),
    )


# the crowd of streams comes first: its memory is measured against a process that has served nothing yet
FULL = (
    Scenario("stream-1000", 1000, 2000, chunks=100, pace_ms=20),
    Scenario("stream-1", 1, 30, chunks=100, pace_ms=1),
    Scenario("stream-64", 64, 256, chunks=100, pace_ms=5),
    *translated(256),
    Scenario("plain-1", 1, 5_000),
    Scenario("plain-64", 64, 30_000),
    Scenario("plain-1000", 1000, 30_000),
)
QUICK = (
    Scenario("stream-1000", 1000, 1000, chunks=100, pace_ms=20),
    Scenario("stream-1", 1, 10, chunks=100, pace_ms=1),
    Scenario("stream-64", 64, 64, chunks=100, pace_ms=5),
    *translated(64),
    Scenario("plain-1", 1, 1_000),
    Scenario("plain-64", 64, 5_000),
    Scenario("plain-1000", 1000, 5_000),
)
ORDER = ["plain-1", "plain-64", "plain-1000", "stream-1", "stream-64", "stream-1000", *report.TRANSLATED]
NAMES = ("direct", "nginx", "gateway", "litellm")


def main(arguments: list[str]) -> int:
    """Measure what ``arguments`` ask for; 1 when nothing but direct could be measured."""
    options = _options(arguments)
    wanted = [name for name in NAMES if name == "direct" or name in options.target.split(",")]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    ours, theirs = halves()
    notes = [] if ours != theirs else ["Only one CPU: generator, simulator and target share it."]
    rounds: Rounds = {}
    about = report.about()
    with pinned(ours):
        simulator, port = start_simulator(ours)
        try:
            for number in range(options.rounds or (1 if options.quick else 3)):
                for name in list(wanted):
                    target = _target(name, port, theirs, simulator.pid)
                    try:
                        visit = _visit(target, QUICK if options.quick else FULL, ours, number)
                    except SkippedError as reason:
                        wanted.remove(name)
                        notes.append(f"{name} was skipped: {reason}")
                        print(f"!! {notes[-1]}", file=sys.stderr)
                        continue
                    rounds.setdefault(name, []).append(visit)
        finally:
            simulator.terminate()
            simulator.wait()
    text = report.markdown(rounds, ORDER, notes, about)
    print(text)
    print(f"kept in {report.keep(rounds, text, notes, about)}")
    return 0 if len(rounds) > 1 else 1


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="The gateway against nginx, the floor.")
    parser.add_argument("--quick", action="store_true", help="one round of few requests")
    parser.add_argument("--rounds", type=int, default=0, help="how many interleaved rounds (3, quick 1)")
    parser.add_argument(
        "--target", default=",".join(NAMES), help="some of " + ",".join(NAMES) + "; direct is always measured"
    )
    options = parser.parse_args(arguments)
    unknown = set(options.target.split(",")) - set(NAMES)
    if unknown:
        parser.error(f"unknown target {', '.join(sorted(unknown))}")
    return options


def _target(name: str, port: int, cpus: set[int], simulator_pid: int) -> Target:
    if name == "direct":
        return Direct(port, cpus, simulator_pid)
    kinds: dict[str, type[Target]] = {"nginx": Nginx, "gateway": Gateway, "litellm": LiteLLM}
    return kinds[name](port, cpus)


def _visit(target: Target, scenarios: tuple[Scenario, ...], cpus: set[int], number: int) -> Visit:
    with target:
        if target.name != "direct":
            time.sleep(QUIET_S)
        idle = {role: sum(map(rss, pids)) for role, pids in target.roles().items()}
        visit = Visit(target.ready_s, idle)
        for scenario in scenarios:
            figures = visit.figures[scenario.name] = run(scenario, target, cpus)
            print(
                f"round {number + 1} {target.name:<8} {scenario.name:<12} {figures.cpu_us['worker']:9.1f} µs CPU "
                f"{figures.rps:9.0f}/s p50 {figures.p50_us:9.0f} µs generator {figures.load_cpu_us:7.1f} µs "
                f"errors {figures.errors}",
                file=sys.stderr,
            )
        return visit


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
