"""What several commands share: the course, the sandbox's choice, and reading a submission."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import click

from harness.errors import NoEngine, NothingThere, SandboxError, SubmissionError
from harness.records import Exercise, Submission

SANDBOXES: Final = ("auto", "docker", "process")
Function = TypeVar("Function", bound=Callable[..., Any])


def course_of(ctx: click.Context) -> Any:
    """Return the course that was asked for."""
    from harness.catalog import HOME, Course

    return Course(ctx.obj or HOME)


_GRADING: Final = (
    click.option(
        "--sandbox",
        type=click.Choice(SANDBOXES),
        default="auto",
        show_default=True,
        help="Where the submission runs; auto is Docker if an engine answers.",
    ),
    click.option("--runtime", default="", metavar="NAME", help="What runs the container, such as runsc."),
    click.option("--seed", metavar="HEX", help="Replay a run: the seed that its result records."),
    click.option("--device", default="auto", show_default=True, help="auto, cpu, or cuda[:i]."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and nothing else."),
    click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write the page here."),
    click.option("--learner", default="", help="Whose work it is; by default the file's or folder's name."),
)


def grading_options(function: Function) -> Function:
    """Add the options by which one submission is run."""
    for option in reversed(_GRADING):
        function = option(function)
    return function


def choose_sandbox(
    wanted: str, exercise: Exercise, *, trusted: bool, runtime: str = ""
) -> Literal["docker", "process"]:
    """Return the sandbox to use, proved to be usable; raises `SandboxError` with the next step."""
    if wanted != "process":
        try:
            _require_docker(exercise, runtime)
        except NoEngine as error:
            if wanted == "docker" or not trusted:
                hint = error.hint or "start Docker"
                raise NoEngine(
                    str(error), hint=f"{hint}; for work that you trust: --trust-submissions"
                ) from None
            click.echo(
                "No Docker engine answers: using the process sandbox, which does not isolate.", err=True
            )
        else:
            return "docker"
    elif not trusted:
        raise SandboxError(
            "the process sandbox does not isolate: a submission can read what you can read",
            hint="use Docker, or add --trust-submissions for work that you trust",
        )
    from harness.sandbox import process

    process.reap()
    return "process"


def _require_docker(exercise: Exercise, runtime: str) -> None:
    from harness.doctor import require_proof
    from harness.sandbox.docker import reap
    from harness.sandbox.engine import connect
    from harness.sandbox.images import require_image

    client = connect()
    try:
        require_image(client, exercise.profile)
        reap(client)
        require_proof(client, exercise.profile, runtime)
    finally:
        client.close()


def require_device(wanted: str, exercise: Exercise) -> None:
    """Refuse a device that this version cannot give; never a silent fallback."""
    if wanted not in ("auto", "cpu") or exercise.device == "gpu":
        device = "cuda" if wanted in ("auto", "cpu") else wanted
        hint = "use another machine" if exercise.device == "gpu" else "use --device cpu"
        raise SandboxError(f"this machine has no '{device}' for {exercise.id}", hint=hint)


def parse_seed(text: str | None) -> bytes | None:
    """Return the bytes of a seed in hex; raises a usage error."""
    if text is None:
        return None
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is not hexadecimal", param_hint="--seed") from None


def read(course: Any, exercise: Exercise, path: Path, learner: str) -> tuple[Submission, str]:
    """Return the submission and why it is refused, if it is; raises `SubmissionError` if nothing is there."""
    from harness.intake import learner_of, read_submission, shown

    starter = course.exercise_folder(exercise.id) / "starter" / exercise.entry
    known = starter.read_bytes() if starter.exists() else None
    try:
        return read_submission(path, exercise, starter=known, learner=learner), ""
    except NothingThere:
        raise
    except SubmissionError as error:
        end = "" if error.hint.endswith((".", "?")) else "."
        hint = f" {error.hint[0].upper()}{error.hint[1:]}{end}" if error.hint else ""
        name = shown(learner) or learner_of(path)
        return Submission(
            files=(), entry=exercise.entry, digest="", origin=shown(str(path)), learner=name
        ), f"{error}.{hint}"
