"""Tests mirror the source, both ways: a module has its test at the same place, a test has its module.

The lists of exceptions may only shrink: an entry that is not needed any more fails as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.unit.house.tree import ROOT, SOURCE, lines

TESTS = ROOT / "tests" / "unit"
ROOTS = {"": SOURCE, "bench": ROOT / "bench", "tools": ROOT / "tools"}
HOUSE = "house"
"""The tests of this folder are about the repository, not about a module."""

WITHOUT_A_TEST = {
    "bridge/inside/test_child.py": "runs in a process of its own, under test_keeper.py",
    "bridge/inside/test_kernel.py": "system calls that cannot be taken back; test_keeper.py has them made in other processes",
    "bridge/inside/test_sandbox.py": "the same",
    "bridge/inside/test_zygote.py": "runs in a process of its own, under test_keeper.py",
    "bridge/test_children.py": "test_keeper.py starts and ends them",
    "bridge/test_main.py": "the process; tests/contract/test_bridge.py runs it",
    "bridge/test_slots.py": "test_keeper.py calls them",
    "bridge/test_zygotes.py": "test_keeper.py starts and kills them",
    "bench/books/test_installation.py": "starts whole gateways; tests/chaos/test_books.py runs it",
    "bench/books/test_run.py": "a whole run; tests/chaos/test_books.py is a short one",
    "bench/books/test_storm.py": "kills whole gateways; tests/chaos/test_books.py runs it",
    "bench/books/test_tenants.py": "calls the API of whole gateways; tests/chaos/test_books.py runs it",
    "control/policy/test_actions.py": "an enumeration; test_app.py walks every route for it",
    "control/policy/test_table.py": "declarations; test_app.py asks every route as everybody",
    "control/test_runtime.py": "the whole of control; test_process.py runs it as the process it is",
    "control/test_services.py": "declarations without behaviour",
    "store/migrations/test_env.py": "run by Alembic, in test_schema.py",
    "store/migrations/versions/test_v0001_base.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0002_seal.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0003_tenancy.py": "test_schema.py compares what it makes with the tables, and moves old keys",
    "store/migrations/versions/test_v0004_nodes.py": "test_schema.py compares what it makes with the tables, on both databases",
    "store/migrations/versions/test_v0005_people.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0006_spend.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0007_removed.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0008_trail.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0009_lists.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0010_orders.py": "test_schema.py compares what it makes with the tables, on both databases",
    "store/migrations/versions/test_v0011_cached.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0012_spread.py": "test_schema.py compares it with the tables, and goes back and forth",
    "store/migrations/versions/test_v0013_approvals.py": "test_schema.py compares what it makes with the tables",
    "store/migrations/versions/test_v0014_passes.py": "the same",
    "store/migrations/versions/test_v0015_rotations.py": "test_schema.py compares what it makes with the tables",
    "control/spending/test_activity.py": "routers/test_activity.py asks it over its routes, as everybody",
    "control/spending/test_reports.py": "routers/test_spend_reports.py asks it over its routes, as everybody",
    "control/spending/test_corrections.py": "routers/test_corrections.py books them over their routes, as everybody",
    "limits/test_lending.py": "declarations without behaviour",
    "store/test_tables.py": "declarations; test_schema.py compares them with the migrations",
    "store/test_tenancy_tables.py": "declarations; test_schema.py compares them with the migrations",
}
"""Where the test stands instead."""

LARGEST = 500


def sources() -> Iterator[tuple[str, Path]]:
    """The place of each module's test below tests/unit, and the module."""
    for prefix, root in ROOTS.items():
        for path in sorted(root.rglob("*.py")):
            if path.name not in ("__init__.py", "__main__.py"):
                place = Path(prefix) / path.relative_to(root)
                yield (place.parent / f"test_{place.name}").as_posix(), path


def test_every_module_has_its_test() -> None:
    missing = [place for place, _ in sources() if not (TESTS / place).is_file() and place not in WITHOUT_A_TEST]
    assert not missing, lines(missing)


def test_every_test_has_its_module() -> None:
    known = {place for place, _ in sources()}
    found = [path.relative_to(TESTS).as_posix() for path in sorted(TESTS.rglob("test_*.py"))]
    orphans = [place for place in found if place not in known and not place.startswith(f"{HOUSE}/")]
    assert not orphans, lines(orphans)


def test_the_exceptions_only_shrink() -> None:
    known = {place for place, _ in sources()}
    done = [place for place in WITHOUT_A_TEST if place not in known or (TESTS / place).is_file()]
    assert not done, "take these off the list:" + lines(done)


def test_no_file_is_too_long() -> None:
    tests = ((path.relative_to(ROOT).as_posix(), path) for path in sorted((ROOT / "tests").rglob("*.py")))
    long = [
        f"{path.relative_to(ROOT)}: {count} lines"
        for _, path in (*sources(), *tests)
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LARGEST
    ]
    assert not long, lines(long)
