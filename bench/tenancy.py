"""``python -m bench.tenancy``: what a request costs with 100,000 keys, 1,000 teams and every limit set on everybody.

Two gateways with one worker each stand before the same simulator and are measured in turns: a *plain* one with a single key
that has three limits (the one of ``python -m bench``), and one with the population of ``bench.population``. There requests
are those of callers drawn at random among ``--callers`` keys:

- *plain*: the plain gateway;
- *one*: one key of the large one, with every limit;
- *many*: keys drawn at random;
- *subjects*: keys drawn at random; requests name a customer and a tag, which have limits, too.

CPU is that of the worker; figures are the least of ``--rounds``. With ``--known`` the worker first serves that many keys once
each, and what each takes of its memory is printed.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bench import population
from bench.load import Spec
from bench.measure import Scenario, cpu_ns, halves, pinned, rss, run
from bench.population import Size, key_of
from bench.targets import Gateway, Target, start_simulator
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.security.keyring import Purpose, open_keyring
from phantom_gateway.store import schema
from phantom_gateway.store.database import open_sqlite

ORDER = ("plain", "one", "many", "subjects")
WARM_ROUNDS = 2


@dataclass(frozen=True)
class Crowd(Scenario):
    """A load of many callers."""

    callers: str = ""
    known: int = 1
    in_order: bool = False

    def spec(self, target: Target) -> Spec:
        """As for one caller; the warm-up lets each of them in some times."""
        plain = super().spec(target)
        warm = 1 if self.in_order else max(plain.warmup, self.known * WARM_ROUNDS)
        return msgspec.structs.replace(plain, callers=self.callers, warmup=warm, in_order=self.in_order, deadline_s=600)


class Crowded(Gateway):
    """``phantom serve`` over a database full of people."""

    name = "crowded"

    def __init__(self, upstream: int, cpus: set[int], size: Size) -> None:
        super().__init__(upstream, cpus)
        self._size = size

    def prepare(self) -> None:
        """Fill the data directory before the first start."""
        hasher = KeyHasher(open_keyring(self.directory / "data").derive(Purpose.KEY_DIGEST))
        database = open_sqlite(self.directory / "data" / "phantom.db")
        try:
            schema.migrate(database)
            population.put(database, self._size, lambda key: hasher.digest(key.encode()))
        finally:
            database.close()


def callers(directory: Path, size: Size, count: int) -> dict[str, str]:
    """Files with callers for each scenario."""
    draw = random.Random(1)
    alive = [n for n in range(size.keys) if n % 200 != 199 and (n % 3 != 2 or n % 1000 > 10)]
    some = draw.sample(alive, min(count, len(alive)))

    def subject() -> str:
        named = {"user": f"customer-{draw.randrange(size.customers)}", "tags": [f"tag-{draw.randrange(size.tags)}"]}
        return json.dumps(named)[1:-1]

    lines = {
        "one": [f"{key_of(some[0])} "],
        "many": [f"{key_of(n)} " for n in some],
        "subjects": [f"{key_of(n)} {subject()}" for n in some],
        "all": [f"{key_of(n)} " for n in alive],
    }
    files = {}
    for name, found in lines.items():
        path = directory / name
        path.write_text("\n".join(found))
        files[name] = str(path)
    return files


def scenarios(files: dict[str, str], options: argparse.Namespace) -> dict[str, Scenario]:
    """The loads by name."""
    shape = {"connections": options.connections, "requests": options.requests}
    if options.chunks:
        shape |= {"chunks": options.chunks, "pace_ms": 5}
    found: dict[str, Scenario] = {"plain": Scenario("plain", **shape)}
    found["one"] = Crowd("one", **shape, callers=files["one"])
    for name in ("many", "subjects"):
        found[name] = Crowd(name, **shape, callers=files[name], known=options.callers)
    return {name: found[name] for name in ORDER if name in options.only.split(",")}


def measure(targets: dict[str, Target], options: argparse.Namespace, files: dict[str, str], ours: set[int]) -> None:
    """All rounds; prints each figure, then the least with its ratio."""
    least: dict[str, float] = {}
    for number in range(options.rounds):
        for name, scenario in scenarios(files, options).items():
            target = targets["plain" if name == "plain" else "crowded"]
            found = run(scenario, target, ours)
            worker = found.cpu_us["worker"]
            least[name] = min(worker, least.get(name, worker))
            print(
                f"round {number + 1} {name:9} {worker:7.1f} us CPU of the worker, {found.cpu_us['control']:7.1f} of control, "
                f"{found.rps:6.0f}/s, p50 {found.p50_us:6.0f} us, p99 {found.p99_us:7.0f} us, "
                f"peak {found.rss_peak.get('worker', 0) >> 20} MB, errors {found.errors}",
                flush=True,
            )
    floor = least.get("plain", 0.0)
    for name, worker in least.items():
        print(f"{name:9} {worker:7.1f} us" + (f"  {worker / floor:5.3f} x plain" if floor else ""))


def remember(target: Target, known: int, files: dict[str, str], ours: set[int]) -> None:
    """Let ``known`` keys in once each; prints what that takes."""
    worker = target.roles()["worker"][0]
    before = rss(worker)
    found = run(Crowd("all", 64, known, callers=files["all"], in_order=True), target, ours)
    after = rss(worker)
    time.sleep(5)
    print(
        f"{known:,} keys known: {before >> 20} MB -> {after >> 20} MB, {(after - before) / known:,.0f} B a key; "
        f"{found.cpu_us['worker']:.0f} us CPU of the worker each, {found.cpu_us['control']:.0f} of control; "
        f"5 s later {rss(worker) >> 20} MB"
    )
    idle = cpu_ns(worker)
    time.sleep(5)
    print(f"the worker, idle: {(cpu_ns(worker) - idle) / 5e9 * 100:.1f} % of a CPU")


def main(arguments: list[str]) -> int:
    """Fill, start, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.tenancy", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--chunks", type=int, default=0, help="streams of so many chunks instead of plain requests")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keys", type=int, default=100_000)
    parser.add_argument("--callers", type=int, default=5_000)
    parser.add_argument("--known", type=int, default=0)
    parser.add_argument("--only", default=",".join(ORDER), help="some of " + ",".join(ORDER))
    options = parser.parse_args(arguments)
    ours, theirs = halves()
    size = Size(keys=options.keys)
    with pinned(ours), tempfile.TemporaryDirectory(prefix="phantom-bench-") as directory:
        simulator, port = start_simulator(ours)
        try:
            with Crowded(port, theirs, size) as crowded, Gateway(port, theirs) as plain:
                files = callers(Path(directory), size, options.callers)
                measure({"plain": plain, "crowded": crowded}, options, files, ours)
                if options.known:
                    remember(crowded, options.known, files, ours)
        finally:
            simulator.terminate()
            simulator.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
