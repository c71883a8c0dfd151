"""What every sandbox must do, asked of each: answer, show nothing of ours, and leave nothing behind."""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from harness.errors import SandboxError
from harness.failures import LearnerFailure
from harness.proxy import SubmissionProxy
from harness.records import Exercise, Limits, SourceFile, Submission
from harness.sandbox import docker, process
from harness.sandbox.docker import DEADLINE, LABEL, OWNER, DockerSandbox, reap
from harness.sandbox.owners import alive, owner
from harness.sandbox.process import ProcessSandbox
from harness.sandbox.protocol import Slot
from harness.session import Session

SOURCE = """
import os, signal, sys, threading, time
from pathlib import Path

def echo(x):
    return x

def surroundings():
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "files": sorted(str(p.relative_to(".")) for p in Path(".").rglob("*") if p.is_file()),
        "data": Path("data/deep/numbers.bin").read_bytes(),
        "stdin": sys.stdin.read(),
        "descriptors": [int(name) for name in os.listdir("/proc/self/fd")],
        "arguments": sys.argv,
        "user": os.getuid(),
    }

def leave_a_daemon():
    ours, theirs = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            os.write(theirs, str(os.getpid()).encode())
            time.sleep(600)
        os._exit(0)
    return int(os.read(ours, 20))

def deepen():
    for _ in range(1100):
        os.mkdir("d")
        os.chdir("d")

def hold_on():
    os._exit = lambda status: time.sleep(600)
    return os.getpid()

def nap():
    time.sleep(600)

def work():
    began = time.process_time()
    while time.process_time() < began + 0.1:
        pass

def rest():
    time.sleep(0.2)
"""
FILES = (
    SourceFile(path="small.py", data=SOURCE.encode()),
    SourceFile(path="data/deep/numbers.bin", data=bytes(range(256))),
)
LIMITS = Limits(memory_mb=1024, call_seconds=60.0, import_seconds=60.0, reply_mb=64, disk_mb=64)
EXERCISE = Exercise(id="stage/small", title="", summary="", entry="small.py", limits=LIMITS)
SUBMISSION = Submission(files=FILES, entry="small.py", digest="")


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """An empty folder in which the process sandbox makes its own."""
    folder = tmp_path / "runs"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def sandbox(sandbox_name, request, runs):
    """A sandbox of each kind; nothing of its may be left after the test."""
    yield DockerSandbox(request.getfixturevalue("engine")) if sandbox_name == "docker" else ProcessSandbox()
    assert list(runs.iterdir()) == [], "a folder was left behind"


@pytest.fixture
def opened(sandbox):
    session = Session(sandbox, EXERCISE, SUBMISSION, b"seed")
    yield SubmissionProxy(session)
    session.close()


def is_running(pid: int) -> bool:
    """Whether a process runs; one that waits for its parent to notice its end does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def eventually(condition, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return bool(condition())


# ---- what a submission gets ------------------------------------------------------------------


def test_large_arrays_go_both_ways(opened):
    array = np.random.default_rng(0).integers(0, 255, 32 << 20, dtype=np.uint8)
    assert np.array_equal(opened.echo(array), array)


def test_processor_time_is_counted_outside(opened):
    opened.echo(0)
    before = opened.cpu_seconds()
    opened.work()
    worked = opened.cpu_seconds()
    opened.rest()
    rested = opened.cpu_seconds()
    assert before > 0
    assert 0.09 < worked - before < 0.5
    assert rested - worked < 0.09


def test_a_submission_finds_its_files_and_nothing_of_ours(opened, sandbox_name, monkeypatch):
    monkeypatch.setenv("ROADMARK_SECRET", "31337")
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    with tempfile.TemporaryFile() as file:
        os.set_inheritable(file.fileno(), True)
        seen = opened.surroundings()
    assert seen["files"] == ["data/deep/numbers.bin", "small.py"]
    assert seen["data"] == bytes(range(256))
    assert seen["stdin"] == ""
    assert max(seen["descriptors"]) < 8, "it holds more than its streams"
    ours = {
        "HOME",
        "LANG",
        "MPLBACKEND",
        "OMP_NUM_THREADS",
        "PATH",
        "PYTHONDONTWRITEBYTECODE",
        "PYTHONHASHSEED",
        "TZ",
        "USER",
    }
    theirs = {"process": {"CUDA_VISIBLE_DEVICES", "ROADMARK_RUN", "TMPDIR"}, "docker": {"HOSTNAME"}}[
        sandbox_name
    ]
    system = {"LC_CTYPE"}
    assert ours <= set(seen["environment"]) <= ours | theirs | system
    assert "31337" not in str(seen)
    assert not any("grader" in argument for argument in seen["arguments"])
    if sandbox_name == "docker":
        assert (seen["folder"], seen["user"]) == ("/submission", docker.FIRST_UID)


# ---- what is left ----------------------------------------------------------------------------


def test_an_exception_in_the_block_leaves_nothing(sandbox):
    running = None
    with suppress(KeyError), sandbox.launch(EXERCISE) as running:
        raise KeyError
    assert running.end() is running.end()


def test_a_daemon_ends_with_the_worker(opened, sandbox_name):
    daemon = opened.leave_a_daemon()
    opened._session.close()
    if sandbox_name == "process":  # a container's own processes go with it
        assert not is_running(daemon)


def test_a_folder_too_deep_for_python_is_removed_all_the_same(runs):
    session = Session(ProcessSandbox(), EXERCISE, SUBMISSION, b"seed")
    SubmissionProxy(session).deepen()
    session.close()
    assert list(runs.iterdir()) == []


def test_a_sandbox_that_cannot_start_is_our_fault_and_leaves_nothing(sandbox, sandbox_name, monkeypatch):
    if sandbox_name == "docker":
        real = docker.parameters
        monkeypatch.setattr(
            docker, "parameters", lambda *given: real(*given) | {"working_dir": "not-absolute"}
        )
    else:
        sandbox = ProcessSandbox(Slot(cpus=(4095,)))
    with pytest.raises(SandboxError, match="the sandbox did not start") as error, sandbox.launch(EXERCISE):
        pass
    assert error.value.hint == "roadmark doctor"


# ---- when the harness is killed --------------------------------------------------------------

HARNESS = """
    import sys, tempfile
    from tests.sandbox.test_sandboxes import EXERCISE, SUBMISSION, DockerSandbox, ProcessSandbox, Session, SubmissionProxy
    submission = SubmissionProxy(Session({sandbox}, EXERCISE, SUBMISSION, b"seed"))
    print(submission.{first}, flush=True)
    submission.nap()
"""


@pytest.fixture
def harness(runs):
    """Start a harness of its own, wait until it is in mid-call, and kill it with no chance to clean up."""

    def killed(sandbox: str, first: str = "echo(0)") -> tuple[int, int]:
        code = textwrap.dedent(HARNESS.format(sandbox=sandbox, first=first))
        environment = {**os.environ, "TMPDIR": str(runs)}
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment) as child:
            said = int(child.stdout.readline())
            time.sleep(0.3)  # for the call that never ends to begin
            child.kill()
        return child.pid, said

    return killed


def workers(runs: Path) -> list[int]:
    """The processes that carry the mark of a folder here."""
    return [pid for folder in runs.iterdir() for pid in process._marked(process._marker(folder))]


def test_a_worker_ends_when_the_harness_is_killed(harness, runs):
    harness("ProcessSandbox()")
    assert eventually(lambda: not any(map(is_running, workers(runs))))
    assert len(list(runs.iterdir())) == 1
    assert process.reap() == 1
    assert list(runs.iterdir()) == []


def test_a_worker_that_holds_on_is_ended_by_the_next_command(harness, runs):
    _, worker = harness("ProcessSandbox()", first="hold_on()")
    assert is_running(worker)
    assert process.reap() == 1
    assert eventually(lambda: not is_running(worker))
    assert list(runs.iterdir()) == []


@pytest.mark.docker
def test_a_container_ends_when_the_harness_is_killed_and_is_removed(harness, engine, no_leftovers):
    pid, _ = harness("DockerSandbox()")

    def mine() -> list[dict]:
        found = engine.api.containers(all=True, filters={"label": [LABEL]})
        return [one for one in found if f":{pid}:" in one["Labels"][OWNER]]

    assert eventually(lambda: not any(one["State"] == "running" for one in mine()))
    assert len(mine()) == 1
    assert reap(engine) >= 1
    assert mine() == []


# ---- who owns what ---------------------------------------------------------------------------

HOST, PID, STARTED = owner().rsplit(":", 2)


def dead() -> str:
    """The mark of a process that has ended."""
    with subprocess.Popen(["sleep", "60"]) as child:
        mark = owner(child.pid)
        child.kill()
    return mark


OWNERS = {
    "this-process": (owner, True),
    "another-that-runs": (lambda: owner(os.getppid()), True),
    "one-that-has-ended": (dead, False),
    "a-number-used-again": (lambda: f"{HOST}:{PID}:{int(STARTED) - 1}", False),
    "another-machine": (lambda: f"not-{HOST}:1:1", True),
    "no-such-number": (lambda: f"{HOST}:4194305:1", False),
    "number-zero": (lambda: f"{HOST}:0:{STARTED}", False),
    "no-number": (lambda: f"{HOST}:one:1", False),
    "an-odd-digit": (lambda: f"{HOST}:²:1", False),
    "negative": (lambda: f"{HOST}:-1:1", False),
    "too-short": (lambda: HOST, False),
    "two-parts": (lambda: f"{HOST}:{PID}", False),
    "empty": (lambda: "", False),
}


@pytest.mark.parametrize(("mark", "lives"), OWNERS.values(), ids=OWNERS)
def test_who_is_alive(mark, lives):
    assert alive(mark()) is lives


LABELS = {
    "ours": ({OWNER: owner(), DEADLINE: "9e9"}, False),
    "ours-but-overdue": ({OWNER: owner(), DEADLINE: "1"}, True),
    "of-the-dead": ({OWNER: f"{HOST}:4194305:1", DEADLINE: "9e9"}, True),
    "of-another-machine": ({OWNER: "elsewhere:1:1", DEADLINE: "9e9"}, False),
    "of-another-machine-overdue": ({OWNER: "elsewhere:1:1", DEADLINE: "1"}, True),
    "no-deadline": ({OWNER: owner()}, True),
    "no-number": ({OWNER: owner(), DEADLINE: "soon"}, True),
    "nobody's": ({DEADLINE: "9e9"}, True),
}


@pytest.mark.parametrize(("labels", "gone"), LABELS.values(), ids=LABELS)
def test_which_containers_are_abandoned(labels, gone):
    assert docker._abandoned(labels) is gone


@pytest.mark.docker
def test_only_abandoned_containers_are_removed(engine, image):
    rows = [row for name, row in LABELS.items() if not name.endswith("machine")]
    made = [
        engine.api.create_container(image, ["true"], labels={LABEL: "test", **labels})["Id"]
        for labels, _ in rows
    ]
    try:
        reap(engine)
        left = {found["Id"] for found in engine.api.containers(all=True, filters={"label": [LABEL]})}
        assert [one not in left for one in made] == [gone for _, gone in rows]
    finally:
        for one in made:
            with suppress(Exception):
                engine.api.remove_container(one, force=True)


FOLDERS = {
    "ours": (lambda: owner().encode(), False),
    "of-the-dead": (lambda: f"{HOST}:4194305:1".encode(), True),
    "of-another-machine": (lambda: b"elsewhere:1:1", False),
    "just-being-made": (lambda: None, False),
    "just-being-written": (lambda: b"", False),
    "overwritten-by-a-submission": (lambda: b"\xff\xfe", True),
}


@pytest.mark.parametrize(("mark", "gone"), FOLDERS.values(), ids=FOLDERS)
def test_which_folders_are_removed(runs, mark, gone):
    folder = runs / f"{process.PREFIX}x"
    (folder / "submission").mkdir(parents=True)
    if mark() is not None:
        (folder / process.OWNER_FILE).write_bytes(mark())
    other = runs / "somebody-elses"
    other.mkdir()
    assert process.reap() == gone
    assert folder.exists() is not gone
    assert other.exists()


def test_a_link_that_looks_like_ours_is_not_followed(runs, tmp_path):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / process.OWNER_FILE).write_text(f"{HOST}:4194305:1")
    (runs / f"{process.PREFIX}link").symlink_to(precious)
    process.reap()
    assert (precious / process.OWNER_FILE).exists()


# ---- places ----------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="processors cannot be chosen here")
def test_a_slot_gives_its_processors(runs):
    processor = min(os.sched_getaffinity(0))
    text = b"import os\ndef mine(): return sorted(os.sched_getaffinity(0)), os.environ['OMP_NUM_THREADS']\n"
    submission = Submission(files=(SourceFile(path="small.py", data=text),), entry="small.py", digest="")
    session = Session(ProcessSandbox(Slot(cpus=(processor,))), EXERCISE, submission, b"")
    try:
        assert SubmissionProxy(session).mine() == ([processor], "1")
    finally:
        session.close()


def test_a_full_folder_for_runs_is_our_fault(monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/nonexistent")
    with pytest.raises(SandboxError, match="no folder") as error, ProcessSandbox().launch(EXERCISE):
        pass
    assert "TMPDIR" in error.value.hint


def test_more_processes_than_allowed_end_a_submission(runs):
    text = b"import os, time\ndef spread():\n    for _ in range(30):\n        if os.fork() == 0:\n            time.sleep(60)\n    time.sleep(60)\n"
    exercise = Exercise(
        id="s/x", title="", summary="", entry="small.py", limits=Limits(pids=10, call_seconds=20)
    )
    submission = Submission(files=(SourceFile(path="small.py", data=text),), entry="small.py", digest="")
    session = Session(ProcessSandbox(), exercise, submission, b"")
    with pytest.raises(LearnerFailure) as failure:
        SubmissionProxy(session).spread()
    assert failure.value.reason == "exit"
    session.close()
    assert workers(runs) == []


def test_the_process_sandbox_says_how_weak_it_is():
    assert ProcessSandbox().tier() == "process: resource limits, no isolation"
    assert ProcessSandbox().image() == ""
