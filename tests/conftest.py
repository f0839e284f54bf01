"""Fixtures shared by all tests."""

from __future__ import annotations

import gc
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from tests.support.gateway import CONFIG, FAULT, FAULTS, Gateway, SimulatorThread, running_gateway
from tests.support.servers import PostgresServer, RedisServer, running_postgres, running_redis
from tests.support.trust import share_the_context

GATEWAYS = frozenset({"chaos", "system", "contract"})
"""Folders whose tests start whole gateways."""


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests come to stay: to look for garbage among them takes a quarter of the time of collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files come first, then those that start gateways, then the largest: what is long must not begin at the end."""
    sizes = Counter(item.path for item in items)
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[bool, bool, int]:
        return item.path not in slow, GATEWAYS.isdisjoint(item.path.parts), -sizes[item.path]

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def shared_trust() -> Iterator[None]:
    """Clients read the certificates of all authorities once, not once each."""
    with pytest.MonkeyPatch.context() as patch:
        share_the_context(patch)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of this process."""
    with running_postgres() as server:
        yield server


@pytest.fixture
def redis_server() -> Iterator[RedisServer]:
    """An empty Redis of the test's own."""
    with running_redis() as server:
        yield server


@pytest.fixture(scope="session")
def shared_simulator() -> Iterator[SimulatorThread]:
    """One simulator for all system tests of this process."""
    simulator = SimulatorThread()
    yield simulator
    simulator.close()


@pytest.fixture
def simulator(shared_simulator: SimulatorThread) -> SimulatorThread:
    """The simulator with its counts at zero."""
    shared_simulator.reset()
    return shared_simulator


@pytest.fixture(scope="session")
def shared_gateway(tmp_path_factory: pytest.TempPathFactory, shared_simulator: SimulatorThread) -> Iterator[Gateway]:
    """One gateway for all tests that leave it as it was."""
    directory = tmp_path_factory.mktemp("gateway")
    config = write_config(directory, shared_simulator)
    with running_gateway(directory / "data", config) as gateway:
        yield gateway


def write_config(directory: Path, simulator: SimulatorThread, text: str = CONFIG) -> Path:
    """The test configuration in a file."""
    path = directory / "config.yaml"
    faults = "".join(FAULT.format(name=name, simulator=simulator.port) for name in FAULTS)
    path.write_text(text.format(simulator=simulator.port, faults=faults))
    return path
