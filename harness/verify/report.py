"""What a proof of exercises found, as records: for the terminal, for JSON, for JUnit and for GitHub."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from harness.problems import Problem, errors, in_order

SCHEMA: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """One thing that was proved, or was not."""

    name: str
    """Such as `solution`, `wrong/no-scale`, `nonsense`."""
    seconds: float = 0.0
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    """A mutant that earns every point."""

    id: str
    kind: str
    file: str
    line: int
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What became of an exercise's mutants."""

    graded: int
    caught: int
    excused: int
    """Mutants of those chosen that mutants.toml excuses; they were not graded."""
    survivors: tuple[Survivor, ...] = ()

    @property
    def share(self) -> float:
        """Return the share of the graded mutants that were caught, 0 to 1; higher is better."""
        return self.caught / self.graded if self.graded else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One exercise and all that was proved of it."""

    id: str
    title: str
    checks: tuple[str, ...] = ()
    caught: tuple[str, ...] = ()
    """The checks that at least one wrong solution failed, in this run."""
    points: float = 0.0
    reference_seconds: float | None = None
    proofs: tuple[Proof, ...] = ()
    mutation: Mutation | None = None

    @property
    def stage(self) -> str:
        """Return the id of its stage."""
        return self.id.partition("/")[0]

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return all its problems in order."""
        return in_order(problem for proof in self.proofs for problem in proof.problems)

    @property
    def proved(self) -> bool:
        """Whether nothing makes it unfit for use."""
        return not errors(self.problems)

    @property
    def seconds(self) -> float:
        """Return the time of its gradings, one after the other."""
        return sum(proof.seconds for proof in self.proofs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All exercises that were to be proved."""

    schema_version: int = SCHEMA
    sandbox: Literal["docker", "process"]
    fresh: bool = True
    """Whether each grading had a container of its own; else solutions of an exercise shared one, in turn."""
    seconds: float
    """Wall time."""
    exercises: tuple[Verified, ...] = ()

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return all problems, errors first."""
        return in_order(problem for exercise in self.exercises for problem in exercise.problems)

    @property
    def proved(self) -> bool:
        """Whether every exercise is fit for use."""
        return all(exercise.proved for exercise in self.exercises)
