"""The page for authors is true: its files are written, its commands are run, and they do what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness.catalog import HOME
from tests.small_course import ROADMAP

PAGE = HOME / "docs" / "authoring.md"
FILE = re.compile(r"^`([\w/.-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def steps(text):
    """Yield each file as (path, text) and each command as (command, output shown), in the page's order."""
    found = [(match.start(), (match[1], match[2])) for match in FILE.finditer(text)]
    for block in CONSOLE.finditer(text):
        commands = re.split(r"^\$ ", block[1], flags=re.MULTILINE)[1:]
        for number, command in enumerate(commands):
            line, _, shown = command.partition("\n")
            found.append((block.start() + number, (None, (line, shown))))
    return [step for _, step in sorted(found, key=lambda item: item[0])]


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """What each command of the page printed, by command."""
    root = tmp_path_factory.mktemp("authoring")
    (root / "exercises").mkdir()
    (root / "exercises" / "roadmap.toml").write_text(ROADMAP.replace("basics", "mathematics"))
    environment = {
        **os.environ,
        "ROADMARK_COURSE": str(root),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for command in ("init --quiet", "-c user.name=a -c user.email=a@b commit --quiet --allow-empty -m first"):
        subprocess.run(["git", *command.split()], cwd=root, check=True)
    printed = {}
    for path, content in steps(PAGE.read_text()):
        if path:
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
            continue
        line = re.sub(r"^(roadmark (?:verify|calibrate) .*)$", r"\1 --sandbox process", content[0])
        if "--changed-since" in line:
            subprocess.run(
                "git add . && git -c user.name=a -c user.email=a@b commit -qm all",
                cwd=root,
                check=True,
                shell=True,
            )
        ran = subprocess.run(
            line,
            check=False,
            shell=True,
            cwd=root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        printed[content[0]] = (ran.returncode, ran.stdout + ran.stderr, content[1])
    return printed


def test_the_page_has_commands_and_files():
    found = steps(PAGE.read_text())
    assert sum(path is None for path, _ in found) >= 8
    assert sum(path is not None for path, _ in found) >= 8


def test_every_command_succeeds(done):
    for command, (status, output, _) in done.items():
        assert status == 0, f"{command}\n{output}"


def test_new_prints_what_the_page_shows(done):
    output, shown = next(
        (output, shown) for command, (_, output, shown) in done.items() if "roadmark new" in command
    )
    assert output == shown


def test_the_calibration_is_about_what_the_page_shows(done):
    _, output, shown = done["roadmark calibrate smoothing"]
    for line in (shown.splitlines()[0], shown.splitlines()[-1]):
        assert line.split("graders")[0] in output
    full = [float(re.search(r"full ([\d.]+);", text)[1]) for text in (output, shown)]
    assert full[0] == pytest.approx(full[1], rel=0.15)


def test_the_exercise_is_proved_and_every_check_catches(done):
    _, output, _ = done["roadmark verify smoothing --repeat 2"]
    assert "1 of 1 exercises proved" in output
    assert "3 of 3 checks are seen to catch a mistake" in output


WORKFLOW = HOME / ".github" / "workflows" / "verify.yml"


def test_the_workflow_uses_options_that_exist():
    from harness.cli.verify import verify

    known = {name for parameter in verify.params for name in parameter.opts}
    lines = re.findall(r"roadmark verify (.*)$", WORKFLOW.read_text(), re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        assert set(re.findall(r"(?<!\S)--[\w-]+", line)) <= known
