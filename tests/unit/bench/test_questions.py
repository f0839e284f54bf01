from __future__ import annotations

from pathlib import Path

from bench import questions

from phantom_gateway.store import schema
from phantom_gateway.store.database import open_sqlite


async def test_every_question_has_an_answer(tmp_path: Path) -> None:
    """The asker raises for everything but 200."""
    database = open_sqlite(tmp_path / "empty.db")
    schema.migrate(database)
    async with questions.asker(database, questions.ACTORS) as ask:
        sizes = {name: await ask(path, query, who) for name, path, query, who in questions.QUESTIONS}
    assert len(sizes) == len(questions.QUESTIONS), "names are unique"
    assert [name for name, size in sizes.items() if not size and "export" not in name] == []
