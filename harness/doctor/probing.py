"""Hand the probe in like a submission, and ask it and the engine about every control."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.doctor.controls import CONTROLS, LIMITS, Answers
from harness.doctor.findings import Finding, found
from harness.errors import RoadmarkError
from harness.failures import LearnerFailure
from harness.proxy import SubmissionProxy
from harness.records import Exercise, SourceFile, Submission
from harness.sandbox.owners import owner
from harness.sandbox.protocol import Slot
from harness.session import Session

if TYPE_CHECKING:
    from docker import DockerClient

PROBE: Final = Path(__file__).parents[1] / "sandbox" / "probe.py"
QUESTIONS: Final = (
    "status",
    "limits",
    "ulimits",
    "writable",
    "mounts",
    "scratch",
    "interfaces",
    "reaches_out",
    "resolvers",
    "system_calls",
    "socket_families",
    "environment",
    "neighbours",
    "host_name",
    "devices",
)
KILL_SECONDS: Final = 2.0
UNVERIFIED: Final = "do not grade on this engine before this holds; see SECURITY.md"


@contextmanager
def probe(
    client: DockerClient, profile: str, runtime: str = "", device: str = ""
) -> Iterator[SubmissionProxy]:
    """Run the probe behind the wall for as long as the block lasts, with a GPU if a uuid is given."""
    from harness.sandbox.docker import DockerSandbox

    exercise = Exercise(
        id="doctor/probe", title="probe", summary="", entry="probe.py", profile=profile, limits=LIMITS
    )
    data = PROBE.read_bytes()
    submission = Submission(
        files=(SourceFile(path="probe.py", data=data),),
        entry="probe.py",
        digest=hashlib.sha256(data).hexdigest(),
    )
    slot = replace(place(), device=device)
    session = Session(DockerSandbox(client, slot, runtime), exercise, submission, b"doctor")
    try:
        yield SubmissionProxy(session)
    finally:
        session.close()


def place() -> Slot:
    """Return the place that the probe runs in: one processor, where they can be chosen."""
    return Slot(cpus=tuple(sorted(os.sched_getaffinity(0))[:1]) if hasattr(os, "sched_getaffinity") else ())


def prove(
    client: DockerClient, profile: str = "cpu", runtime: str = "", device: str = ""
) -> Iterator[Finding]:
    """Yield a finding for each control, as a submission meets it and as the engine holds it."""
    with probe(client, profile, runtime, device) as asked:
        answers = gather(client, asked) | {"lent": device}
    yield from judged(answers)


def gather(client: DockerClient, asked: SubmissionProxy) -> dict[str, Any]:
    """Return what the probe and the engine answer; a question without an answer is left out."""
    answers: dict[str, Any] = {}
    for name in QUESTIONS:
        try:
            answers[name] = asked[name]()
        except (LearnerFailure, RoadmarkError) as error:
            answers.setdefault("unanswered", {})[name] = str(error)
    answers["outside"], answers["processors"] = _outside(client), len(place().cpus)
    return answers


def _outside(client: DockerClient) -> dict[str, Any]:
    """Return the engine's view of the probe's container: the newest of this process."""
    from harness.sandbox.docker import OWNER

    found_there = client.api.containers(filters={"label": [f"{OWNER}={owner()}"]})
    newest = max(found_there, key=lambda one: one["Created"], default=None)
    return dict(client.api.inspect_container(newest["Id"])) if newest else {}


def judged(answers: Answers) -> Iterator[Finding]:
    """Yield a finding for each control; what cannot be told from the answers could not be verified."""
    for subject, question in CONTROLS.items():
        try:
            trouble = question(answers)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            because = answers.get("unanswered") or repr(error)
            trouble = f"could not be verified: {because!s:.200}"
        yield found(subject, trouble, UNVERIFIED)


# ---- under strain ------------------------------------------------------------------------------


def strain(client: DockerClient, profile: str = "cpu", runtime: str = "") -> Iterator[Finding]:
    """Yield a finding for each end that a greedy submission has to come to."""
    with probe(client, profile, runtime) as asked:
        yield _ended(f"a hang ends within {KILL_SECONDS:g} s of its deadline", asked, "spin", "timeout", 0.5)
        yield _ended("a flood of output ends", asked, "flood", "output", LIMITS.call_seconds)
        yield _ended("taking too much memory ends", asked, "hoard", "memory", 60.0)
        yield _refused("starting too many processes is refused", asked)


def _ended(subject: str, asked: SubmissionProxy, deed: str, reason: str, seconds: float) -> Finding:
    asked._session.next_check()  # noqa: SLF001 - the one before was ended, and this wants a fresh worker

    def trouble() -> str:
        asked["neighbours"]()  # a worker that has started, so that its start is not timed
        began = time.monotonic()
        try:
            asked.within(seconds=seconds)[deed]()
        except LearnerFailure as failure:
            late = time.monotonic() - began - seconds
            good = failure.reason == reason and (reason != "timeout" or late < KILL_SECONDS)
            return "" if good else f"{failure} (after {late:.1f} s)"
        return "it was not ended"

    return found(subject, _or_error(trouble), "restart the engine; see SECURITY.md")


def _refused(subject: str, asked: SubmissionProxy) -> Finding:
    asked._session.next_check()  # noqa: SLF001 - as above

    def trouble() -> str:
        count = asked["multiply"](2 * LIMITS.pids)
        return "" if 0 < count < LIMITS.pids else f"{count} were started"

    return found(subject, _or_error(trouble), UNVERIFIED)


def _or_error(trouble: Callable[[], str]) -> str:
    try:
        return trouble()
    except (LearnerFailure, RoadmarkError, TypeError) as error:
        return f"could not be verified: {error!r:.200}"
