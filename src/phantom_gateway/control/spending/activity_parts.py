"""Parts of the activity that are asked for alone: pages of keys, a search among them, the keys of a model, an export."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import sqlalchemy as sa

from phantom_gateway.control.spending import figures, people
from phantom_gateway.control.spending.periods import date
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import rollups
from phantom_gateway.store.matching import contains
from phantom_gateway.store.rollup_tables import SPEND_DIMENSIONS
from phantom_gateway.store.rollups import Question, Sum
from phantom_gateway.store.tables import DELETED_KEYS, KEYS

JsonObject = dict[str, Any]
EXPORTS = {
    "daily": (),
    "daily_with_keys": ("key_id",),
    "daily_with_models": ("model",),
    "daily_with_users": ("user_id",),
}
"""``export_type``, and what else a row is about beside day and entity."""
MAX_EXPORT = 200_000
"""Rows of one export; a larger one is refused rather than cut."""


def keys_page(connection: sa.Connection, question: Question, offset: int, limit: int) -> JsonObject:
    """``DailyActivityKeyPageResponse``: the dearest keys first."""
    found = rollups.sums(connection, question, ("key_id",), limit=offset + limit)[offset:]
    total = rollups.distinct(connection, question, "key_id")
    return {"api_keys": _rows(connection, found), "total_api_keys": total, "offset": offset, "limit": limit}


def keys_search(connection: sa.Connection, question: Question, text: str, limit: int) -> JsonObject:
    """``DailyActivityKeySearchResponse``: keys whose id or alias contains ``text``."""
    named = [sa.select(table.c.id).where(contains(table.c.alias, text)) for table in (KEYS, DELETED_KEYS)]
    column = SPEND_DIMENSIONS.c.key_id
    matching = sa.or_(contains(column, text), *(column.in_(each) for each in named))
    reach = matching if question.reach is None else sa.and_(question.reach, matching)
    found = rollups.sums(connection, replace(question, reach=reach), ("key_id",), limit=limit)
    return {"api_keys": _rows(connection, found)}


def model_top_keys(connection: sa.Connection, question: Question, model: str, *, group: bool, limit: int) -> JsonObject:
    """``ModelTopKeysResponse``: the dearest keys of a model."""
    column = "model_group" if group else "model"
    mine = replace(question, only={**question.only, column: [model]})
    found = rollups.sums(connection, mine, ("key_id",), limit=limit)
    return {"model": model, "by_model_group": group, "api_keys": _rows(connection, found)}


def export(connection: sa.Connection, question: Question, entity: str, kind: str) -> list[Sum] | None:
    """The rows of an export, by day; ``None`` when they are too many."""
    by = tuple(dict.fromkeys((entity, *EXPORTS[kind])))
    found = rollups.sums(connection, question, by, days=True, limit=MAX_EXPORT + 1)
    return None if len(found) > MAX_EXPORT else found


def export_rows(found: list[Sum], entity: str, kind: str) -> Iterator[JsonObject]:
    """An export's rows as objects."""
    by = tuple(dict.fromkeys((entity, *EXPORTS[kind])))
    for each in found:
        metrics = each.metrics
        yield {
            "date": date(each.day),
            **dict(zip(by, each.group, strict=True)),
            "api_requests": metrics.requests,
            "successful_requests": metrics.successes,
            "failed_requests": metrics.failures,
            "spend": nano_to_usd(metrics.cost_nano),
            "prompt_tokens": metrics.prompt_tokens,
            "completion_tokens": metrics.completion_tokens,
            "total_tokens": metrics.total_tokens,
            "cache_read_input_tokens": metrics.cache_read,
            "cache_creation_input_tokens": metrics.cache_write,
        }


def csv_of(rows: Iterator[JsonObject]) -> Iterator[str]:
    """Rows as CSV, a piece at a time. Cells that a spreadsheet would take for a formula get an apostrophe before them."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    for number, row in enumerate(rows):
        if number == 0:
            writer.writerow(row)
        writer.writerow([_cell(value) for value in row.values()])
        if buffer.tell() > 1 << 16:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def json_of(rows: Iterator[JsonObject]) -> Iterator[str]:
    """Rows as a JSON array, a piece at a time."""
    before = "["
    for row in rows:
        yield before + msgspec.json.encode(row).decode()
        before = ",\n"
    yield "[]" if before == "[" else "]"


def _cell(value: Any) -> Any:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _rows(connection: sa.Connection, found: list[Sum]) -> list[JsonObject]:
    named = people.of_keys(connection, [each.group[0] for each in found])
    return [
        {
            "api_key": each.group[0],
            "metrics": figures.metrics(each.metrics),
            "metadata": named[each.group[0]],
        }
        for each in found
    ]
