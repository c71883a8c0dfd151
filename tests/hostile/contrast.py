"""The contrast: the forgers of the catalogue against plain pytest, in the same container.

Tests and submission share a process there, as they do in most autograders; the container is
ours in every other respect. `make contrast` runs them all and writes the table into
docs/hostile.md. A forger is accepted where pytest ends with status 0, or where its report
gives a point to a function that is wrong.
"""

from __future__ import annotations

import io
import json
import struct
import tarfile
import time
import uuid
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

from harness.catalog import load_exercise
from harness.sandbox.docker import Container, parameters
from harness.sandbox.images import require_image
from harness.sandbox.protocol import Slot, Stopped
from tests.hostile.arena import COURSE
from tests.hostile.catalogue import HERE, Attack, attacks, catalogue, summary

if TYPE_CHECKING:
    from docker import DockerClient

PAGE: Final = HERE.parents[1] / "docs" / "hostile.md"
BEGIN, END = "<!-- make contrast writes from here -->", "<!-- to here -->"
SEAT: Final = 5
PYTEST: Final = ("pytest", "pluggy", "iniconfig")
SECONDS: Final = 300.0
PATIENCE: Final = {"small": 120, "tensors": 120, "hasty": 8}
"""Seconds that pytest may take; what hangs is graded hastily there as here."""
NO_VERDICT: Final = "no verdict"

TESTS: Final = """
import numpy as np

import small


def inputs():
    rng = np.random.default_rng(0)
    return [GIVEN(rng.normal(size=4)) for _ in range(2)]


def reference_square(x):
    return x * x


def test_squares():
    for x in inputs():
        expected = reference_square(x)
        assert np.allclose(small.square(x), expected)


def test_squares_of_what_was_handed_in():
    for x in inputs():
        assert np.allclose(small.square(x), reference_square(x))


def test_squares_within_a_tolerance():
    for x in inputs():
        assert not (abs(small.square(x) - reference_square(x)) > 1e-6).any()


def test_one():
    assert small.one() == 1
"""
GIVEN: Final = {"tensors": "__import__('torch').from_numpy", "small": "np.asarray", "hasty": "np.asarray"}
BOOT: Final = """
import io, json, os, struct, subprocess, sys, tarfile, time
out = os.dup(1)
size, times, seconds = struct.unpack(">QQQ", sys.stdin.buffer.read(24))
tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read(size))).extractall("/submission")
command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--junitxml=report.xml", "test_small.py"]
for _ in range(times):
    try:
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=2, timeout=seconds,
                                env={**os.environ, "PYTHONPATH": "/submission/.tools"}).returncode
    except subprocess.TimeoutExpired:
        status = None
time.sleep(1)  # reports are collected a little later
report = open("report.xml").read() if os.path.exists("report.xml") else ""
text = json.dumps([status, report[:100000]]).encode()
os.write(out, struct.pack(">Q", len(text)) + text)
"""


def ask_pytest(client: DockerClient, attack: Attack) -> str:
    """Return what plain pytest says of a forger: `accepted`, with how, or `refused`."""
    exercise = load_exercise(COURSE.exercise_folder("arena/small"))
    wanted = parameters(exercise, require_image(client, "cpu"), Slot(index=SEAT), uuid.uuid4().hex[:12])
    wanted["command"] = ["python3", "-c", BOOT]
    container = Container(client, wanted, exercise.limits)
    deadline = time.monotonic() + SECONDS
    files = _archive(attack)
    try:
        container.start()
        container.send(
            [struct.pack(">QQQ", len(files), attack.times, PATIENCE[attack.exercise]), files], deadline
        )
        (size,) = struct.unpack(">Q", container.receive(8, deadline))
        status, report = json.loads(container.receive(size, deadline))
    except Stopped:
        return NO_VERDICT
    finally:
        container.end()
    return judged(status, report)


def judged(status: int | None, report: str) -> str:
    """Return what an autograder around pytest makes of its exit status and its report."""
    passed = []
    try:
        cases = list(ElementTree.fromstring(report or "<none/>").iter("testcase"))
        passed = [case.get("name", "") for case in cases if len(case) == 0]
    except ElementTree.ParseError:
        pass
    if passed:
        return f"accepted: {len(passed)} of its tests pass"
    if status == 0:
        return "accepted: it ends with status 0"
    return "refused" if status is not None else NO_VERDICT


def _archive(attack: Attack) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, data in _files(attack):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def _files(attack: Attack) -> Iterator[tuple[str, bytes]]:
    yield "test_small.py", TESTS.replace("GIVEN", GIVEN[attack.exercise]).encode()
    if attack.path.is_dir():
        for path in sorted(path for path in attack.path.rglob("*") if path.is_file()):
            yield path.relative_to(attack.path).as_posix(), path.read_bytes()
    else:
        yield "small.py", attack.path.read_bytes()
    for name in PYTEST:
        for found in distribution(name).files or ():
            place = Path(str(found.locate()))
            if place.suffix == ".py" and ".." not in found.parts:
                yield f".tools/{found.as_posix()}", place.read_bytes()


def forgers() -> list[Attack]:
    """Return the forgers that pytest can read: it takes no notebooks."""
    return [attack for attack in attacks() if attack.row[0] == "F" and attack.path.suffix != ".ipynb"]


def counted(said: dict[str, str]) -> str:
    """Return how many forgers are believed, in a sentence that the README quotes."""
    accepted = sum(words.startswith("accepted") for words in said.values())
    return f"Plain pytest accepts {accepted} of {len(said)} forgers in the same container; Roadmark none."


def table(said: dict[str, str]) -> str:
    """Return the part of the page that is written by this command."""
    does = {row.id: row.does for row in catalogue()}
    lines = [
        f"{summary()}.",
        "",
        counted(said),
        "",
        "| submission | what it does | plain pytest | Roadmark |",
        "|---|---|---|---|",
    ]
    for attack in forgers():
        ours = attack.squares.replace("|", " or ")
        lines.append(f"| `{attack.name}` | {does[attack.row]} | {said[attack.name]} | {ours} |")
    left = [row for row in catalogue() if row.not_applicable]
    if left:
        lines += [
            "",
            "Not applicable:",
            "",
            *(f"- {row.id} {row.does}: {row.not_applicable}" for row in left),
        ]
    return "\n".join(lines)


def written() -> str:
    """Return the part of the page as it stands there."""
    return PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0].strip()


def main() -> None:
    """Ask pytest about every forger and write the table."""
    from harness.sandbox.engine import connect

    client = connect()
    said = {attack.name: ask_pytest(client, attack) for attack in forgers()}
    text = PAGE.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    PAGE.write_text(f"{head}{BEGIN}\n\n{table(said)}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
