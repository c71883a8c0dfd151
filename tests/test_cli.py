"""The command line: exit statuses that mean something, and words that say what to do next."""

import json
import os
import signal
import subprocess
import sys
import time

import jsonschema
import pytest
from click.testing import CliRunner

from harness.cli.main import COMMANDS, EXIT_HARNESS, EXIT_INTERRUPTED, EXIT_USAGE, main
from harness.store import load, schema

GRADER = '''
    @check(points=2)
    def test_adds(submission):
        """add(a, b) adds"""
        print("a grader that prints")
        assert_close(submission.add(1.0, 2.0), 3.0, what="add(1, 2)")
'''
HIDDEN = '''
    @check(points=1, hint="think of nothing")
    def test_zero(submission):
        """add works with zero"""
        assert_close(submission.add(0.0, 0.0), 0.0)
'''
BUG = '''
    @check(points=1)
    def test_bug(submission):
        """The grader has a bug"""
        raise KeyError("ours")
'''
RIGHT = "def add(a, b):\n    return a + b\n"
WRONG = "def add(a, b):\n    return a - b - 1\n"
NO_ENGINE = "unix:///nonexistent/docker.sock"
TRUSTED = ("--sandbox", "process", "--trust-submissions")


class Line:
    """Runs commands on a small course, in this process, where no engine answers."""

    def __init__(self, course, folder):
        self.course, self.folder = course, folder

    def __call__(self, *arguments, **environment):
        given = ["--course", str(self.course.root), *map(str, arguments)]
        return CliRunner(env={"DOCKER_HOST": NO_ENGINE, **environment}).invoke(main, given)

    def file(self, text, name="small.py"):
        file = self.folder / name
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def grade(self, text, *options, **environment):
        return self("grade", "small", self.file(text), *TRUSTED, *options, **environment)


@pytest.fixture
def line(small_course, tmp_path):
    return Line(small_course(GRADER, HIDDEN), tmp_path)


@pytest.fixture
def buggy(small_course, tmp_path):
    return Line(small_course(GRADER, BUG), tmp_path)


# ---- help ------------------------------------------------------------------------------------

ASK_EVERY_HELP = """
import sys
from click.testing import CliRunner
from harness.cli.main import COMMANDS, main

for arguments in [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, (arguments, result.output, result.exception)
    assert len(result.output) > 10, arguments
    heavy = {"torch", "docker", "numpy", "pytest", "sqlalchemy", "ray"} & set(sys.modules)
    assert not heavy, (arguments, heavy)
"""


def test_every_command_has_help_that_waits_for_no_library():
    done = subprocess.run([sys.executable, "-c", ASK_EVERY_HELP], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_lists_every_command_with_its_line():
    output = " ".join(CliRunner().invoke(main, ["--help"]).output.split())
    for name, (_, text) in COMMANDS.items():
        assert f"{name} {text}" in output


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_and_the_command_agree_on_its_name(name):
    command = main.get_command(None, name)
    assert command.name == name
    assert command.get_short_help_str()


# ---- usage -----------------------------------------------------------------------------------

USAGE = {
    "command": (["grad"], "There is no command 'grad'. Did you mean 'grade'?"),
    "far-command": (["xyzzy"], "There is no command 'xyzzy'. Try 'roadmark --help'."),
    "option": (["grade", "small", "x", "--trust"], "No such option"),
    "no-path": (["grade", "small"], "Missing argument 'PATH'"),
    "exercise": (["grade", "smal", "x"], "there is no exercise 'smal'\nHint: Did you mean 'small'?"),
    "far-exercise": (["check", "xyzzy", "x"], "there is no exercise 'xyzzy'\nNext: roadmark list"),
    "no-file": (["grade", "small", "nowhere.py", *TRUSTED], "nowhere.py does not exist"),
    "seed": (
        ["grade", "small", "x.py", "--seed", "xyz", *TRUSTED],
        "Invalid value for --seed: 'xyz' is not hexadecimal",
    ),
    "sandbox": (["grade", "small", "x.py", "--sandbox", "jail"], "'jail' is not one of"),
    "result": (["report", "nowhere.json"], "nowhere.json: No such file or directory"),
    "image": (["image", "bild"], "No such command 'bild'"),
}


@pytest.mark.parametrize(("arguments", "words"), USAGE.values(), ids=USAGE)
def test_wrong_usage_is_said(line, arguments, words):
    result = line(*arguments)
    assert result.exit_code == EXIT_USAGE, result.output
    assert words in result.stderr
    assert result.stdout == ""


def test_a_course_that_is_none_is_said(tmp_path):
    result = CliRunner().invoke(main, ["--course", str(tmp_path), "list"])
    assert (result.exit_code, "is not a course" in result.stderr) == (EXIT_USAGE, True)


@pytest.mark.parametrize(("near", "shown"), [("smol.py", "smol.py"), ("smal\x1b[2Jl.py", "small.py")])
def test_a_near_file_is_named(line, near, shown):
    line.file(RIGHT, near)
    result = line("grade", "small", line.folder / "smoll.py", *TRUSTED)
    assert f"Hint: Did you mean '{line.folder / shown}'?" in result.stderr


# ---- outcomes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status"),
    [(RIGHT, 0), (WRONG, 1), ("", 1), ("add = 3\n", 1)],
    ids=["right", "wrong", "empty", "no-function"],
)
def test_the_exit_status_says_what_became_of_it(line, text, status):
    result = line.grade(text)
    assert result.exit_code == status, result.output
    assert ("3 of 3 points: passed" in result.stdout) == (status == 0)


def test_what_was_not_graded_is_neither_a_pass_nor_a_zero(buggy):
    result = buggy.grade(RIGHT)
    assert result.exit_code == EXIT_HARNESS
    assert "could not be graded (our fault): grade again" in result.stdout


def test_what_is_no_python_is_told_in_the_table_and_in_json(line):
    words = "small.py: expected Python text, got a PDF. Save it as UTF-8 .py and try again."
    table = line.grade(b"%PDF-1.7")
    assert table.exit_code == 1
    assert words in " ".join(table.stdout.split())
    tree = json.loads(line.grade(b"%PDF-1.7", "--json").stdout)
    assert tree["checks"][0]["message"] == words
    assert {(check["outcome"], check["reason"], check["earned"]) for check in tree["checks"]} == {
        ("crashed", "invalid", 0)
    }
    assert tree["score"] == {"earned": 0, "possible": 3, "passed": False, "ungraded": 0}


def test_of_hidden_checks_hints_are_shown_and_no_values(line):
    result = line.grade(WRONG)
    assert "Hint: think of nothing" in result.stdout
    output = " ".join(result.stdout.split())
    assert "is -2, expected 3" in output
    assert "expected 0" not in output


def test_check_asks_public_checks_only(line):
    result = line("check", "small", line.file(RIGHT))
    assert result.exit_code == 0
    assert "2 of 2 points" in result.stdout
    assert "grading asks hidden ones besides" in result.stdout


def test_nothing_that_a_learner_wrote_moves_the_terminal(line):
    evil = "\\x1b[2J\\x1b]0;owned\\x07\\u202e\\x9b31m\\ud800"
    text = f"def add(a, b):\n    print('{evil}')\n    raise type('{evil}'.encode('utf8', 'replace').decode(), (ValueError,), {{}})('{evil}')\n"
    file = line.folder / "\x1b[31mevil\u202e.py"
    file.write_text(text)
    result = line("grade", "small", file, *TRUSTED, "--learner", "ada\x1b[0m")
    assert result.exit_code == 1
    assert not {"\x1b", "\x9b", "\u202e", "\x07"} & set(result.output)


# ---- sandboxes -------------------------------------------------------------------------------

SANDBOXES = {
    "grade-docker": (("grade", "--sandbox", "docker"), "no Docker engine answers at"),
    "grade-auto": (("grade",), "no Docker engine answers at"),
    "check-docker": (("check", "--sandbox", "docker"), "no Docker engine answers at"),
    "grade-process": (("grade", "--sandbox", "process"), "the process sandbox does not isolate"),
    "grade-cuda": (("grade", *TRUSTED, "--device", "cuda"), "stage/small is graded on the CPU alone"),
}


@pytest.mark.parametrize(("arguments", "words"), SANDBOXES.values(), ids=SANDBOXES)
def test_what_is_not_there_is_said_with_the_next_step(line, arguments, words):
    command, *options = arguments
    result = line(command, "small", line.file(RIGHT), *options)
    assert result.exit_code == EXIT_HARNESS, result.output
    assert f"Error: {words}" in result.stderr
    assert any(f"{label}: " in result.stderr for label in ("Hint", "Next"))
    assert result.stdout == ""


@pytest.mark.parametrize("command", [("check",), ("grade", "--trust-submissions")], ids=["check", "grade"])
def test_trusted_work_runs_without_an_engine_and_says_so(line, command):
    name, *options = command
    result = line(name, "small", line.file(RIGHT), *options)
    assert result.exit_code == 0, result.output
    assert result.stderr == "No Docker engine answers: using the process sandbox, which does not isolate.\n"
    assert "Ran in the process sandbox: limits, no isolation." in result.stdout


def test_clean_works_without_an_engine(line, tmp_path, monkeypatch):
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert line("clean").output == "Removed 0 containers and 0 folders.\n"
    left = tmp_path / "roadmark-run-x"
    left.mkdir()
    (left / "owner").write_text("")
    assert line("clean").output == "Removed 0 containers and 0 folders.\n"
    (left / "owner").write_text(f"{os.uname().nodename}:4194305:1")
    assert line("clean").output == "Removed 0 containers and 1 folders.\n"


# ---- results and pages -----------------------------------------------------------------------


def test_json_is_one_document_of_the_published_schema(line):
    """From a process of its own: a grader's prints go to the same file descriptors."""
    command = [sys.executable, "-m", "harness.cli", "--course", str(line.course.root), "grade", "small"]
    command += [str(line.file(WRONG)), *TRUSTED, "--json", "--seed", "00ff", "--learner", "ada"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    tree = json.loads(done.stdout)
    jsonschema.validate(tree, schema())
    assert (tree["schema_version"], tree["learner"], tree["provenance"]["seed"]) == (1, "ada", "00ff")
    assert [check["name"] for check in tree["checks"]] == ["adds", "zero"]
    assert "a grader that prints" in done.stderr


def test_the_same_seed_gives_the_same_result(line):
    one, two = (json.loads(line.grade(RIGHT, "--json", "--seed", "0a").stdout) for _ in range(2))
    for tree in (one, two):
        tree["provenance"] = {
            key: tree["provenance"][key] for key in ("seed", "grader_digest", "exercise_digest")
        }
        for check in tree["checks"]:
            del check["seconds"]
    assert one == two


def test_a_page_is_written_at_once_or_from_the_result(line, tmp_path):
    page = tmp_path / "new" / "page.html"
    result = line.grade(RIGHT, "--html", page)
    assert f"Report: {page}" in " ".join(result.stdout.split("\n"))
    assert "add(a, b) adds" in page.read_text()
    stored = tmp_path / "result.json"
    stored.write_text(line.grade(RIGHT, "--json").stdout)
    assert line("report", stored).output == f"Report: {tmp_path / 'result.html'}\n"
    other = tmp_path / "other.html"
    assert line("report", stored, "--html", other).exit_code == 0
    assert other.read_text() == (tmp_path / "result.html").read_text()
    assert load(stored).score.passed


NOT_RESULTS = {
    "not-json": "{",
    "list": "[]",
    "other-version": '{"schema_version": 999}',
    "cut": '{"schema_version": 1}',
    "deep": '{"schema_version": 1, "a": %s}' % ("[" * 10**5),
}


@pytest.mark.parametrize("text", NOT_RESULTS.values(), ids=NOT_RESULTS)
def test_what_is_no_result_is_refused(line, text):
    result = line("report", line.file(text, "r.json"))
    assert result.exit_code == EXIT_USAGE, result.output
    assert "r.json is not a result" in result.stderr


def test_a_page_that_cannot_be_written_is_said(line):
    taken = line.file("x", "taken")
    result = line.grade(RIGHT, "--html", taken / "page.html")
    assert result.exit_code == EXIT_HARNESS
    assert result.stderr.startswith(f"Error: {taken}")
    assert "Traceback" not in result.stderr


# ---- when it goes wrong ----------------------------------------------------------------------


def test_an_exercise_without_a_starter_is_its_authors_fault(line, tmp_path):
    result = line("start", "small", tmp_path / "mine")
    assert (result.exit_code, "has no README.md or no starter/" in result.stderr) == (EXIT_USAGE, True)
    assert not (tmp_path / "mine").exists()


def test_a_fault_of_ours_does_not_look_like_a_failed_submission(line, monkeypatch):
    import harness.grade

    monkeypatch.setattr(harness.grade, "grade", lambda *_, **__: 1 / 0)
    result = line.grade(RIGHT)
    assert result.exit_code == EXIT_HARNESS
    assert "ZeroDivisionError" in result.stderr


ENDS = {
    "interrupted-at-the-terminal": (lambda child: os.killpg(child.pid, signal.SIGINT), EXIT_INTERRUPTED),
    "interrupted-alone": (lambda child: child.send_signal(signal.SIGINT), EXIT_INTERRUPTED),
    "terminated": (lambda child: child.terminate(), -signal.SIGTERM),
    "killed": (lambda child: child.kill(), -signal.SIGKILL),
}


@pytest.mark.parametrize(("end", "status"), ENDS.values(), ids=ENDS)
def test_whatever_ends_it_in_mid_call_ends_the_submission_too(line, tmp_path, end, status):
    runs = tmp_path / "runs"
    runs.mkdir()
    marker = tmp_path / "started"
    text = f"import time\ndef add(a, b):\n    open({str(marker)!r}, 'w').close()\n    time.sleep(60)\n"
    command = [sys.executable, "-m", "harness.cli", "--course", str(line.course.root), "grade", "small"]
    command += [str(line.file(text)), *TRUSTED]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(runs)}, **pipes) as child:
        wait_until(marker.exists)
        end(child)
        began = time.monotonic()
        output, errors = child.communicate(timeout=30)
    assert child.returncode == status, errors
    assert "Traceback" not in output + errors, errors
    wait_until(lambda: not list(runs.iterdir()))
    assert time.monotonic() - began < 15


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
