"""`roadmark verify`: prove that exercises grade rightly."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from harness.cli.main import EXIT_USAGE
from harness.cli.options import DEVICE, SANDBOXES, choose_device, choose_sandbox, course_of, lent, parse_seed

if TYPE_CHECKING:
    from harness.records import Exercise, Gpu
    from harness.verify import Report, Step

EXIT_UNPROVED: Final = 1


@click.command()
@click.argument("exercises", nargs=-1, metavar="[EXERCISE]...")
@click.option("--changed-since", metavar="REV", help="Only what differs from this git revision.")
@click.option("--repeat", type=click.IntRange(1), default=1, show_default=True, help="Fresh seeds for each.")
@click.option(
    "--mutants", type=click.IntRange(0), default=0, show_default=True, help="Mutants of each reference."
)
@click.option("--mutant-seed", type=int, default=0, show_default=True, help="Chooses other mutants.")
@click.option("-j", "--jobs", type=click.IntRange(0), default=0, help="Gradings at once; one per processor.")
@click.option("--sandbox", type=click.Choice(SANDBOXES), default="auto", show_default=True)
@click.option("--device", default="cpu", type=DEVICE, show_default=True, help="cpu, or cuda[:i].")
@click.option("--seed", metavar="HEX", help="Have all seeds follow from this one, to see the same again.")
@click.option("--fresh", is_flag=True, help="A fresh container for each grading, as learners get.")
@click.option("--strict", is_flag=True, help="Work that is left to do counts as a problem.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON, and nothing else.")
@click.option("--junit", type=click.Path(dir_okay=False, path_type=Path), help="Write JUnit XML here.")
@click.option("--github", is_flag=True, help="Print annotations for GitHub Actions besides.")
@click.pass_context
def verify(
    ctx: click.Context,
    exercises: tuple[str, ...],
    *,
    changed_since: str | None,
    repeat: int,
    mutants: int,
    mutant_seed: int,
    jobs: int,
    sandbox: str,
    device: str,
    seed: str | None,
    fresh: bool,
    strict: bool,
    as_json: bool,
    junit: Path | None,
    github: bool,
) -> None:
    """Prove that each EXERCISE, by default every one, grades rightly.

    The reference and its alternatives earn every point; the starter does not pass; every
    wrong solution fails exactly the checks that its expect.toml names; every check is
    failed by one of them; nonsense earns nothing; limits are twice what is needed.

    \b
    Exit status: 0 proved, 1 a proof failed, 2 the specification or files are wrong,
    3 the sandbox could not be used.
    """
    from harness.verify import Demands
    from harness.verify import verify as prove

    course = course_of(ctx)
    names = _names(course, exercises, changed_since)
    if not names and not as_json:
        click.echo("Nothing to prove.")
    given = parse_seed(seed)
    lendable, read = _placed(course, names, device)
    demands = Demands(
        sandbox=_sandbox(read, sandbox, lendable),
        repeat=repeat,
        mutants=mutants,
        mutant_seed=mutant_seed,
        jobs=jobs,
        fresh=fresh,
    )
    demands = demands if given is None else replace(demands, seed=given)
    with _progress() as progress, lent(lendable) as gpu:
        report = prove(course, names, replace(demands, device=gpu), progress)
    _tell(report, course.root, as_json=as_json, junit=junit, github=github)
    sys.exit(_status(report, strict=strict))


def _names(course: Any, exercises: Sequence[str], revision: str | None) -> tuple[str, ...]:
    named = tuple(course.named(name) for name in exercises)
    if revision is None:
        return named or course.names()
    from harness.verify.changed import changed_since

    touched = changed_since(course, revision)
    return tuple(name for name in touched if not named or name in named)


def _placed(course: Any, names: Sequence[str], device: str) -> tuple[tuple[Gpu, ...], list[Exercise]]:
    """Return the GPUs of which one is to be lent, if one is, and the exercises that can be read."""
    from harness.catalog import read_exercise
    from harness.errors import SpecError

    if device == "auto":
        raise click.BadParameter("say cpu or cuda: a proof is of one of them", param_hint="--device")
    read: list[Exercise] = []
    gpus: tuple[Gpu, ...] = ()
    for name in names:
        try:
            exercise, _ = read_exercise(course.exercise_folder(name))
        except SpecError:
            continue
        if exercise is not None and device != "cpu":
            choice = choose_device(device, course, exercise)
            exercise, gpus = choice.exercise, choice.gpus
        read += [exercise] if exercise is not None else []
    return gpus, read


def _sandbox(read: Sequence[Exercise], wanted: str, gpus: Sequence[Gpu]) -> Literal["docker", "process"]:
    """Return the sandbox that all these exercises can use; the course's own solutions are trusted."""
    profiles = {exercise.profile: exercise for exercise in read}
    chosen = {choose_sandbox(wanted, exercise, trusted=True, gpus=gpus) for exercise in profiles.values()}
    return "process" if "process" in chosen else "docker"


@contextmanager
def _progress() -> Iterator[Callable[[Step], None]]:
    """Show what is done on stderr: a bar on a terminal, else a line for each grading."""
    if not sys.stderr.isatty():
        yield lambda step: click.echo(_step(step), err=True)
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("proving")
        yield lambda step: bar.update(
            task, completed=step.done, total=step.total, description=f"{step.exercise} {step.name}"
        )


def _step(step: Step) -> str:
    return (
        f"[{step.done:>{len(str(step.total))}}/{step.total}] {step.exercise} {step.name} {step.seconds:.1f} s"
    )


def _tell(report: Report, root: Path, *, as_json: bool, junit: Path | None, github: bool) -> None:
    from harness.verify import formats

    if junit:
        junit.parent.mkdir(parents=True, exist_ok=True)
        junit.write_bytes(formats.junit(report))
    if as_json:
        click.echo(formats.as_json(report))
        return
    from harness.cli.proofs import prefix_of, print_problems, print_survivors, print_table
    from harness.problems import github_lines

    print_problems(report.problems)
    print_survivors(report.exercises)
    if report.exercises:
        print_table(report)
    if github:
        for text in github_lines(report.problems, prefix_of(root)):
            click.echo(text)


def _status(report: Report, *, strict: bool) -> int:
    from harness.problems import errors

    read = {problem for one in report.exercises for problem in one.proofs[0].problems}
    if errors(read):
        return EXIT_USAGE
    return EXIT_UNPROVED if not report.proved or (strict and report.problems) else 0
