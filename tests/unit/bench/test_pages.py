from __future__ import annotations

from pathlib import Path

from bench import pages, population, questions
from tests.unit.bench.test_population import SMALL

from phantom_gateway.store import schema
from phantom_gateway.store.database import open_sqlite

ONE_OF_MANY = ("/team/info", "/organization/info", "/user/info")


async def test_every_page_has_an_answer(tmp_path: Path) -> None:
    """The asker raises for everything but 200."""
    database = open_sqlite(tmp_path / "small.db")
    schema.migrate(database)
    population.put(database, SMALL, lambda key: f"digest of {key}")
    async with questions.asker(database, pages.ACTORS) as ask:
        for _, path, query, who in pages.PAGES:
            if path not in ONE_OF_MANY:
                assert await ask(path, query, who)


def test_names_are_unique() -> None:
    names = [name for name, *_ in pages.PAGES]
    assert len(set(names)) == len(names)
