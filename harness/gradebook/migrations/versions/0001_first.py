"""The first tables, and the triggers that keep adjustments as they were made."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

KEPT: Final = ("adjustments", "extensions", "policies")
"""Tables whose rows are never changed or taken away."""
REFUSAL: Final = "is an audit trail: add a row instead"


def upgrade() -> None:
    """Make the tables."""
    _people()
    _grading()
    _judgement()
    for table in KEPT:
        _keep(table)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _learner(*, index: bool = True) -> sa.Column[int]:
    return sa.Column("learner_id", sa.Integer(), sa.ForeignKey("learners.id"), nullable=False, index=index)


def _people() -> None:
    op.create_table(
        "learners",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("key", sa.Text(), nullable=False, unique=True),
        *map(_text, ("name", "email", "section")),
        sa.Column("merged_into", sa.Integer(), sa.ForeignKey("learners.id")),
    )
    op.create_table(
        "aliases",
        sa.Column("system", sa.Text(), primary_key=True),
        sa.Column("alias", sa.Text(), primary_key=True),
        _learner(),
        _text("written"),
    )


def _grading() -> None:
    op.create_table(
        "exercises",
        sa.Column("id", sa.Text(), primary_key=True),
        _text("title"),
        sa.Column("possible", sa.Double()),
        sa.Column("pass_mark", sa.Double(), nullable=False),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), primary_key=True),
        _learner(),
        *map(_text, ("exercise", "submission", "origin", "handed_in")),
        sa.Column("late", sa.Boolean(), nullable=False),
        _text("seen_at"),
        sa.UniqueConstraint("learner_id", "exercise", "submission"),
    )
    op.create_table(
        "results",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("attempt_id", sa.Integer(), sa.ForeignKey("attempts.id"), nullable=False),
        _text("key"),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("proposed", sa.Boolean(), nullable=False),
        _text("outcome"),
        sa.Column("earned", sa.Double(), nullable=False),
        sa.Column("possible", sa.Double()),
        sa.Column("ungraded", sa.Double(), nullable=False),
        sa.Column("pass_mark", sa.Double(), nullable=False),
        _text("fault"),
        sa.Column("seconds", sa.Double(), nullable=False),
        _text("graded_at"),
        sa.UniqueConstraint("attempt_id", "key", "turn"),
    )
    op.create_index("ix_results_attempt", "results", ["attempt_id", "proposed", "id"])
    op.create_table(
        "documents",
        sa.Column("result_id", sa.Integer(), sa.ForeignKey("results.id"), primary_key=True),
        _text("json"),
    )
    op.create_table(
        "claims",
        sa.Column("attempt_id", sa.Integer(), sa.ForeignKey("attempts.id"), primary_key=True),
        sa.Column("key", sa.Text(), primary_key=True),
        _text("owner"),
        sa.Column("until", sa.Double(), nullable=False),
    )


def _judgement() -> None:
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Integer(), primary_key=True),
        _learner(),
        *map(_text, ("exercise", "kind", "item")),
        sa.Column("points", sa.Double()),
        *map(_text, ("author", "reason", "made_at")),
    )
    op.create_table(
        "rubric_items",
        sa.Column("exercise", sa.Text(), primary_key=True),
        sa.Column("item", sa.Text(), primary_key=True),
        _text("title"),
        sa.Column("points", sa.Double(), nullable=False),
    )
    op.create_table(
        "policies",
        sa.Column("id", sa.Integer(), primary_key=True),
        *map(_text, ("scope", "settings", "author", "made_at")),
    )
    op.create_table(
        "extensions",
        sa.Column("id", sa.Integer(), primary_key=True),
        _learner(),
        *map(_text, ("exercise", "until", "author", "reason", "made_at")),
    )


def _keep(table: str) -> None:
    """Refuse to change or delete rows, whoever asks."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION keep_{table}() RETURNS trigger AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} {REFUSAL}'; END $$ LANGUAGE plpgsql"
        )
        op.execute(
            f"CREATE TRIGGER keep_{table} BEFORE UPDATE OR DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION keep_{table}()"
        )
        return
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER keep_{table}_{deed.lower()} BEFORE {deed} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} {REFUSAL}'); END"
        )
