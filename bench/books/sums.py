"""What entities have spent, and of which budget: added up from the rows here, and compared with what is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

import sqlalchemy as sa

from bench.books.rules import Line
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import OPEN_RECORDS, REQUESTS, SPEND, TOTALS


@dataclass(slots=True)
class Budget:
    """A budget that was there before the first request. ``most``: the largest amount that was ever in force, in nano-dollars."""

    entity: str
    window: str
    most: int

    @property
    def scope(self) -> str:
        """Its name in the tables."""
        return f"budget:{self.entity}:{self.window}"


@dataclass(slots=True)
class Compared:
    """How many were compared, and what did not agree."""

    totals: int = 0
    budgets: int = 0
    windows: int = 0
    exhausted: int = 0
    """Windows of which less than a request's worth was left."""
    open: int = 0
    rows: int = 0
    nano: int = 0
    faults: list[str] = field(default_factory=list)


def rows_of(database: Database) -> list[Line]:
    """The whole ledger."""
    with database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(REQUESTS)).mappings()]


def entities_of(row: Line) -> list[str]:
    """All that a row counts for."""
    key, user, team, org = row["key_id"], row["user_id"], row["team_id"], row["org_id"]
    found = [f"key:{key}"]
    found += [f"user:{user}"] if user else []
    found += [f"team:{team}"] if team else []
    found += [f"member:{team}/{user}"] if team and user else []
    found += [f"org:{org}"] if org else []
    found += [f"org_member:{org}/{user}"] if org and user else []
    found += [f"project:{row['project_id']}"] if row["project_id"] else []
    found += [f"customer:{row['end_user']}"] if row["end_user"] else []
    return found + [f"tag:{tag}" for tag in tags_of(row)]


def tags_of(row: Line) -> list[str]:
    """The column is a JSON list."""
    return [tag for tag in str(row["tags"]).strip("[]").replace('"', "").replace(" ", "").split(",") if tag]


def budgeted(row: Line) -> list[str]:
    """Whose budgets a row is charged to: a key of a team does not spend its user's own."""
    found = [entity for entity in entities_of(row) if not (row["team_id"] and entity.startswith("user:"))]
    return [*found, "gateway"]


def compare(database: Database, lines: Iterable[Line], budgets: Iterable[Budget], worth: int) -> Compared:
    """The rows against the totals, and against the windows of budgets that were there from the start. ``worth``: of a request."""
    summed: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    charged: dict[str, int] = defaultdict(int)
    found = Compared()
    for row in lines:
        found.rows += 1
        found.nano += row["cost_nano"]
        for entity in entities_of(row):
            summed[entity][0] += row["cost_nano"]
            summed[entity][1] += 1
        for entity in budgeted(row):
            charged[entity] += row["cost_nano"]
    with database.read() as connection:
        kept = {row.entity: [row.amount_nano, row.requests] for row in connection.execute(sa.select(TOTALS))}
        windows = [(row.scope, row.window_start, row.amount_nano) for row in connection.execute(sa.select(SPEND))]
        found.open = connection.execute(sa.select(sa.func.count()).select_from(OPEN_RECORDS)).scalar_one()
    for entity in sorted(summed.keys() | kept.keys()):
        found.totals += 1
        if summed.get(entity, [0, 0]) != kept.get(entity, [0, 0]):
            found.faults.append(f"total of {entity}: rows {summed.get(entity)}, kept {kept.get(entity)}")
    for budget in budgets:
        found.budgets += 1
        mine = [(start, amount) for scope, start, amount in windows if scope == budget.scope]
        found.windows += len(mine)
        if sum(amount for _, amount in mine) != charged[budget.entity]:
            found.faults.append(
                f"{budget.scope}: {sum(amount for _, amount in mine)} in {len(mine)} windows, rows say {charged[budget.entity]}"
            )
        for start, amount in mine:
            found.exhausted += amount > budget.most - worth
            if amount > budget.most:
                found.faults.append(f"overspent: {budget.scope} from {start}: {amount} of {budget.most}")
    if found.open:
        found.faults.append(f"{found.open} records are still open")
    return found
