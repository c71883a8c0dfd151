"""How a cluster is: who grades with what, how much, and how fast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from harness.catalog import HOME, Course
from harness.cluster.facts import Facts, differences, facts_of
from harness.cluster.joining import NAMESPACE, Place, joined, require_places
from harness.cluster.nodes import answers, question

FIGURES_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """What one batch does on one node."""

    batch: str
    grading: int
    done: int
    seconds: float
    behind: int
    """How many works wait at the batch's driver."""

    @property
    def rate(self) -> float:
        """Return submissions per minute."""
        return 60 * self.done / max(self.seconds, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One node."""

    place: Place
    facts: Facts
    busy: tuple[Busy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A cluster."""

    nodes: tuple[Seen, ...]
    differences: tuple[str, ...]
    """What keeps nodes from grading alike."""
    silent: tuple[str, ...] = ()
    """Of which nodes nothing is known, and why."""

    @property
    def batches(self) -> Mapping[str, tuple[int, float]]:
        """Return how many works wait in each batch, and how many it does a minute."""
        found: dict[str, tuple[int, float]] = {}
        for busy in (one for node in self.nodes for one in node.busy):
            waiting, rate = found.get(busy.batch, (busy.behind, 0.0))
            found[busy.batch] = min(waiting, busy.behind), rate + busy.rate
        return found


def status(address: str, course: Course, profiles: Sequence[str] = ("cpu",)) -> Status:
    """Ask every node how it is; raises `SandboxError` where none can be asked.

    Args:
        address: Of the cluster.
        course: This machine's, with which the nodes' are compared.
        profiles: Of which images the ids are wanted.
    """
    root = "" if course.root == HOME else str(course.root.resolve())
    with joined(address) as ray:
        places = require_places(ray)
        silent: list[str] = []
        said = answers(ray, places.values(), question(ray, root, profiles, "docker"), silent.append)
        busy = _figures(ray)
    nodes = tuple(
        Seen(place=places[node], facts=facts, busy=tuple(busy.get(node, ()))) for node, facts in said.items()
    )
    ours = facts_of("this machine", course, (), "none")
    return Status(
        nodes=nodes, differences=tuple(differences(ours, tuple(said.values()))), silent=tuple(silent)
    )


def _figures(ray: Any) -> dict[str, list[Busy]]:
    """Return what the actors of all batches say, by node."""
    found: dict[str, list[Busy]] = {}
    for named in ray.util.list_named_actors(all_namespaces=True):
        node = named["name"].partition("/")[2]
        if named["namespace"] != NAMESPACE or not node:
            continue
        try:
            actor = ray.get_actor(named["name"], namespace=NAMESPACE)
            said = ray.get(actor.figures.remote(), timeout=FIGURES_SECONDS)
        except (ray.exceptions.RayError, ValueError):  # it is leaving, or waits for places
            continue
        found.setdefault(node, []).append(Busy(**said))
    return found
