"""`roadmark calibrate`: measure the marks of an exercise's metrics."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import click

from harness.cli.options import DEVICE, SANDBOXES, choose_device, choose_sandbox, course_of, lent

if TYPE_CHECKING:
    from harness.anchors import Anchor
    from harness.calibrate import Calibrated

EXIT_REFUSED: Final = 1


@click.command()
@click.argument("exercise")
@click.option("--seeds", type=click.IntRange(2), default=8, show_default=True, help="Runs of the reference.")
@click.option(
    "--baseline-seeds", type=click.IntRange(1), default=3, show_default=True, help="Runs of each baseline."
)
@click.option(
    "--reruns",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="Further runs of the reference and of each alternative, to see whether they miss full marks.",
)
@click.option("--confidence", type=click.FloatRange(0.5, 0.9999), default=0.995, show_default=True)
@click.option("-j", "--jobs", type=click.IntRange(0), default=0, help="Runs at once; one per processor.")
@click.option("--sandbox", type=click.Choice(SANDBOXES), default="auto", show_default=True)
@click.option("--device", type=DEVICE, help="cpu, or cuda[:i]; by default what the exercise needs.")
@click.option("--dry-run", is_flag=True, help="Measure and tell, and write nothing.")
@click.pass_context
def calibrate(
    ctx: click.Context,
    exercise: str,
    *,
    seeds: int,
    baseline_seeds: int,
    reruns: int,
    confidence: float,
    jobs: int,
    sandbox: str,
    device: str | None,
    dry_run: bool,
) -> None:
    """Measure where the zero and full marks of each metric of EXERCISE lie, and store them.

    The zero mark is what the baseline reaches, the full mark what an honest run reaches
    with the stated confidence. A metric that does not tell the two apart is refused.

    \b
    Exit status: 0 stored, 1 refused, 2 there is nothing to calibrate, 3 the sandbox or
    the grader could not do its work.
    """
    from harness.anchors import FILE, GPU_FILE, write_calibration
    from harness.calibrate import Plan
    from harness.calibrate import calibrate as measure

    course = course_of(ctx)
    found = course.find(exercise)
    wanted = device or ("auto" if found.device == "gpu" else "cpu")
    choice = choose_device(wanted, course, found, marks=False)
    plan = Plan(
        sandbox=choose_sandbox(sandbox, choice.exercise, trusted=True, gpus=choice.gpus),
        seeds=seeds,
        baseline_seeds=baseline_seeds,
        reruns=reruns,
        confidence=confidence,
        jobs=jobs,
    )
    with lent(choice.gpus) as gpu:
        done = measure(course, found.id, replace(plan, device=gpu), _progress)
    for name, anchor in done.calibration.metrics.items():
        click.echo(_told(name, anchor))
    _tell_doubts(done)
    if done.refusals:
        click.echo("Nothing was written.")
        sys.exit(EXIT_REFUSED)
    if not dry_run:
        file = write_calibration(course, found.id, done.calibration, GPU_FILE if choice.gpus else FILE)
        click.echo(f"Written: {file}")


def _progress(done: int, total: int, name: str, values: Mapping[str, float]) -> None:
    told = ", ".join(f"{metric} {value:.4g}" for metric, value in values.items())
    click.echo(f"[{done:>{len(str(total))}}/{total}] {name}: {told}", err=True)


def _told(name: str, anchor: Anchor) -> str:
    """Return a metric's marks and where they come from, in a few lines."""
    runs = anchor.reference
    beyond = [
        value > anchor.full if anchor.better == "lower" else value < anchor.full for value in anchor.reruns
    ]
    ratio = "elsewhere" if anchor.discrimination is None else f"{anchor.discrimination:.1f} sd away"
    honest = len(runs) + len(beyond)
    lines = [
        f"{name} ({anchor.better} is better, {anchor.scale} scale)",
        f"  reference  {_range(runs)}",
        *(f"  baseline   {one}: {_range(values)}" for one, values in anchor.baseline.items()),
        f"  marks      zero {anchor.zero:.4g}, full {anchor.full:.4g}; the baseline is {ratio}",
        f"  honest     {sum(beyond)} of {len(beyond)} re-runs miss full marks",
        f"             {anchor.false_fail:.2%} are expected to, from all {honest} honest runs",
    ]
    return "\n".join(lines)


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.4g} to {max(values):.4g} over {len(values)} seeds"


def _tell_doubts(done: Calibrated) -> None:
    for text in done.warnings:
        click.echo(f"Warning: {text}")
    for text in done.refusals:
        click.echo(f"Refused: {text}")
