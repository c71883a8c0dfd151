"""Mixed gradings with harnesses killed at random leave nothing: no container, volume, folder or descriptor.

`LEAKS` multiplies the runs: 1 in the tests, 20 for 300 runs with 30 kills, 67 in the nightly run.
"""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from harness.sandbox import docker, process
from harness.sandbox.docker import LABEL, OWNER
from tests.hostile.arena import HERE, HONEST
from tests.hostile.catalogue import attacks

LEAKS = int(os.environ.get("LEAKS", "1"))
RUNS, KILLS = 15 * LEAKS, max(3, 3 * LEAKS // 2)
MIX = ("F02-overwrites-at-exit", "F03-daemon-writes-later", "F05-exits-cleanly", "F06-dies-silently")
MIX += ("R04-a-child-takes-the-memory", "R06-fills-tmp", "R09-inodes", "R11-endless-output", "R18-daemonises")
MIX += ("R20-segfault", "E25-leaves-traps-for-the-cleaner", "B06-syntax-error", "B07-misspelt")

HARNESS = """
import os, sys
from pathlib import Path
from tests.hostile.arena import COURSE, LEARNER
from harness.catalog import load_exercise
from harness.grade import Options, grade
from harness.intake import read_submission

spec = load_exercise(COURSE.exercise_folder("arena/small"))
for number, path in enumerate(sys.argv[2:]):
    sandbox = "process" if number % 5 == 4 else "docker"
    grade(COURSE, spec, read_submission(Path(path), spec), Options(sandbox=sandbox, slot=int(sys.argv[1])))
    print(len(os.listdir("/proc/self/fd")), flush=True)
"""


def start(paths, seat: int, folder: Path) -> subprocess.Popen:
    """Start a harness that grades these one after the other."""
    return subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(seat), *map(str, paths)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=HERE.parents[1],
        env={**os.environ, "TMPDIR": str(folder)},
        start_new_session=True,
    )


def family(pid: int) -> set[int]:
    """Return a process and all that descend from it: whoever kills a harness may hit its child alone, too."""
    found = {pid}
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(entry.parent.name)] = int(fields[1])
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def ours(engine) -> list[dict]:
    """Return containers of owners that are gone, whatever state they are in."""
    found = engine.api.containers(all=True, filters={"label": [LABEL]})
    return [one for one in found if not process.alive(one["Labels"].get(OWNER, ""))]


@pytest.mark.docker
def test_nothing_is_left_behind(engine, image, tmp_path):
    rng = random.Random(20011)
    mix = [attack.path for attack in attacks() if attack.name in MIX] + [HONEST / "small.py"] * 4
    assert len(mix) == len(MIX) + 4
    volumes = {volume["Name"] for volume in engine.api.volumes()["Volumes"] or ()}
    folder, elsewhere = tmp_path / "temporary", set(Path(tempfile.gettempdir()).glob("roadmark*"))
    folder.mkdir()
    kills = set(rng.sample(range(RUNS), KILLS))
    done, descriptors = 0, []
    while done < RUNS:
        count = next((n for n in range(1, 9) if done + n - 1 in kills), 8)
        count = min(count, RUNS - done)
        killed = done + count - 1 in kills
        child = start([rng.choice(mix) for _ in range(count)], rng.randrange(4), folder)
        descriptors += [int(child.stdout.readline()) for _ in range(count - killed)]
        if killed:
            time.sleep(rng.uniform(0, 1.5))
            victims = family(child.pid) if rng.random() < 0.3 else {child.pid}
            for victim in victims:
                try:
                    os.kill(victim, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        child.wait(120)
        child.stdout.close()
        done += count
    wait_until_gone()
    docker.reap(engine)
    assert ours(engine) == [], "a container was left behind"
    reap_in(folder)
    assert list(folder.iterdir()) == [], "a folder was left behind"
    left = {volume["Name"] for volume in engine.api.volumes()["Volumes"] or ()}
    assert left <= volumes, "a volume was left behind"
    assert {
        path for path in Path(tempfile.gettempdir()).glob("roadmark*") if ours_by_owner(path)
    } <= elsewhere
    assert max(descriptors) <= min(descriptors) + 2, "descriptors grow with the gradings"


def wait_until_gone(seconds: float = 30) -> None:
    """Children of killed harnesses notice within a moment and clean up; then it is the reaper's turn."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any_child():
        time.sleep(0.1)


def any_child() -> bool:
    """Whether a harness of this test still lives; its program is in its command line."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if HARNESS.encode() in entry.read_bytes():
                return True
        except OSError:
            continue
    return False


def reap_in(folder: Path) -> None:
    usual = tempfile.tempdir
    tempfile.tempdir = str(folder)
    try:
        process.reap()
    finally:
        tempfile.tempdir = usual


def ours_by_owner(path: Path) -> bool:
    """Whether a folder is a run's whose owner has gone."""
    try:
        return not process.alive((path / process.OWNER_FILE).read_text())
    except OSError:
        return False
