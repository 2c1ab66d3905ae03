"""Tables of the results store, for SQLite and PostgreSQL."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

RUNS = sa.Table(
    "coatqc_runs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    # Checksum of what went in: the same run is recorded once.
    sa.Column("key", sa.String(64), nullable=False, unique=True),
    sa.Column("batch", sa.Text, nullable=False, index=True),
    sa.Column("batch_sha256", sa.String(64), nullable=False),
    sa.Column("recipe", sa.Text, nullable=False),
    sa.Column("recipe_version", sa.Text, nullable=False),
    sa.Column("recipe_sha256", sa.String(64), nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("simulated", sa.Boolean, nullable=False),
    sa.Column("started", sa.Text, nullable=False),
    sa.Column("recorded", sa.Text, nullable=False),
    sa.Column("versions", sa.Text, nullable=False),
    sa.Column("report", sa.Text, nullable=False),
)

RESULTS = sa.Table(
    "coatqc_results",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey(RUNS.c.id), nullable=False, index=True),
    sa.Column("judged", sa.Boolean, nullable=False),
    sa.Column("quantity", sa.Text, nullable=False, index=True),
    sa.Column("sample", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("standard_uncertainty", sa.Double),
    sa.Column("lower", sa.Double),
    sa.Column("upper", sa.Double),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("n", sa.Integer),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("minimum", sa.Double),
    sa.Column("maximum", sa.Double),
    sa.Column("equals", sa.Text, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
)

INPUTS = sa.Table(
    "coatqc_inputs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.ForeignKey(RUNS.c.id), nullable=False, index=True),
    sa.Column("sample", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False, index=True),
    sa.Column("reader", sa.Text, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
)

_WORDS = "records of coatqc are only added, never changed or deleted"
for _table in (RUNS, RESULTS, INPUTS):
    for _what in ("UPDATE", "DELETE"):
        sa.event.listen(
            _table,
            "after_create",
            sa.DDL(
                f"CREATE TRIGGER {_table.name}_{_what.lower()} BEFORE {_what} ON {_table.name} "
                f"BEGIN SELECT RAISE(ABORT, '{_WORDS}'); END"
            ).execute_if(dialect="sqlite"),
        )
    sa.event.listen(
        _table,
        "after_create",
        sa.DDL(
            "CREATE OR REPLACE FUNCTION coatqc_append_only() RETURNS trigger AS $$ BEGIN "
            f"RAISE EXCEPTION '{_WORDS}'; END; $$ LANGUAGE plpgsql"
        ).execute_if(dialect="postgresql"),
    )
    sa.event.listen(
        _table,
        "after_create",
        sa.DDL(
            f"CREATE TRIGGER {_table.name}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "
            f"{_table.name} FOR EACH STATEMENT EXECUTE FUNCTION coatqc_append_only()"
        ).execute_if(dialect="postgresql"),
    )
