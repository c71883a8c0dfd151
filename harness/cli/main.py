"""The `roadmark` group: finds commands, suggests near names, and shows errors with what to do next."""

from __future__ import annotations

import difflib
import importlib
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import click

from harness.errors import RoadmarkError, SandboxError, SpecError, SubmissionError

COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "list": ("everyone", "Show the roadmap: stages and their exercises."),
    "show": ("everyone", "Show what an exercise asks for."),
    "doctor": ("everyone", "Prove that this machine can grade, and say what is missing."),
    "image": ("everyone", "Build the sandbox image, or say whether it is current."),
    "clean": ("everyone", "Remove what an interrupted run left behind."),
    "demo": ("everyone", "Grade references and wrong solutions, and write their reports."),
    "start": ("learners", "Copy an exercise's task and starter into a folder."),
    "check": ("learners", "Ask the public checks about your work."),
    "submit": ("learners", "Check your work and write a bundle to hand in."),
    "report": ("learners", "Turn a stored result into an HTML page."),
    "grade": ("instructors", "Grade one submission with public and hidden checks."),
    "batch": ("instructors", "Grade many submissions into a gradebook; interrupted, it goes on."),
    "cluster": ("instructors", "Show the nodes of a Ray cluster that grade."),
    "rescore": ("instructors", "Apply a mended grader to answers that were kept; run nothing."),
    "gradebook": ("instructors", "Show, adjust and export who stands where."),
    "import": ("instructors", "Read what Gradescope, Canvas, Moodle, nbgrader or GitHub exported."),
    "export": ("instructors", "Write a result for Gradescope, GitHub Classroom or a CI."),
    "demo-cohort": ("instructors", "Write a made-up cohort whose scores are known."),
    "release": ("instructors", "Write the course as learners may have it."),
    "new": ("authors", "Write the skeleton of an exercise."),
    "verify": ("authors", "Prove that references pass and wrong solutions are caught."),
    "calibrate": ("authors", "Measure a metric's zero and full marks."),
    "starter": ("authors", "Write an exercise's starter from its reference."),
    "lint": ("authors", "Read every exercise and say all that is wrong with it."),
}
ATTRIBUTES: Final[Mapping[str, str]] = {"list": "list_exercises"}
MODULES: Final[Mapping[str, str]] = {"import": "import_"}
EXIT_USAGE: Final = 2
EXIT_HARNESS: Final = 3
EXIT_INTERRUPTED: Final = 130


class Group(click.Group):
    """Imports a command when it is called, so that `--help` answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        file = MODULES.get(cmd_name, cmd_name.replace("-", "_"))
        command = getattr(importlib.import_module(f"harness.cli.{file}"), ATTRIBUTES.get(cmd_name, file))
        return command if isinstance(command, click.Command) else None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Find the command; an unknown one gets near names."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and name not in COMMANDS:
            near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
            hint = f" Did you mean '{near[0]}'?" if near else " Try 'roadmark --help'."
            raise click.UsageError(f"There is no command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by whom they are for, without importing any."""
        del ctx
        for audience in dict.fromkeys(audience for audience, _ in COMMANDS.values()):
            rows = [(name, text) for name, (whom, text) in COMMANDS.items() if whom == audience]
            with formatter.section(f"For {audience}"):
                formatter.write_dl(rows)

    def main(self, *args: Any, standalone_mode: bool = True, **kwargs: Any) -> Any:
        """Run, and turn errors into words and an exit status."""
        run: Callable[..., Any] = super().main
        if not standalone_mode:
            return run(*args, standalone_mode=False, **kwargs)
        try:
            status = run(*args, standalone_mode=False, **kwargs)
        except click.ClickException as error:
            error.show()
            status = error.exit_code
        except RoadmarkError as error:
            status = tell(error)
        except BrokenPipeError:  # whoever read our output has gone
            status = 1
        except OSError as error:  # a full disk, a folder that may not be written
            status = tell(SandboxError(_about(error), hint="make room or choose another place, then again"))
        except click.Abort:
            status = EXIT_INTERRUPTED
        except Exception:  # noqa: BLE001 - ours, whatever it is; Python's own status would say `did not pass`
            traceback.print_exc()
            status = EXIT_HARNESS
        sys.exit(status if isinstance(status, int) else 0)


def tell(error: RoadmarkError) -> int:
    """Print an error with its hint to stderr and return the exit status."""
    from harness.failures import plain  # names of files may be a learner's

    click.echo(f"Error: {plain(error)}", err=True)
    if error.hint:
        label = "Next" if error.hint.startswith("roadmark ") else "Hint"
        click.echo(f"{label}: {plain(error.hint)}", err=True)
    return EXIT_USAGE if isinstance(error, (SpecError, SubmissionError)) else EXIT_HARNESS


def _about(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


def _version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's order
    if wanted:
        from importlib.metadata import version

        click.echo(f"roadmark {version('roadmark')}")
        ctx.exit()


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--course",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="ROADMARK_COURSE",
    help="A folder with exercises/, graders/ and reference/ instead of the course that comes with Roadmark.",
)
@click.option(
    "--version", is_flag=True, callback=_version, expose_value=False, is_eager=True, help="Show the version."
)
@click.pass_context
def main(ctx: click.Context, course: Path | None) -> None:
    """Grade work along the generative-AI roadmap.

    A submission runs behind a wall, in a container that holds no test, no expected value
    and no network. A grader outside asks it questions and scores the answers.

    \b
    Exit status: 0 passed, 1 did not pass, 2 wrong usage, 3 the harness could not
    do its work, 130 interrupted.
    """
    ctx.obj = course
