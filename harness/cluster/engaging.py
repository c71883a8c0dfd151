"""How a batch comes to a cluster: nodes are asked, have to agree, and enter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from harness.catalog import HOME, Course
from harness.cluster.facts import facts_of, require_alike
from harness.cluster.hall import Function, Task
from harness.cluster.joining import Place, joined, places_of, require_places
from harness.cluster.nodes import answers, question
from harness.cluster.ray_executor import RayExecutor
from harness.cohort.executor import Engage, Manner
from harness.cohort.grading import Work
from harness.cohort.leases import needs_device
from harness.errors import SandboxError
from harness.gpu.nvml import Found
from harness.records import Exercise, Gpu


def ray_cluster(address: str = "auto", function: Function | None = None) -> Engage:
    """Return what gives the executor on a cluster.

    Args:
        address: Of the cluster, as for `ray.init`.
        function: Does the work in place of a grading, for tests and measurements.
    """

    @contextmanager
    def engage(course: Course, works: Sequence[Work], manner: Manner) -> Iterator[RayExecutor]:
        exercises = tuple({work.exercise.id: work.exercise for work in works}.values())
        root = "" if course.root == HOME else str(course.root.resolve())
        task = Task(
            course=root, sandbox=manner.sandbox, exercises=exercises, slots=manner.jobs, function=function
        )
        with joined(address) as ray:
            places = require_places(ray, manner.jobs)
            _require_gpus(exercises, places.values())
            ask = question(ray, root, sorted({one.profile for one in exercises}), manner.sandbox)
            ours = facts_of("this machine", course, (), "none")
            said = answers(ray, places.values(), ask, manner.say)
            require_alike(ours, tuple(said.values()))
            cluster = RayExecutor(ray, task, manner, ask, [ours, *said.values()])
            try:
                cluster.take_in(places[node] for node in said)
                yield cluster
            finally:
                cluster.end()

    return engage


def _require_gpus(exercises: Iterable[Exercise], places: Iterable[Place]) -> None:
    lacking = next((one for one in exercises if needs_device(one)), None)
    if lacking and not any(place.gpus for place in places):
        raise SandboxError(f"{lacking.id} needs a GPU, and no node has one", hint="ray start --num-gpus=1")


def gpus_there(address: str) -> Found:
    """Return whether any node has a GPU, as one that stands for all: which it is, the node decides."""
    with joined(address) as ray:
        if any(place.gpus for place in places_of(ray).values()):
            return Found(gpus=(Gpu(uuid="any", name="a GPU of the cluster"),))
    return Found(reason="no node of the cluster has one")
