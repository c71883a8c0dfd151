"""What happens to a batch from outside. Afterwards the gradebook is that of an undisturbed one."""

import contextlib
import itertools
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

from harness.catalog import load_exercise
from harness.cohort.batch import Manner, run_batch
from harness.cohort.planning import Wanted, plan
from harness.errors import GradebookError
from harness.gradebook import Gradebook
from harness.interchange.readers import read_source
from harness.sandbox.engine import connect
from tests.cohort.conftest import KINDS, RIGHT, batch, kill_group, standing, wait_until_gone
from tests.cohort.own_engine import OwnEngine
from tests.cohort.test_batch import count, wait_for_results


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 4 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no tmpfs can be mounted here: {made.stderr!r}")
        pytest.skip("no tmpfs can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_stops_the_batch_and_loses_nothing(cohort, roadmark, small_disk, tiny, tmp_path):
    expected = cohort(12)
    exercise = load_exercise(tiny.exercise_folder("stage/small"))
    manner = Manner(sandbox="process", jobs=2)
    url = str(small_disk / "grades.db")

    def run(progress=lambda _: None):
        with (
            read_source(tmp_path / "handed-in", "auto", tiny.names()) as source,
            Gradebook(url, patience=1) as book,
        ):
            pairs = [(exercise, one) for one in source.handed]
            made = plan(book, tiny, pairs, Wanted(sandbox="process"))
            return run_batch(book, tiny, made.works, manner, progress)

    filler = small_disk / "filler"

    def fill(settled):
        if settled.done == 4:
            with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
                while True:
                    stream.write(bytes(4096))

    with pytest.raises(GradebookError) as caught:
        run(fill)
    assert "room on the disk" in caught.value.hint
    filler.unlink()
    tally = run()
    assert 0 < tally.graded <= 8
    assert (standing(url), count(url)) == (expected, 12)


def test_a_gradebook_that_is_locked_for_seconds_is_waited_for(cohort, roadmark, start, tmp_path):
    expected = cohort(12)
    url = str(tmp_path / "g.db")
    running = start(*batch(url))
    wait_for_results(url, 2)
    other = sqlite3.connect(url, isolation_level=None, timeout=30)
    other.execute("BEGIN EXCLUSIVE")
    time.sleep(7)  # longer than SQLite itself waits
    other.execute("COMMIT")
    other.close()
    told, _ = running.communicate(timeout=120)
    assert running.returncode == 0, told
    assert (standing(url), count(url)) == (expected, 12)


def test_a_database_server_that_restarts_is_waited_for(cohort, roadmark, start, postgres):
    expected = cohort(12)
    url = postgres.new_url()
    running = start(*batch(url))
    while count(url) < 2:
        time.sleep(0.1)
    postgres.stop()
    time.sleep(1.5)
    postgres.start()
    told, _ = running.communicate(timeout=120)
    assert running.returncode == 0, told
    assert (standing(url), count(url)) == (expected, 12)


def test_exports_beside_a_batch_see_whole_rows_and_hinder_nobody(cohort, roadmark, start, tmp_path):
    expected = cohort(12)
    url = str(tmp_path / "g.db")
    running = start(*batch(url))
    wait_for_results(url, 1)
    with Gradebook(url) as book:
        from harness.gradebook.standing import rows

        slowest = 0.0
        while running.poll() is None:
            began = time.monotonic()
            with book.reading() as session:
                partial = {row.learner: row.outcome for row in rows(session)}
            slowest = max(slowest, time.monotonic() - began)
            known = {learner: outcome for learner, outcome in partial.items() if outcome != "ungraded"}
            assert known.items() <= {learner: outcome for learner, (outcome, _) in expected.items()}.items()
            time.sleep(0.02)
    running.communicate()
    assert running.returncode == 0
    assert slowest < 5.0
    assert standing(url) == expected


class Engine:
    """The way to the real engine, which can be cut: as if the engine stopped, for one who goes it."""

    def __init__(self, path: str, target: str = "/var/run/docker.sock") -> None:
        self.path, self._target = path, target
        self._open: list[socket.socket] = []
        self._listening: socket.socket | None = None
        self._changing = threading.Lock()

    def start(self) -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(self.path)
        listening.listen(64)
        with self._changing:
            self._listening = listening
        threading.Thread(target=self._accept, args=(listening,), daemon=True).start()

    def stop(self) -> None:
        Path(self.path).unlink()
        with self._changing:
            ending, self._listening, self._open = [self._listening, *self._open], None, []
        for one in ending:
            for close in (lambda one=one: one.shutdown(socket.SHUT_RDWR), one.close):
                with contextlib.suppress(OSError):
                    close()

    def _accept(self, listening: socket.socket) -> None:
        while True:
            try:
                near, _ = listening.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self._target)
            with self._changing:
                if self._listening is not listening:  # stopped meanwhile
                    near.close()
                    far.close()
                    return
                self._open += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


@pytest.mark.docker
def test_an_engine_that_stops_and_starts_is_waited_for(cohort, roadmark, start, tmp_path, image, monkeypatch):
    engine = Engine(str(tmp_path / "engine.sock"))
    engine.start()
    expected = cohort(8)
    monkeypatch.setenv("DOCKER_HOST", f"unix://{engine.path}")
    running = start(*batch("g.db", "-j", "2", sandbox="docker"))
    wait_for_results(str(tmp_path / "g.db"), 2)
    engine.stop()
    time.sleep(4)
    engine.start()
    told, _ = running.communicate(timeout=300)
    assert running.returncode == 0, told
    monkeypatch.delenv("DOCKER_HOST")
    assert standing(tmp_path / "g.db") == expected, told
    engine.stop()
    roadmark("clean")


@pytest.mark.docker
def test_who_dies_with_the_engine_is_not_to_blame(tiny, graded, no_leftovers, monkeypatch):
    starts = itertools.count()
    monkeypatch.setattr("harness.sandbox.docker.engine_mark", lambda: str(next(starts)))
    text, _, _ = KINDS["dies"]
    assert graded(tiny, text, sandbox="docker").score.ungraded == 3, (
        "what comes after is not answered by who is dead"
    )
    assert graded(tiny, RIGHT, sandbox="docker").score.passed, "whose answers are all there has a verdict"


@pytest.fixture(scope="module")
def own_engine(image):
    """A real engine that only these tests use, with the sandbox's image in it."""
    from harness.sandbox.images import image_tag

    if os.geteuid() or not shutil.which("dockerd"):
        pytest.skip("only root can start a second Docker engine")
    own = OwnEngine()
    try:
        own.start()
        own.take(image_tag("cpu"))
        yield own
    finally:
        own.remove()


@pytest.mark.slow
@pytest.mark.docker
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_real_engine_that_is_restarted_in_the_middle(
    cohort, roadmark, start, tmp_path, own_engine, monkeypatch, how
):
    from harness.sandbox.docker import LABEL

    expected = cohort(12)
    monkeypatch.setenv("DOCKER_HOST", own_engine.url)
    running = start(*batch("g.db", "-j", "2", sandbox="docker"))
    wait_for_results(str(tmp_path / "g.db"), 3)
    own_engine.stop(how)
    time.sleep(3)
    own_engine.start()
    told, _ = running.communicate(timeout=300)
    assert running.returncode == 0, told
    assert "The Docker engine does not answer; waiting for it." in told
    assert (standing(tmp_path / "g.db"), count(str(tmp_path / "g.db"))) == (expected, 12)
    with contextlib.closing(connect(own_engine.url)) as client:
        assert client.api.containers(all=True, filters={"label": [LABEL]}) == []


@pytest.mark.docker
def test_kill_9_in_the_middle_of_containers_leaves_none_behind(
    cohort, roadmark, start, tmp_path, engine, image
):
    from harness.sandbox.docker import LABEL, OWNER

    expected = cohort(6)
    running = start(*batch("g.db", "-j", "2", sandbox="docker"))
    wait_for_results(str(tmp_path / "g.db"), 2)
    kill_group(running)
    wait_until_gone(running.pid)
    roadmark(*batch("g.db", sandbox="docker"))
    assert (standing(tmp_path / "g.db"), count(str(tmp_path / "g.db"))) == (expected, 6)
    from harness.sandbox.owners import alive

    left = engine.api.containers(all=True, filters={"label": [LABEL]})
    assert [one["Id"] for one in left if not alive(one["Labels"][OWNER])] == []


def test_no_folder_is_left_in_the_temporary_one(cohort, roadmark, tmp_path, monkeypatch):
    cohort(4)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    shutil.make_archive(str(tmp_path / "class"), "zip", tmp_path / "handed-in")
    shutil.rmtree(tmp_path / "handed-in")
    (tmp_path / "class.zip").rename(tmp_path / "handed-in.zip")
    arguments = [one if one != "handed-in" else "handed-in.zip" for one in batch(str(tmp_path / "g.db"))]
    roadmark(*arguments)
    assert count(str(tmp_path / "g.db")) == 4
    assert list((tmp_path / "temporary").iterdir()) == []
