"""Several nodes on one database: who they are, whose journals are whose, versions of spend, the request log in partitions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what nodes need; on PostgreSQL put the request log into partitions."""
    op.create_table(
        "nodes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("boot", sa.String(length=64), nullable=False),
        sa.Column("release", sa.String(length=64), nullable=False),
        sa.Column("limiter", sa.String(length=64), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nodes")),
        comment="nodes that share this database, by the clock of the database; limiter: what they share limits through",
    )
    op.add_column("spend", sa.Column("version", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("journal_positions", sa.Column("node", sa.String(length=64), nullable=False, server_default=""))
    if op.get_bind().dialect.name == "postgresql":
        _partition()


def downgrade() -> None:
    """Back to one node. The request log stays in its partitions: the release before reads it all the same."""
    op.drop_column("journal_positions", "node")
    op.drop_column("spend", "version")
    op.drop_table("nodes")


def _partition() -> None:
    """A table becomes partitioned only by being made anew; its columns are taken over as they are."""
    comment = sa.inspect(op.get_bind()).get_table_comment("requests")["text"] or ""
    indexes = sa.inspect(op.get_bind()).get_indexes("requests")
    op.execute("ALTER TABLE requests RENAME TO requests_whole")
    op.execute(
        "CREATE TABLE requests (LIKE requests_whole INCLUDING DEFAULTS INCLUDING COMMENTS) "
        "PARTITION BY RANGE (started_at)"
    )
    op.execute("CREATE TABLE requests_other PARTITION OF requests DEFAULT")
    op.execute("ALTER SEQUENCE requests_row_id_seq OWNED BY requests.row_id")
    op.execute("INSERT INTO requests SELECT * FROM requests_whole")
    op.drop_table("requests_whole")
    op.create_primary_key("pk_requests", "requests", ["row_id", "started_at"])
    op.create_unique_constraint(
        "uq_requests_incarnation_number_started_at", "requests", ["incarnation", "number", "started_at"]
    )
    for index in indexes:
        if not index["unique"]:
            columns = [name for name in index["column_names"] if name is not None]
            op.create_index(index["name"], "requests", columns)
    op.create_table_comment("requests", comment)
