"""A course without torch, whose submissions cost a tenth of a second, and cohorts for it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from harness.catalog import Course
from harness.cli import main
from harness.cohort.planning import Plan, Wanted, plan
from harness.gradebook import Gradebook
from harness.gradebook.standing import rows
from harness.interchange.cells import number
from harness.interchange.readers import read_source
from tests.conftest import SPEC
from tests.gradebook.conftest import postgres, url  # noqa: F401 - fixtures

GRADER = '''
    @check(points=2)
    def test_adds(submission, rng):
        """add(a, b) adds"""
        a, b = rng.normal(size=(2, 3))
        assert_close(submission.add(a, b), a + b)

    @check(points=1)
    def test_negates(submission):
        """neg(a) negates"""
        assert_close(submission.neg(2.0), -2.0)
'''
RIGHT = "def add(a, b): return a + b\ndef neg(a): return -a\n"
KINDS = {
    "right": (RIGHT, "passed", "3"),
    "half": ("def add(a, b): return a + b\ndef neg(a): return a\n", "passed", "2"),
    "wrong": ("def add(a, b): return a - b\ndef neg(a): return -a\n", "failed", "1"),
    "syntax": ("def add(a, b:\n", "crashed", "0"),
    "dies": ("import os\ndef add(a, b): os._exit(0)\ndef neg(a): os._exit(0)\n", "crashed", "0"),
    "raises": ("raise RuntimeError\n", "crashed", "0"),
}
PATIENT = SPEC.replace("call_seconds = 2.0", "call_seconds = 30.0").replace(
    "import_seconds = 3.0", "import_seconds = 30.0"
)
ROADMARK = [sys.executable, "-m", "harness.cli"]


@pytest.fixture
def tiny(small_course) -> Course:
    """A course of one exercise without torch; its limits are those of a machine with much to do."""
    return small_course(GRADER, spec=PATIENT)


@pytest.fixture
def cohort(tmp_path: Path) -> Callable[[int], dict[str, tuple[str, str]]]:
    """Write so many submissions of all kinds; returns what is expected: outcome and points by learner."""

    def make(count: int, name: str = "handed-in") -> dict[str, tuple[str, str]]:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        expected = {}
        for index, kind in zip(range(count), list(KINDS) * count, strict=False):
            text, outcome, points = KINDS[kind]
            (folder / f"{kind}{index:03}.py").write_text(f"{text}# {index}\n")
            expected[f"{kind}{index:03}"] = (outcome, points)
        return expected

    return make


@pytest.fixture
def roadmark(tiny: Course, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command line on the tiny course."""

    def run(*arguments: str, check: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [*ROADMARK, "--course", str(tiny.root), *arguments],
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
            timeout=300,
        )
        assert check is None or done.returncode == check, (done.returncode, done.stdout, done.stderr)
        return done

    return run


@pytest.fixture
def command(tiny: Course, tmp_path: Path, monkeypatch) -> Callable[..., Result]:
    """Run a command that starts no process in this one: what is said and how it ends, a second sooner."""

    def run(*arguments: str, check: int = 0) -> Result:
        monkeypatch.chdir(tmp_path)
        done = CliRunner().invoke(main, ["--course", str(tiny.root), *arguments])
        assert done.exit_code == check, (done.exit_code, done.output, done.exception)
        return done

    return run


@pytest.fixture
def start(tiny: Course, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Start the command line in a session of its own."""

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [*ROADMARK, "--course", str(tiny.root), *arguments]
        return subprocess.Popen(
            command,
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return run


def planned(book: str | Path, tiny: Course, folder: Path, **wanted: object) -> Plan:
    """What a batch over the cohort would do."""
    with read_source(folder / "handed-in", "auto", tiny.names()) as source, Gradebook(str(book)) as opened:
        pairs = [(tiny.find("small"), one) for one in source.handed]
        return plan(opened, tiny, pairs, Wanted(sandbox="process", **wanted))


def batch(book: str, *more: str, sandbox: str = "process") -> tuple[str, ...]:
    """The arguments of a batch over the cohort."""
    chosen = (
        ("--sandbox", "process", "--trust-submissions") if sandbox == "process" else ("--sandbox", "docker")
    )
    return ("batch", "small", "handed-in", "--gradebook", book, *chosen, *more)


def standing(url: Path | str) -> dict[str, tuple[str, str]]:
    """Outcome and points of each learner, as exports show them."""
    with Gradebook(str(url)) as book, book.reading() as session:
        return {row.learner: (row.outcome, number(row.points)) for row in rows(session)}


def kill_group(process: subprocess.Popen, how: int = signal.SIGKILL) -> None:
    os.kill(process.pid, how)
    process.communicate(timeout=60)


def descendants(session: int) -> list[int]:
    """Processes that still belong to a session."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == session and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def wait_until_gone(session: int, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while descendants(session) and time.monotonic() < end:
        time.sleep(0.1)
    assert not descendants(session), "processes outlived their batch"
