"""`roadmark batch`: many submissions into one gradebook."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.books import (
    apply_changes,
    gradebook_option,
    opened,
    show_changes,
    source_options,
    taken_from,
)
from harness.cli.clusters import address_option, engaged, gpus_of, sandbox_of
from harness.cli.options import DEVICE, SANDBOXES, choose_device, choose_sandbox, course_of
from harness.errors import SpecError

if TYPE_CHECKING:
    from harness.cohort.planning import Plan
    from harness.gradebook import Gradebook
    from harness.interchange.records import Handed
    from harness.records import Exercise, Gpu


@click.command()
@click.argument("arguments", nargs=-1, metavar="[EXERCISE] SOURCE", required=True)
@click.option("--all", "every", is_flag=True, help="SOURCE holds <learner>/<exercise> for many exercises.")
@gradebook_option
@source_options
@click.option("--sandbox", type=click.Choice(SANDBOXES), default="auto", show_default=True)
@click.option("--trust-submissions", is_flag=True, help="Allow the process sandbox, which does not isolate.")
@click.option("--runtime", default="", metavar="NAME", help="What runs containers, such as runsc.")
@click.option("--device", default="auto", type=DEVICE, show_default=True, help="auto, cpu, or cuda[:i].")
@click.option(
    "-j", "--jobs", type=click.IntRange(0), default=0, help="Gradings at once; 0: one per processor."
)
@click.option(
    "--executor",
    type=click.Choice(("local", "ray")),
    default="local",
    show_default=True,
    help="Where to grade: on this machine, or on the nodes of a Ray cluster.",
)
@address_option
@click.option(
    "--only", multiple=True, metavar="PATTERN", help="Only these learners or exercises, as ada or a*."
)
@click.option(
    "--changed", is_flag=True, help="Only files that have no verdict; a mended grader regrades nothing."
)
@click.option("--retry-ungraded", is_flag=True, help="Only what a fault of ours left ungraded.")
@click.option("--limit", type=click.IntRange(1), help="At most so many gradings now.")
@click.option(
    "--keep-artifacts",
    "keep",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep what submissions answer in DIR, for `roadmark rescore`.",
)
@click.option("--regrade", is_flag=True, help="Grade all again; verdicts count when all are there.")
@click.option(
    "--diff", is_flag=True, help="With --regrade: show who would change by how much, and apply nothing."
)
def batch(arguments: tuple[str, ...], *, every: bool, gradebook: str, **chosen: Any) -> None:
    """Grade all submissions in SOURCE for EXERCISE, or with --all for a tree of learners by exercises.

    Each verdict is written down as it comes. However it was interrupted, the same command
    goes on where it stopped, and what has a verdict is not graded again unless the files,
    the exercise, its grader or the sandbox's image have changed.

    \b
    Exit status: 0 all graded, 3 some are left ungraded, 130 interrupted.
    """
    if chosen["diff"] and not chosen["regrade"]:
        raise click.UsageError("--diff shows what --regrade would change: give both")
    if chosen["keep"] and chosen["executor"] != "local":
        raise click.UsageError("--keep-artifacts keeps what is graded on this machine: --executor local")
    if chosen["runtime"] and chosen["executor"] != "local":
        raise click.UsageError("--runtime is one of this machine's engine: --executor local")
    course = course_of(click.get_current_context())
    with taken_from(course, arguments, every=every, chosen=chosen) as (source, pairs):
        for one in source.ignored:
            click.echo(f"ignored {one.name}: {one.reason}", err=True)
        if not pairs:
            raise SpecError(f"there are no submissions in {arguments[-1]}", hint="roadmark import --dry-run")
        with opened(gradebook, create=True) as book:
            left = _grade(book, course, pairs, chosen)
    sys.exit(3 if left else 0)


def _grade(
    book: Gradebook, course: Any, pairs: Iterable[tuple[Exercise, Handed]], chosen: dict[str, Any]
) -> int:
    """Grade, say what came of it, and return how many are left ungraded."""
    from harness.cli.progress import watching
    from harness.cohort.batch import run_batch
    from harness.cohort.executor import Manner
    from harness.cohort.planning import Wanted, plan

    pairs, gpus = _placed(course, list(pairs), chosen)
    sandbox = _sandbox(pairs, chosen, gpus)
    wanted = Wanted(
        sandbox=sandbox,
        only=chosen["only"],
        changed=chosen["changed"],
        retry_ungraded=chosen["retry_ungraded"],
        regrade=chosen["regrade"],
        limit=chosen["limit"],
    )
    made = plan(book, course, pairs, wanted)
    with watching(len(made.works)) as screen:
        screen.begin(made)
        manner = Manner(
            sandbox=sandbox,
            jobs=chosen["jobs"],
            runtime=chosen["runtime"],
            devices=gpus,
            proposed=wanted.regrade,
            keep=chosen["keep"],
            say=screen.say,
        )
        engage = engaged(chosen["executor"], chosen["address"])
        tally = run_batch(book, course, made.works, manner, screen.settled, engage)
        screen.end(tally, made)
    if wanted.regrade:
        _regraded(book, made, show_only=chosen["diff"], ready=not tally.ungraded and not made.left)
    return tally.ungraded


def _placed(
    course: Any, pairs: list[tuple[Exercise, Handed]], chosen: dict[str, Any]
) -> tuple[list[tuple[Exercise, Handed]], tuple[Gpu, ...]]:
    """Return each exercise as it is graded on what is lent to it, and all GPUs that are lent."""
    exercises = {exercise.id: exercise for exercise, _ in pairs}
    mixed = any(exercise.device != "cpu" for exercise in exercises.values())
    look = gpus_of(chosen["executor"], chosen["address"])
    choices = {
        name: choose_device(
            "auto" if mixed and exercise.device == "cpu" else chosen["device"], course, exercise, look=look
        )
        for name, exercise in exercises.items()
    }
    gpus = {gpu.uuid: gpu for choice in choices.values() for gpu in choice.gpus}
    return [(choices[exercise.id].exercise, one) for exercise, one in pairs], tuple(gpus.values())


def _sandbox(pairs: Iterable[tuple[Exercise, Handed]], chosen: dict[str, Any], gpus: tuple[Gpu, ...]) -> Any:
    """Return the sandbox for all of them, proved for each image that is needed; nodes prove their own."""
    if chosen["executor"] != "local":
        return sandbox_of(chosen["sandbox"], trusted=chosen["trust_submissions"])
    exercises = {exercise.id: exercise for exercise, _ in pairs}
    profiles = {exercise.profile: exercise for exercise in exercises.values()}
    trusted = chosen["trust_submissions"]
    (sandbox,) = {
        choose_sandbox(
            chosen["sandbox"],
            one,
            trusted=trusted,
            runtime=chosen["runtime"],
            gpus=gpus if one.device == "gpu" else (),
        )
        for one in profiles.values()
    }
    return sandbox


def _regraded(book: Gradebook, made: Plan, *, show_only: bool, ready: bool) -> None:
    """Show what regrading changes; let it count if that was asked for and all is there."""
    labels = {attempt: work for work in made.every for attempt in work.attempts}
    show_changes(book, {number: f"{one.learner}  {one.exercise.id}" for number, one in labels.items()})
    if show_only:
        click.echo(
            "Nothing was applied. Without --diff the same command applies it and grades nothing again."
        )
    elif ready:
        apply_changes(book, {attempt: work.key for attempt, work in labels.items()})
    else:
        click.echo("Not applied: some are left. Run the same command again.")
