"""What learners get holds nothing that they must not have: the release, the wheel and the image are searched."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.catalog import HOME, Course
from harness.release import release_course
from harness.sandbox import images


def secret_lines() -> set[bytes]:
    """Return the long lines of hidden checks, references and calibration runs that stand nowhere public."""
    lines = lambda file: {line.strip() for line in file.read_bytes().splitlines() if len(line.strip()) > 30}
    secret = [
        *HOME.glob("graders/*/*/hidden.py"),
        *HOME.glob("reference/*/*/*/*/*.py"),
        *HOME.glob("reference/*/*/solution/*.py"),
    ]
    known = [
        *HOME.glob("graders/*/*/public.py"),
        *HOME.glob("graders/*/*/conftest.py"),
        *HOME.glob("exercises/**/*.*"),
    ]
    known += [
        *HOME.glob("harness/**/*.py"),
        *HOME.glob("harness/templates/**/*.*"),
        *HOME.glob("reports/*.py"),
    ]
    public = set().union(*(lines(file) for file in known))
    found = set().union(*(lines(file) for file in secret)) - public
    return {line for line in found if not line.startswith((b"import ", b"from "))}


def leaks(folder: Path) -> list[str]:
    secrets = secret_lines()
    assert len(secrets) > 50
    found = []
    for file in folder.rglob("*"):
        if file.is_file():
            held = {line.strip() for line in file.read_bytes().splitlines()}
            found += [f"{file}: {line!r}" for line in secrets & held]
    return found


def test_the_release_holds_nothing_hidden_and_is_a_course(tmp_path):
    written = release_course(HOME, tmp_path / "course")
    names = {file.name for file in written}
    assert {"exercise.toml", "README.md", "public.py", "roadmap.toml"} <= names
    assert not names & {"hidden.py", "expect.toml"}
    assert not (tmp_path / "course" / "reference").exists()
    assert leaks(tmp_path / "course") == []
    released = Course(tmp_path / "course")
    assert released.names() == Course(HOME).names()


def test_a_release_does_not_mix_with_what_is_there(tmp_path):
    (tmp_path / "mine").write_text("x")
    with pytest.raises(FileExistsError):
        release_course(HOME, tmp_path)


def test_the_wheel_carries_the_released_course_and_nothing_hidden(tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, HOME]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "wheel")
    course = tmp_path / "wheel" / "harness" / "course"
    assert Course(course).names() == Course(HOME).names()
    assert (tmp_path / "wheel" / "reports" / "templates" / "learner.html").exists()
    assert (tmp_path / "wheel" / "harness" / "sandbox" / "seccomp.json").exists()
    assert leaks(tmp_path / "wheel") == []


@pytest.mark.docker
def test_the_image_holds_the_worker_and_nothing_else_of_ours(engine, image):
    script = "find / -xdev -type f '(' -name hidden.py -o -name expect.toml -o -path '/opt/roadmark/*' ')'"
    command = ["sh", "-c", f"{script} 2>/dev/null; true"]
    output = engine.containers.run(image, command, remove=True, network_mode="none", user="0")
    ours = {
        line
        for line in output.decode().splitlines()
        if line.startswith("/opt/roadmark/") and "__pycache__" not in line
    }
    assert ours == {f"/opt/roadmark/{name}" for name in images.worker_files()}
    assert "expect.toml" not in output.decode()
