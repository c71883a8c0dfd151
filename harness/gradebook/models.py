"""The tables. Times are text in UTC and ISO 8601, so that SQLite and PostgreSQL hold and sort the same.

What happened is only ever added: results, adjustments, extensions and policies are rows that
no code changes, and triggers made by the migrations refuse it for adjustments.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlalchemy import Double, ForeignKey, Index, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """What all tables share."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {float: Double}


class Learner(Base):
    """A person who is graded."""

    __tablename__ = "learners"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str] = mapped_column(Text, default="")
    section: Mapped[str] = mapped_column(Text, default="")
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("learners.id"))
    """The learner that this one turned out to be."""


class Alias(Base):
    """Another name of a learner in another system."""

    __tablename__ = "aliases"
    system: Mapped[str] = mapped_column(Text, primary_key=True)
    """Such as `canvas`, `login`, `email`; `` for a name that any system may use."""
    alias: Mapped[str] = mapped_column(Text, primary_key=True)
    """Lower case."""
    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), index=True)
    written: Mapped[str] = mapped_column(Text, default="")
    """As the system writes it."""


class ExerciseRow(Base):
    """What exports say of an exercise without asking the course."""

    __tablename__ = "exercises"
    id: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text, default="")
    possible: Mapped[float | None]
    pass_mark: Mapped[float] = mapped_column(default=0.0)


class Attempt(Base):
    """Some files that a learner handed in for an exercise; the same files twice are one attempt."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("learner_id", "exercise", "submission"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), index=True)
    exercise: Mapped[str] = mapped_column(Text)
    submission: Mapped[str] = mapped_column(Text)
    """Digest of the files."""
    origin: Mapped[str] = mapped_column(Text, default="")
    handed_in: Mapped[str] = mapped_column(Text, default="")
    late: Mapped[bool] = mapped_column(default=False)
    seen_at: Mapped[str] = mapped_column(Text)
    """When it last came as something new."""


class StoredResult(Base):
    """What one grading of an attempt said."""

    __tablename__ = "results"
    __table_args__ = (
        UniqueConstraint("attempt_id", "key", "turn"),
        Index("ix_results_attempt", "attempt_id", "proposed", "id"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"))
    key: Mapped[str] = mapped_column(Text)
    """Digest over submission, exercise, grader, image and how it was run."""
    turn: Mapped[int] = mapped_column(default=0)
    """0 for the first grading under a key; more for tries after a fault of ours, and regradings."""
    proposed: Mapped[bool] = mapped_column(default=False)
    """Whether it waits to be applied by `batch --regrade`."""
    outcome: Mapped[str] = mapped_column(Text)
    earned: Mapped[float] = mapped_column(default=0.0)
    possible: Mapped[float | None]
    ungraded: Mapped[float] = mapped_column(default=0.0)
    pass_mark: Mapped[float] = mapped_column(default=0.0)
    fault: Mapped[str] = mapped_column(Text, default="")
    """Why it is ungraded."""
    seconds: Mapped[float] = mapped_column(default=0.0)
    graded_at: Mapped[str] = mapped_column(Text)


class Document(Base):
    """The whole result as JSON, apart from the columns so that lists stay quick."""

    __tablename__ = "documents"
    result_id: Mapped[int] = mapped_column(ForeignKey("results.id"), primary_key=True)
    json: Mapped[str] = mapped_column(Text)


class Claim(Base):
    """A grading that is under way, so that two batches do not do it twice."""

    __tablename__ = "claims"
    attempt_id: Mapped[int] = mapped_column(ForeignKey("attempts.id"), primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    owner: Mapped[str] = mapped_column(Text)
    until: Mapped[float]
    """Seconds since 1970 after which the claim is void, whatever became of its owner."""


class Adjustment(Base):
    """What a person changed, and why; never overwritten."""

    __tablename__ = "adjustments"
    id: Mapped[int] = mapped_column(primary_key=True)
    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), index=True)
    exercise: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    """set, add, excuse, clear or rubric."""
    item: Mapped[str] = mapped_column(Text, default="")
    """The rubric's item."""
    points: Mapped[float | None]
    author: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    made_at: Mapped[str] = mapped_column(Text)


class RubricItem(Base):
    """Something that a person scores."""

    __tablename__ = "rubric_items"
    exercise: Mapped[str] = mapped_column(Text, primary_key=True)
    item: Mapped[str] = mapped_column(Text, primary_key=True)
    title: Mapped[str] = mapped_column(Text, default="")
    points: Mapped[float]


class PolicyRow(Base):
    """Settings of an exercise, or of all (`*`); the newest row of a scope counts."""

    __tablename__ = "policies"
    id: Mapped[int] = mapped_column(primary_key=True)
    scope: Mapped[str] = mapped_column(Text)
    settings: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    made_at: Mapped[str] = mapped_column(Text)


class Extension(Base):
    """A later due date for one learner; the newest row counts."""

    __tablename__ = "extensions"
    id: Mapped[int] = mapped_column(primary_key=True)
    learner_id: Mapped[int] = mapped_column(ForeignKey("learners.id"), index=True)
    exercise: Mapped[str] = mapped_column(Text)
    until: Mapped[str] = mapped_column(Text)
    author: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    made_at: Mapped[str] = mapped_column(Text)
