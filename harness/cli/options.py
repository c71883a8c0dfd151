"""What several commands share: the course, the sandbox's choice, and reading a submission."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import click

from harness.errors import NoEngine, NothingThere, SandboxError, SubmissionError
from harness.records import Exercise, Gpu, Submission

if TYPE_CHECKING:
    from harness.gpu.choosing import Choice
    from harness.gpu.nvml import Found

SANDBOXES: Final = ("auto", "docker", "process")
Function = TypeVar("Function", bound=Callable[..., Any])


def course_of(ctx: click.Context) -> Any:
    """Return the course that was asked for."""
    from harness.catalog import HOME, Course

    return Course(ctx.obj or HOME)


class Device(click.ParamType):  # type: ignore[type-arg] # not generic in older versions
    """What stands after `--device`."""

    name = "device"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is; anything else is a usage error."""
        from harness.gpu.choosing import WANTED

        if not WANTED.fullmatch(value):
            self.fail(f"{value!r} is neither auto, cpu, cuda nor cuda:0", param, ctx)
        return value


DEVICE: Final = Device()

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
    click.option("--device", default="auto", type=DEVICE, show_default=True, help="auto, cpu, or cuda[:i]."),
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
    wanted: str, exercise: Exercise, *, trusted: bool, runtime: str = "", gpus: Sequence[Gpu] = ()
) -> Literal["docker", "process"]:
    """Return the sandbox to use, proved to be usable; raises `SandboxError` with the next step."""
    if wanted != "process":
        try:
            _require_docker(exercise, runtime, [gpu.uuid for gpu in gpus] or [""])
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


def _require_docker(exercise: Exercise, runtime: str, devices: Sequence[str]) -> None:
    from harness.doctor import require_proof
    from harness.sandbox.docker import reap
    from harness.sandbox.engine import connect
    from harness.sandbox.images import require_image

    client = connect()
    try:
        require_image(client, exercise.profile)
        reap(client)
        for device in devices:
            require_proof(client, exercise.profile, runtime, device)
    finally:
        client.close()


def choose_device(
    wanted: str,
    course: Any,
    exercise: Exercise,
    *,
    marks: bool = True,
    look: Callable[[], Found] | None = None,
) -> Choice:
    """Return what an exercise is graded on, and say why an optional GPU is not used; never a silent fallback.

    Args:
        wanted, course, exercise, marks: As for `harness.gpu.choosing.choose`.
        look: Finds the GPUs; by default this machine's.

    Raises:
        SandboxError, SpecError: it cannot be graded so.
    """
    from harness.gpu.choosing import choose
    from harness.gpu.nvml import find

    choice = choose(wanted, course, exercise, look or find, marks=marks)
    if choice.note:
        click.echo(choice.note, err=True)
    return choice


@contextmanager
def lent(gpus: Sequence[Gpu]) -> Iterator[Gpu | None]:
    """Lend one of the GPUs that were chosen until the block ends; None where the CPU was."""
    if not gpus:
        yield None
        return
    from harness.gpu.lending import one

    with one(gpus, lambda text: click.echo(text, err=True)) as gpu:
        yield gpu


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
